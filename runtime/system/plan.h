/* What a compiled stage looks like to the runtime. The compiler emits these structs as constants
 * into the object file; the runtime walks them. Nothing is parsed or looked up at run time.
 *
 * A stage is one compiled graph. Its work is three plans: one depends only on the prompt, one only
 * on timesteps, and one is the step itself. The first two may be empty. With step caching there is
 * a fourth, the short step: the steps of the step plan that do not belong to cached values, which
 * it reads as the last full step left them. A plan is a list of steps (one kernel each) with a
 * barrier after each. A step is `tasks` independent calls of its kernel. Which thread runs a task
 * never changes what the task computes.
 *
 * The fields of the structs are the rows of plan.def. */
#ifndef LATENTRT_PLAN_H
#define LATENTRT_PLAN_H
#include <stddef.h>
#include <stdint.h>

#define LRT_PLAN_VERSION 8
/* Buffers that arguments refer to. Inputs follow in order from LRT_BUF_IO, then outputs. */
enum { LRT_BUF_WEIGHTS, LRT_BUF_ARENA, LRT_BUF_PROMPT, LRT_BUF_TIME, LRT_BUF_INTERVAL, LRT_BUF_IO };
#define LRT_MAX_ARGS 12
/* Types of inputs and outputs. */
enum { LRT_F32, LRT_I32 };
/* Instruction sets that code may need. */
enum {
    LRT_CPU_AVX2 = 1,
    LRT_CPU_FMA = 2,
    LRT_CPU_AVX512 = 4, /* F, BW, DQ, VL, CD */
    LRT_CPU_AVX512_BF16 = 8,
    LRT_CPU_AMX_BF16 = 16,
    LRT_CPU_NEON = 32,
    LRT_CPU_F16C = 64,
    LRT_CPU_AVX512_VNNI = 128,
    LRT_CPU_AVX_VNNI = 256,
    LRT_CPU_AMX_INT8 = 512,
    LRT_CPU_DOTPROD = 1024 /* sdot of Arm */
};
/* What the model predicts. */
enum { LRT_PREDICT_EPSILON, LRT_PREDICT_V };
/* Which timesteps a run takes. */
enum {
    LRT_SPACING_LINSPACE,
    LRT_SPACING_LEADING,
    LRT_SPACING_TRAILING,
    LRT_SPACING_SGM_UNIFORM,
    LRT_SPACING_SIMPLE,
    LRT_SPACING_SAMPLER /* the sampler's own: lrt_sampler.spacing */
};
/* lrt_schedule_config.beta_schedule. */
enum { LRT_BETAS_LINEAR, LRT_BETAS_SCALED_LINEAR, LRT_BETAS_COSINE };
/* lrt_schedule_config.sigmas: those of the timesteps, or a curve between the same ends. */
enum { LRT_SIGMAS_TIMESTEPS, LRT_SIGMAS_KARRAS, LRT_SIGMAS_EXPONENTIAL, LRT_SIGMAS_LU };
/* lrt_schedule_config.solver_type: the sampler's own (midpoint, bh2), or another one that some
 * samplers have. */
enum { LRT_SOLVER_SAMPLER, LRT_SOLVER_HEUN, LRT_SOLVER_BH1 };
/* lrt_schedule_config.variance: of the noise that a step of ddpm adds. */
enum { LRT_VARIANCE_SMALL, LRT_VARIANCE_LARGE };
/* Where a step of ddim and pndm ends: at the next timestep of the run, or train_steps / steps below
 * its own. */
enum { LRT_PREVIOUS_NEIGHBOUR, LRT_PREVIOUS_RATIO };
/* lrt_schedule_config.clip: as the sampler does by itself. */
enum { LRT_CLIP_SAMPLER = -1 };

/* args: addresses in the order that the kernel was compiled for. scratch: this thread's own memory,
 * 64-byte aligned, stage->scratch_bytes long. */
typedef void (*lrt_kernel)(void *const *args, int64_t task, void *scratch);

/* clang-format off */
#define LRT_U32(name) uint32_t name;
#define LRT_I32(name) int32_t name;
#define LRT_U64(name) uint64_t name;
#define LRT_I64(name) int64_t name;
#define LRT_F64(name) double name;
#define LRT_TEXT(name) const char *name;
#define LRT_POINTER(type, name) type name;
#define LRT_STRUCT(type, name) type name;
#define LRT_I64_ARRAY(name, count) int64_t name[count];
#define LRT_RESERVED(name) uint32_t name;

/* An argument of a kernel: an address. */
typedef struct {
#define LRT_FIELDS_OF_ARG
#include "plan.def"
} lrt_arg;
/* A kernel and its tasks. */
typedef struct {
#define LRT_FIELDS_OF_STEP
#include "plan.def"
} lrt_step;
typedef struct {
#define LRT_FIELDS_OF_PLAN
#include "plan.def"
} lrt_plan;
/* An input or an output. */
typedef struct {
#define LRT_FIELDS_OF_IO
#include "plan.def"
} lrt_io;
typedef struct {
#define LRT_FIELDS_OF_STAGE
#include "plan.def"
} lrt_stage;
/* All that latentc compiled into one object file. */
typedef struct {
#define LRT_FIELDS_OF_PROGRAM
#include "plan.def"
} lrt_program;
/* How a diffusion model was trained, and where its steps go unless the user says otherwise:
 * "schedule" of a pipeline file (docs/graph-language.md), the config of a scheduler in diffusers.
 * With 0 for everything but train_steps and betas, steps are those of keras-cv's Stable Diffusion,
 * where the last alpha is that of timestep 0. */
typedef struct {
#define LRT_FIELDS_OF_SCHEDULE_CONFIG
#include "plan.def"
} lrt_schedule_config;
/* A size of pictures, and the stages that were compiled for it. */
typedef struct {
#define LRT_FIELDS_OF_SIZE
#include "plan.def"
} lrt_size;
/* A generator's constants, from the pipeline file. */
typedef struct {
#define LRT_FIELDS_OF_PIPELINE
#include "plan.def"
} lrt_pipeline;

#undef LRT_U32
#undef LRT_I32
#undef LRT_U64
#undef LRT_I64
#undef LRT_F64
#undef LRT_TEXT
#undef LRT_POINTER
#undef LRT_STRUCT
#undef LRT_I64_ARRAY
#undef LRT_RESERVED

/* Sizes, in bytes, of all fields together: no struct has padding, so a field's offset is the sum of
 * the sizes before it, on every target. */
#define LRT_U32(name) + 4
#define LRT_I32(name) + 4
#define LRT_U64(name) + 8
#define LRT_I64(name) + 8
#define LRT_F64(name) + 8
#define LRT_TEXT(name) + 8
#define LRT_POINTER(type, name) + 8
#define LRT_STRUCT(type, name) + sizeof(type)
#define LRT_I64_ARRAY(name, count) + 8 * (count)
#define LRT_RESERVED(name) + 4
_Static_assert(sizeof(lrt_arg) == 0
#define LRT_FIELDS_OF_ARG
#include "plan.def"
    , "padding in lrt_arg");
_Static_assert(sizeof(lrt_step) == 0
#define LRT_FIELDS_OF_STEP
#include "plan.def"
    , "padding in lrt_step");
_Static_assert(sizeof(lrt_plan) == 0
#define LRT_FIELDS_OF_PLAN
#include "plan.def"
    , "padding in lrt_plan");
_Static_assert(sizeof(lrt_io) == 0
#define LRT_FIELDS_OF_IO
#include "plan.def"
    , "padding in lrt_io");
_Static_assert(sizeof(lrt_stage) == 0
#define LRT_FIELDS_OF_STAGE
#include "plan.def"
    , "padding in lrt_stage");
_Static_assert(sizeof(lrt_program) == 0
#define LRT_FIELDS_OF_PROGRAM
#include "plan.def"
    , "padding in lrt_program");
_Static_assert(sizeof(lrt_schedule_config) == 0
#define LRT_FIELDS_OF_SCHEDULE_CONFIG
#include "plan.def"
    , "padding in lrt_schedule_config");
_Static_assert(sizeof(lrt_size) == 0
#define LRT_FIELDS_OF_SIZE
#include "plan.def"
    , "padding in lrt_size");
_Static_assert(sizeof(lrt_pipeline) == 0
#define LRT_FIELDS_OF_PIPELINE
#include "plan.def"
    , "padding in lrt_pipeline");
#undef LRT_U32
#undef LRT_I32
#undef LRT_U64
#undef LRT_I64
#undef LRT_F64
#undef LRT_TEXT
#undef LRT_POINTER
#undef LRT_STRUCT
#undef LRT_I64_ARRAY
#undef LRT_RESERVED
/* clang-format on */

/* Every object file that latentc emits defines the first; a generator's also the second. */
extern const lrt_program latentrt_program;
extern const lrt_pipeline latentrt_pipeline;

/* The container: executable, padding, sections, footer. Sections begin at multiples of 65536 bytes
 * from the start of the file (the largest page size of the targets), so that weights can be mapped.
 * The footer is the last 160 bytes, little-endian. It covers
 * every byte in front of it: sections by their hashes, padding is zero.
 *
 * A file of packed weights is a container without an executable. It begins with a description in
 * lines of text, whose first line is LRT_PACKED. Then come the weights and, for a program that has
 * no container of its own (an archive is linked into it), the vocabulary.
 *
 * A generator also has the context of the empty prompt, computed by its own code when it was built,
 * where that code ran on the machine that built it. */
#define LRT_PACKED "latentc packed weights\n"
enum {
    LRT_SECTION_WEIGHTS,
    LRT_SECTION_VOCAB,
    LRT_SECTION_ABOUT,
    LRT_SECTION_CODE,    /* the executable: from the first byte of the file */
    LRT_SECTION_CONTEXT, /* of the empty prompt: runtime/program/text_context.h */
    LRT_SECTION_COUNT
};
typedef struct {
    uint64_t offset, bytes;
    uint64_t hash; /* lrt_hash_section of the bytes */
} lrt_section;
typedef struct {
    char magic[8]; /* "latentrt" */
    uint32_t version, n_sections;
    uint64_t layout_hash;
    uint64_t file_bytes;                     /* of the whole file, to recognise a truncated one */
    lrt_section sections[LRT_SECTION_COUNT]; /* unused ones: zero */
    uint64_t footer_hash;                    /* lrt_hash64 of the footer before this field */
} lrt_footer;
_Static_assert(sizeof(lrt_footer) == 160, "the footer is the last 160 bytes");
#endif
