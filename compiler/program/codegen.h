/* From graphs to an object file: lowering (which kernels, which arguments), memory planning,
 * emission, weight packing. */
#ifndef LATENTC_CODEGEN_H
#define LATENTC_CODEGEN_H
#include "kernels.h"
#include "pass.h"
#include "target.h"
#include "weights.h"
#include "plan.h"

/* ---- a lowered stage ---- */
/* A piece of memory: a tensor's storage, or a kernel's partial results. first..last: the steps that
 * use it. */
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
typedef enum { PACK_RAW, PACK_PANELS, PACK_BIAS } PackKind;
/* shared: the same bytes are those of an earlier stage, and packed there. */
typedef struct {
    PackKind kind;
    TensorId tensor;
    Contract contract;
    int64_t offset, floats;
    uint32_t mem;
    bool shared;
} Packed;
typedef struct {
    Graph *graph;
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
    MOST_STAGES = 1 + 3 * MOST_SIZES
}; /* a generator: a text encoder, and three models a size */
typedef struct {
    int kind;
    char name[96];
    void *key;
    size_t key_bytes;
    LLVMValueRef fn;
} Kernel;
typedef struct {
    const Target *target;
    unsigned fuse;
    ConvMode conv; /* never AUTO where nothing is fused: that is DIRECT */
    bool bf16;
    Optimize optimize; /* program_new: SPEED */
    struct Tuning
        *tuning; /* measured convolutions (tune.h), the program's own; program_new: NULL */
    Emit *emit;
    Kernel *kernels;
    int n_kernels, cap_kernels;
    Stage *stages[MOST_STAGES];
    int n_stages;
    int64_t weights_bytes;
    const char *options, *made_from; /* for --info; may be NULL */
    bool quiet;                      /* no progress of packing */
    bool share_weights; /* graphs of one name have the same weights: what is packed alike is packed
                           once */
} Program;

/* bf16: operands of convolutions and dense products are rounded to bfloat16, weights stored so; all
 * else stays f32. */
Program *program_new(const Target *t, unsigned fuse, ConvMode conv, bool bf16);
void program_free(Program *p);
/* Passes (p->fuse), lowering, memory plan. The graph must outlive the program. Returns the stage's
 * index. */
int program_add(Program *p, Graph *g);

/* A stage that does nothing but multiply-adds in registers, `tasks` times `iterations` rounds: for
 * measuring the peak of the unit that p's products run on (the target's core for bf16, else
 * multiply-adds in f32). Returns its FLOPs. */
double program_add_peak(Program *p, int64_t iterations, int tasks);

/* lower.c */
Stage *lower(Program *p, Graph *g);
/* Of a contract, for people: sizes, "2 x 64x64 x 320 -> 64x64 x 640"; and what is done, "conv3x3
 * F(2,3) norm+swish +vec". */
char *contract_shape(Arena *a, const Contract *c);
void contract_name(const Contract *c, Buf *b);
/* memplan.c: offsets in LRT_BUF_ARENA for every mem of that buffer: biggest first, each at the
 * lowest place free over its live range. With reuse off, one after the other. Sets arena_bytes (and
 * arena_bytes_unshared, what the latter would take). */
void memplan(Stage *s, bool reuse);
/* codegen.c: the kernel of that kind and description, emitted once per program. Returns its index.
 */
enum {
    KERNEL_CONTRACT,
    KERNEL_CONTRACT_LOAD,
    KERNEL_UNPACK,
    KERNEL_ATTENTION,
    KERNEL_ATTENTION_PACK,
    KERNEL_ATTN_PART,
    KERNEL_MAP,
    KERNEL_SUMS,
    KERNEL_GROUP_FINISH,
    KERNEL_PEAK
};
int kernel_get(Program *p, int kind, const void *desc, size_t bytes, const char *name);

/* Everything a generator needs beside the program; NULL for a single graph. */
void emit_plan(Program *p,
               const lrt_pipeline *pipeline); /* emit_plan.c: the constants latentrt_program and
                                                 latentrt_pipeline */
/* The fingerprint that ties code and packed weights together: of the layout alone, everything that
 * decides which number lies where and in which form. Not of the numbers: other weights of the same
 * graphs may take their place. */
uint64_t program_layout_hash(const Program *p);

typedef enum { OUT_OBJ, OUT_ASM, OUT_LL, OUT_BC } OutKind;
/* Optimises and generates code. Call once, after emit_plan. The caller disposes of the buffer. */
LLVMMemoryBufferRef program_emit(Program *p, OutKind kind);

/* pack.c: the packed weights of all stages, in order, to sink; source[i] is the weights of stage i.
 */
typedef void PackSink(void *user, const void *data, size_t n);
void program_pack(Program *p, WeightSource *const *source, PackSink *sink, void *user);
#endif
