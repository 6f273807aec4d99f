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
/* A region of memory: a tensor's storage, or a kernel's partial results. */
typedef struct {
    int64_t bytes;
    /* The first and the last step that use it; -1: none does. */
    int first, last;
    /* LRT_BUF_*, and the offset in it, in bytes. */
    uint32_t buffer;
    int64_t offset;
} Mem;

/* When steps run: once per prompt, once per timestep, in full steps alone (with step caching), in
 * every step. A full step of the loop runs the last two, mixed; a short one the last alone. */
enum { PLAN_PROMPT, PLAN_TIME, PLAN_INTERVAL, PLAN_STEP, PLAN_COUNT };
static inline bool plan_in_loop(int plan) { return plan >= PLAN_INTERVAL; }

/* Independent calls of one kernel. */
typedef struct {
    /* Index into Program.kernels. */
    int kernel;
    /* Operands: indices into Stage.mems. */
    uint32_t args[LRT_MAX_ARGS];
    int n_args, plan;
    /* As in lrt_step. */
    int64_t tasks, round, first;
    /* The op's path, and what the step does. */
    const char *name, *kind;
    /* FLOPs of the op as the graph has it; bytes of the operands and results, each once. */
    double flops, bytes;
    /* FLOPs of the products that the step computes: fewer in Winograd forms. */
    double done;
    /* What its products take. */
    Products products;
} Step;

/* How a weight is packed: as stored, the same rounded to bf16, in panels, or as a bias in whole
 * vectors. */
typedef enum { PACK_RAW, PACK_BF16, PACK_PANELS, PACK_BIAS, PACK_KINDS } PackKind;

typedef struct {
    PackKind kind;
    /* The weight, in Stage.graph. */
    TensorId tensor;
    /* All 0 for PACK_RAW and PACK_BF16. */
    PanelLayout layout;
    /* Bytes from Stage.weights_offset; size in floats. */
    int64_t offset, floats;
    uint32_t mem;
    /* An earlier stage has packed the same bytes; they are at `offset`. */
    bool shared;
} Packed;

/* An input or output. */
typedef struct {
    const char *name;
    Dtype dtype;
    Shape shape;
    /* Of inputs. */
    Binding binding;
} StageIo;
enum { MOST_IO = 64 };

typedef struct {
    /* Its name, and the weights that `packed` names. */
    Graph *graph;
    StageIo inputs[MOST_IO], outputs[MOST_IO];
    uint32_t n_inputs, n_outputs;
    Mem *mems;
    uint32_t n_mems, cap_mems;
    Step *steps;
    int n_steps, cap_steps;
    Packed *packed;
    int n_packed, cap_packed;
    /* Bytes of its weights that an earlier stage has packed; bytes of the others. */
    int64_t weights_shared, weights_bytes;
    /* In the program's weights. Stages of one model that share weights have the same. */
    int64_t weights_offset;
    /* Bytes of the arena, and if no values shared memory (memplan.h). */
    int64_t arena_bytes, arena_bytes_unshared;
    /* Bytes of the values that cross into the step plan, per prompt and per timestep. */
    int64_t prompt_bytes, time_row_bytes;
    /* Bytes of the values that short steps read from the last full one. */
    int64_t interval_bytes;
    /* Bytes of each thread's scratch. */
    int64_t scratch_bytes;
} Stage;

/* Picture sizes and stages of a generator. */
enum { MOST_SIZES = 8, MOST_STAGES = MODELS_ONCE + MODELS_PER_SIZE * MOST_SIZES };

/* A kernel is data: its kind and its description (kernels.def says which struct). Emission makes
 * functions of them afterwards, in this order. */
typedef struct {
    KernelKind kind;
    /* Of the function. */
    char name[96];
    /* The program's own. */
    void *description;
} Kernel;

typedef struct {
    const Target *target;
    /* FUSE_*. */
    unsigned fuse;
    /* Never AUTO where nothing is fused: that is DIRECT. */
    ConvMode conv;
    bool bf16;
    /* program_new: SPEED. */
    Optimize optimize;
    /* Measured convolutions (tune_file.h), the program's own. program_new: NULL. */
    struct Tuning *tuning;
    /* Chosen forms of convolutions (forms_file.h), the program's own; conv is AUTO then.
     * program_new: NULL. */
    struct Forms *forms;
    Kernel *kernels;
    int n_kernels, cap_kernels;
    Stage *stages[MOST_STAGES];
    int n_stages;
    int64_t weights_bytes;
    /* For --info; may be NULL. */
    const char *options, *made_from;
    /* Constants of a generator; NULL: a single graph. */
    const lrt_pipeline *pipeline;
    /* No progress of packing. */
    bool quiet;
    /* Graphs of one name have the same weights: those that are packed alike are packed once. */
    bool share_weights;
} Program;

/* Appends a copy to the stage. Returns its index; or a pointer, which is valid until the next one
 * is appended. */
uint32_t stage_add_mem(Stage *s, Mem m);
Packed *stage_add_packed(Stage *s, const Packed *x);
Step *stage_add_step(Stage *s, const Step *x);
/* Frees the stage, not its graph. */
void stage_free(Stage *s);

/* A program without stages. bf16: operands of convolutions and dense products are rounded to
 * bfloat16, weights stored so; all else stays f32. */
Program *program_new(const Target *t, unsigned fuse, ConvMode conv, bool bf16);
/* Frees the program with its stages, kernels and tuning; not the stages' graphs. */
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
