/* Building blocks of lowering: memory, packed weights, steps and their operands. lower.c,
 * lower_contract.c and lower_attention.c put them together. */
#ifndef LATENTC_STEPS_H
#define LATENTC_STEPS_H
#include "program.h"

/* Of an attention: the op after which its keys and values are packed (NO_OP_INDEX: right before
 * itself), and where they lie then. */
enum { NO_OP_INDEX = -1 };
typedef struct {
    int after;
    uint32_t keys, values;
} AttentionPack;

/* GroupNorm's sums of a tensor, once a step computes them: their memory + 1. */
typedef struct {
    Sums sums;
    uint32_t mem;
    int plan;
} TensorSums;

/* The state of lowering one graph. */
typedef struct {
    Program *p;
    Graph *g;
    Stage *s;
    /* Per tensor id: GroupNorm's sums; its mem + 1, 0 while it has none; is it stored as bf16? The
     * form of the convolution that makes it. */
    TensorSums *sums_of;
    uint32_t *mem_of;
    bool *bf16;
    ConvMode *form_of;
    /* Per op: PLAN_*; the packing of an attention. */
    int *plan_of;
    AttentionPack *pack_of;
    /* Batch elements that are computed separately (separate_batch). */
    int64_t batch;
    /* The op that is being lowered, and its plan. */
    int plan;
    const Op *op;
} Lower;

/* Bytes of t in f32. */
int64_t lower_bytes(const Graph *g, TensorId t);
/* The output of the graph that t is, or -1. */
int lower_output(const Graph *g, TensorId t);

/* All of these return an index into l->s->mems. */
/* New memory at `offset` of that buffer (LRT_BUF_*). */
uint32_t lower_mem(Stage *s, int64_t bytes, uint32_t buffer, int64_t offset);
/* Memory for a result of that plan (PLAN_*). crosses: it outlives the plan. */
uint32_t lower_plan_mem(Lower *l, int64_t bytes, int plan, bool crosses);
/* Does u read GroupNorm's sums, or bounds, of t: of its first operand, or of the second half of a
 * concat? */
bool lower_summed_by(const Graph *g, const Op *u, TensorId t);
/* Do steps of both plans run in one walk: is it one plan, or are both of a full step? */
bool lower_together(int plan, int other);
/* The plan of a step that sums t for norms of the plan that is being lowered: in a loop that of t
 * itself, where t is made in the loop; else STEP if a norm of every step reads the sums. */
int lower_sums_plan(const Lower *l, TensorId t);
/* Memory for sums of t, of a step of l->plan. */
uint32_t lower_sums_mem(Lower *l, TensorId t, const Sums *sums);
/* Memory in the arena, for the steps that use it. */
uint32_t lower_temp(Lower *l, int64_t floats);
/* Memory of an operand. A weight that is reached this way is read as stored. */
uint32_t lower_operand(Lower *l, TensorId t);
/* Weight t in the form that kernels of c (NULL: as stored) read. The same form is packed once. */
uint32_t lower_packed(Lower *l, PackKind kind, TensorId t, const Contract *c);

/* A step of the op that is being lowered. Its arguments are the mems that lower_use and
 * lower_use_tensor name, in order. Valid until the next step. */
Step *lower_step(Lower *l, int kernel, int64_t tasks, const char *kind);
/* Appends an operand: mem m, or the memory of tensor t. Extends its live range to this step. */
void lower_use(Lower *l, Step *x, uint32_t m);
void lower_use_tensor(Lower *l, Step *x, TensorId t);
/* A task needs so much scratch. */
void lower_scratch(Lower *l, int64_t bytes);
#endif
