/* A lowered program: stages (steps, memory, packed weights) and the kernels that they share. Plain
 * data, without LLVM: lowering makes it, emission (codegen.h) and packing (pack.h) read it. */
#ifndef LATENTC_PROGRAM_H
#define LATENTC_PROGRAM_H
#include "kernel_kind.h"
#include "panel.h"
#include "models.h"
#include "pass.h"
#include "plan.h"
#include "target.h"
#include "weights.h"

/* What to minimise: time, or packed weights. */
typedef enum { OPTIMIZE_SPEED, OPTIMIZE_MEMORY } Optimize;

/* ---- a lowered stage ---- */
/* A region of memory: a tensor's storage, or a kernel's partial results. first..last: the steps
 * that use it. */
typedef struct {
    int64_t bytes;
    int first, last;
    uint32_t buffer;
    int64_t offset;
} Mem;
enum { PLAN_PROMPT, PLAN_TIME, PLAN_STEP, PLAN_COUNT };
typedef struct {
    int kernel;                  /* index into Program.kernels */
    uint32_t args[LRT_MAX_ARGS]; /* mems */
    int n_args, plan;
    int64_t tasks, round, first; /* as in lrt_step */
    const char *name, *kind;
    double flops, bytes; /* as the graph is written; read and written once */
    double done;         /* FLOPs of the products that are really computed */
    bool bf16;           /* operands of the products */
} Step;
typedef enum { PACK_RAW, PACK_PANELS, PACK_BIAS, PACK_KINDS } PackKind;
/* shared: the same bytes are those of an earlier stage, and packed there. */
typedef struct {
    PackKind kind;
    TensorId tensor;
    PanelLayout layout; /* all 0 for PACK_RAW */
    int64_t offset, floats;
    uint32_t mem;
    bool shared;
} Packed;
/* An input or output. binding: of inputs. */
typedef struct {
    const char *name;
    Dtype dtype;
    Shape shape;
    Binding binding;
} StageIo;
enum { MOST_IO = 64 };
typedef struct {
    Graph *graph; /* its name, and the weights that `packed` names */
    StageIo inputs[MOST_IO], outputs[MOST_IO];
    uint32_t n_inputs, n_outputs;
    Mem *mems;
    uint32_t n_mems, cap_mems;
    Step *steps;
    int n_steps, cap_steps;
    Packed *packed;
    int n_packed, cap_packed;
    int64_t weights_shared; /* of its weights, bytes that are packed for an earlier stage;
                               weights_bytes: the others */
    int64_t weights_offset, weights_bytes, arena_bytes, arena_bytes_unshared, prompt_bytes,
        time_row_bytes, scratch_bytes;
} Stage;

enum {
    MOST_SIZES = 8,
    MOST_STAGES = MODELS_ONCE + MODELS_PER_SIZE * MOST_SIZES /* of a generator */
};
/* A kernel is data: its kind and its description (kernels.def says which struct). Emission makes
 * functions of them afterwards, in this order. */
typedef struct {
    KernelKind kind;
    char name[96];     /* of the function */
    void *description; /* the program's own */
} Kernel;
typedef struct {
    const Target *target;
    unsigned fuse;
    ConvMode conv; /* never AUTO where nothing is fused: that is DIRECT */
    bool bf16;
    Optimize optimize; /* program_new: SPEED */
    struct Tuning
        *tuning; /* measured convolutions (tune.h), the program's own; program_new: NULL */
    Kernel *kernels;
    int n_kernels, cap_kernels;
    Stage *stages[MOST_STAGES];
    int n_stages;
    int64_t weights_bytes;
    const char *options, *made_from; /* for --info; may be NULL */
    const lrt_pipeline *pipeline;    /* constants of a generator; NULL: a single graph */
    bool quiet;                      /* no progress of packing */
    bool share_weights; /* graphs of one name have the same weights: weights that are packed alike
                           are packed once */
} Program;

/* Copies one more to the stage; valid until the next one. */
uint32_t stage_add_mem(Stage *s, Mem m); /* returns its index */
Packed *stage_add_packed(Stage *s, const Packed *x);
Step *stage_add_step(Stage *s, const Step *x);
void stage_free(Stage *s);

/* A program without stages. bf16: operands of convolutions and dense products are rounded to
 * bfloat16, weights stored so; all else stays f32. */
Program *program_new(const Target *t, unsigned fuse, ConvMode conv, bool bf16);
void program_free(Program *p);

/* The kernel of that kind and description, the same one for equal descriptions. `text` says for
 * people what it does ("conv3x3 norm+swish +res"); the function's name comes from it. Returns the
 * index in p->kernels. */
int program_kernel(Program *p, KernelKind kind, const void *description, const char *text);

/* Appends a lowered stage: places its weights after those of the stages before. Weights that a
 * stage of the same model has packed already in the same form are shared (p->share_weights).
 * Returns the stage's index. The program owns s from now on. */
int program_place(Program *p, Stage *s);

/* The fingerprint that ties code and packed weights together: of the layout alone, everything that
 * decides which number lies where and in which form. Not of the numbers: other weights of the same
 * graphs may take their place. */
uint64_t program_layout_hash(const Program *p);
#endif
