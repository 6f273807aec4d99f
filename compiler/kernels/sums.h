/* GroupNorm statistics: sums of blocks of pixels, then per group the scale and shift of each
 * channel. */
#ifndef LATENTC_SUMS_H
#define LATENTC_SUMS_H
#include "contract.h"

/* Sums of a tensor (batch, oh, ow, c); batch 1 may serve all. Blocks of tw x th pixels, per_line of
 * them in a row of blocks, the last ones smaller. Stored as [batch][block][3][c]: pivot (the
 * block's first pixel), sum of x - pivot, sum of its square. With bounds: [5], the least and the
 * greatest x too; a number that is none is in neither, but in the sums. */
typedef struct {
    int64_t batch, c, blocks, per_line, tw, th, ow, oh, bounds;
} Sums;
/* Floats of a block. */
static inline int64_t sums_block_floats(const Sums *s) { return (s->bounds ? 5 : 3) * s->c; }
/* Floats of the result. */
static inline int64_t sums_floats(const Sums *s)
{
    return s->batch * s->blocks * sums_block_floats(s);
}
/* Tasks of the kernel that only sums. */
static inline int64_t sums_tasks(const Sums *s) { return s->batch * s->blocks; }
/* As a kernel of its own gathers them. */
Sums sums_of_rows(int64_t batch, int64_t rows, int64_t c);
/* As a contract kernel with has_sums gathers them: a block is a strip. */
Sums sums_of_contract(const Contract *c);

/* From sums to scale and shift. part: the sums of x and of x2; without x2 the second has c 0. */
typedef struct {
    int64_t batch, groups;
    double eps;
    Sums part[2];
} GroupFinish;
/* A task is a group of a batch element. */
static inline int64_t group_finish_tasks(const GroupFinish *g) { return g->batch * g->groups; }

/* From sums with bounds to the range of what a product with that prologue loads (OP_RANGE). A task
 * is a batch element. */
typedef struct {
    int64_t batch;
    Sums part[2];
    /* Prologue. */
    int pre;
} RangeFinish;
#endif
