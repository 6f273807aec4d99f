/* What the parts of lowering share: lower.c (plans, memory, most operations) and lower_contract.c.
 */
#ifndef LATENTC_LOWER_H
#define LATENTC_LOWER_H
#include "codegen.h"

/* Of an attention: the op after which its keys and values are packed (NO_OP_INDEX: right before
 * itself), and where they lie then. */
enum { NO_OP_INDEX = -1 };
typedef struct {
    int after;
    uint32_t keys, values;
} AttentionPack;

/* GroupNorm's sums of a tensor, once they are there: their memory + 1. */
typedef struct {
    Sums sums;
    uint32_t mem;
    int plan;
} TensorSums;

typedef struct {
    Program *p;
    Graph *g;
    Stage *s;
    TensorSums *sums_of;    /* per tensor id */
    uint32_t *mem_of;       /* per tensor id: its mem + 1, 0 while it has none */
    bool *bf16;             /* per tensor id: it is stored so */
    int *plan_of;           /* per op: PLAN_* */
    ConvMode *form_of;      /* per op: how a convolution is computed */
    AttentionPack *pack_of; /* per op */
    int64_t batch;          /* separate_batch() */
    int plan;               /* of the op being lowered */
    const Op *op;
} Lower;

TensorId lower_root(const Graph *g,
                    TensorId t); /* reshapes are views: the tensor whose memory t uses */
int64_t lower_bytes(const Graph *g, TensorId t); /* as f32 */
int lower_output(const Graph *g, TensorId t);    /* which output of the graph t is, or -1 */
/* Weight t in the form that kernels of c (NULL: as stored) read, once; its mem. */
uint32_t lower_packed(Lower *l, PackKind kind, TensorId t, const Contract *c);
uint32_t lower_temp(Lower *l, int64_t floats); /* room in the arena, for the steps that use it */
/* A step of the op that is being lowered; its arguments are the mems that lower_use and
 * lower_use_tensor name, in order. */
Step *lower_step(Lower *l, int kernel, int64_t tasks, const char *kind);
void lower_use(Lower *l, Step *x, uint32_t m);
void lower_use_tensor(Lower *l, Step *x, TensorId t);
void lower_scratch(Lower *l, int64_t bytes); /* a task needs so much */

/* lower_contract.c */
void lower_contract(Lower *l, const Op *o);
bool lower_stored_bf16(const Lower *l, uint32_t i); /* is the result of op i stored as bf16? */
#endif
