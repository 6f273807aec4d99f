/* What a compiled stage looks like to the runtime. The compiler emits these structs as constants
 * into the object file (compiler/emit_plan.c mirrors every field); the runtime only walks them.
 * Nothing here is parsed or looked up at run time.
 *
 * A stage is one compiled graph. Its work is three plans: what depends only on the prompt, what
 * depends only on timesteps, and the step itself; the first two may be empty. A plan is a list of
 * steps (one kernel each) with a barrier after each; a step is `tasks` independent calls of its
 * kernel. Which thread runs a task never changes what the task computes. */
#ifndef LATENTRT_PLAN_H
#define LATENTRT_PLAN_H
#include <stddef.h>
#include <stdint.h>

#define LRT_PLAN_VERSION 5
/* Buffers that arguments refer to. Inputs follow in order from LRT_BUF_IO, then outputs. */
enum { LRT_BUF_WEIGHTS, LRT_BUF_ARENA, LRT_BUF_PROMPT, LRT_BUF_TIME, LRT_BUF_IO };
#define LRT_MAX_ARGS 12

/* args: resolved pointers in the order the kernel was emitted for. scratch: this thread's own,
 * 64-byte aligned, stage->scratch_bytes long. */
typedef void (*lrt_kernel)(void *const *args, int64_t task, void *scratch);
typedef struct {
    uint64_t offset;
    uint32_t buffer;
    uint32_t reserved;
} lrt_arg; /* address = buffer base + offset bytes */
typedef struct {
    lrt_kernel kernel;
    const lrt_arg *args;
    uint32_t n_args, tasks;
    const char *name; /* path of the op, e.g. "down.0.res.0.exit.conv" */
    const char *kind; /* kernel kind and specialisation, e.g. "contract conv3x3 gn+swish +res" */
    double flops;     /* 2 * multiply-adds as the graph is written; 0 for the rest */
    double bytes;     /* read and written once */
    uint32_t round, first; /* of every `round` tasks, the first `first` compute the first batch
                              element; the rest only others */
} lrt_step;
typedef struct {
    const lrt_step *steps;
    uint32_t n_steps, reserved;
} lrt_plan;
enum { LRT_F32, LRT_I32 };
typedef struct {
    const char *name;
    uint32_t dtype;
    uint32_t rank;
    int64_t dim[4];
} lrt_io;
typedef struct {
    const char *name; /* the graph's: "diffusion_model", ... */
    lrt_plan prompt, time,
        step; /* run once per prompt; once per `time_rows` timesteps; every step */
    const lrt_io *inputs, *outputs;
    uint32_t n_inputs, n_outputs;
    uint32_t time_rows, reserved; /* rows of a `time` run: that input is (time_rows, c) instead of
                                     (1 or b, c); 0 without a time plan */
    uint64_t weights_offset;      /* within the packed weights section */
    uint64_t weights_bytes, arena_bytes, prompt_bytes;
    uint64_t
        time_row_bytes; /* LRT_BUF_TIME: row r of the time plan's result is at r * time_row_bytes */
    uint64_t scratch_bytes; /* per thread */
} lrt_stage;

/* What the code needs of the CPU, checked before the first kernel: bits of LRT_CPU_*. */
enum {
    LRT_CPU_AVX2 = 1,
    LRT_CPU_FMA = 2,
    LRT_CPU_AVX512 = 4 /* F, BW, DQ, VL, CD */,
    LRT_CPU_AVX512_BF16 = 8,
    LRT_CPU_AMX_BF16 = 16,
    LRT_CPU_NEON = 32,
    LRT_CPU_F16C = 64
};

typedef struct {
    uint32_t version, cpu; /* LRT_PLAN_VERSION; LRT_CPU_* */
    const lrt_stage *const *stages;
    uint32_t n_stages, reserved;
    uint64_t layout_hash; /* of everything that packing depends on: must equal the one in the
                             container's footer */
    const char *target, *options,
        *made_from; /* for --info: target name; command-line options; graph files and weights */
} lrt_program;

/* How a diffusion model was trained, and where its steps go unless the user says otherwise:
 * "schedule" of a pipeline file (docs/graph-language.md), what diffusers calls a scheduler's
 * config. All 0 but train_steps and betas: as keras-cv runs Stable Diffusion, with the last alpha
 * that of timestep 0. */
enum { LRT_PREDICT_EPSILON, LRT_PREDICT_V };
enum {
    LRT_SPACING_LINSPACE,
    LRT_SPACING_LEADING,
    LRT_SPACING_TRAILING,
    LRT_SPACING_SAMPLER /* the sampler's own: lrt_sampler.spacing */
};
enum { LRT_PREVIOUS_NEIGHBOUR, LRT_PREVIOUS_RATIO };
enum { LRT_CLIP_SAMPLER = -1 };
typedef struct {
    int32_t train_steps, beta_scaled_linear; /* 1: scaled_linear, 0: linear */
    double beta_start, beta_end;
    double final_alpha; /* of ddim and pndm: alpha after the last step; 0: that of timestep 0 */
    double clip; /* x0 is kept within -clip .. clip; 0: it is not; LRT_CLIP_SAMPLER: as the sampler
                    does by itself */
    int32_t prediction, spacing; /* LRT_PREDICT_*; LRT_SPACING_* */
    int32_t steps_offset;        /* added to every timestep of leading */
    int32_t karras;   /* 1: samplers that go by sigma take sigmas between the same ends as Karras et
                         al. space them */
    int32_t previous; /* LRT_PREVIOUS_*: where a step of ddim and pndm ends: at the next timestep,
                         or train_steps / steps below its own */
    int32_t final_sigma_least; /* of samplers that go by sigma: 1: the last step ends at sigma of
                                  timestep 0; 0: at 0 */
    int32_t full_order_last;   /* of dpm++2m and unipc: 1: the last steps of a short run keep the
                                  order of the others */
    int32_t zero_snr; /* 1: betas are rescaled so that the last timestep is nothing but noise */
    int32_t prk_steps, reserved; /* of pndm: 1: it begins with steps of Runge-Kutta */
} lrt_schedule_config;

/* A size of pictures, and the stages that were compiled for it. */
typedef struct {
    int32_t width, height, diffusion_model, decoder, image_encoder;
} lrt_size;

/* A generator's constants, from the pipeline file. */
typedef struct {
    const char *name;
    const lrt_program *program;
    /* indices into program->stages; -1 when absent */
    int32_t text_encoder, diffusion_model, decoder, image_encoder;
    int32_t height, width, max_text_length, pad_token; /* pad_token: -1 = end of text */
    int32_t batched_guidance; /* 1: diffusion_model takes two contexts (unconditional first); 0:
                                 one, called twice */
    int32_t time_width;       /* channels of timestep_embedding */
    lrt_schedule_config schedule;
    int32_t steps;
    double cfg_scale;
    const char *sampler;
    int64_t seed;
    const char *output, *prompt;
    const lrt_size *sizes;
    uint32_t
        n_sizes; /* all that there are; the first one's values are those above. 0: that one alone */
    uint32_t round_nearest;   /* numbers of a picture become bytes: 1: rounded to nearest, as in
                                 diffusers; 0: down, as in keras-cv */
    const char *weights_file; /* NULL: weights follow the program in its own file; else the name of
                                 their file, beside it */
    double latent_scale; /* 0: image_encoder gives the latent of a picture. Else mean and logarithm
                            of the variance: a sample of that, times this, is it */
} lrt_pipeline;

/* Every object that latentc emits defines the first; a generator's also the second. */
extern const lrt_program latentrt_program;
extern const lrt_pipeline latentrt_pipeline;

/* The container: executable, padding, sections, footer. Sections begin at multiples of 65536 bytes
 * from the start of the file (the largest page size of the targets), so that weights can be mapped.
 * The footer is the last 160 bytes, little-endian. A file of packed weights is the same without an
 * executable: it begins with what it is, in lines of text, the first of which is LRT_PACKED; then
 * weights, and, for a program that has no container of its own (an archive is linked into it), the
 * vocabulary. */
#define LRT_PACKED "latentc packed weights\n"
enum { LRT_SECTION_WEIGHTS, LRT_SECTION_VOCAB, LRT_SECTION_ABOUT, LRT_SECTION_COUNT };
typedef struct {
    uint64_t offset, bytes, hash;
} lrt_section; /* hash: lrt_hash64 of the bytes */
typedef struct {
    char magic[8]; /* "latentrt" */
    uint32_t version, n_sections;
    uint64_t layout_hash,
        file_bytes;          /* whole file, footer included: a truncated file is recognised */
    lrt_section sections[4]; /* unused: zero */
    uint8_t reserved[24];
    uint64_t footer_hash; /* lrt_hash64 of the footer before this field */
} lrt_footer;
/* A fast 64-bit hash whose result does not depend on the number of threads: chunks of 4 MiB hashed
 * apart (OpenMP), then combined in order. */
uint64_t lrt_hash64(const void *p, uint64_t n);
#endif
