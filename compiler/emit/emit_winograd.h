/* What the parts of Winograd kernels share: emit_winograd.c (inputs, outputs),
 * emit_winograd_products.c. */
#ifndef LATENTC_EMIT_WINOGRAD_H
#define LATENTC_EMIT_WINOGRAD_H
#include "emit_ahead.h"
#include "emit_contract.h"
#include "winograd.h"

typedef struct {
    K k;
    const Winograd *w;
    V region, transformed, products, kernels; /* scratch */
    int64_t tiles, rows, cols; /* tiles of a strip; rows and columns of the region of one image */
    /* on the tile unit */
    V first, end;                           /* blocks of the piece */
    Ahead region_ahead[2], result_ahead[2]; /* x, x2 of the next strip; y, residual of this block */
    /* With winograd_beside: the block before, the number of its units (none for the first block),
     * how many have left (a variable), how many leave at a time. */
    struct {
        V j, products, units, next;
        int64_t each;
    } before;
} W;

/* The products of all positions of block j, to w->products; beside them the block before leaves.
 * Sets what concerns the block in w. */
void block_products(Emit *e, W *w, V j, int nvec);
/* The region of the next task's strip is asked for beside this one's products. */
void ask_for_regions(Emit *e, W *w);
/* Unit `u` of a whole block, whose products are given: one vector of columns of one tile. */
void finish_unit(Emit *e, const W *w, V products, V j, V u);
/* emit_winograd_kernel.c: of a plain kernel: `count` channels at `stored`, of one block of nvec
 * vectors, to `out` [position][channel][column]; `position` floats between positions. */
void emit_winograd_kernel(Emit *e, const Contract *c, V stored, V out, V count, int nvec,
                          int64_t position);
/* A block leaves beside the products of the next one of its piece; the last one, after its own. */
static inline bool winograd_beside(const Contract *c) { return winograd_turns(c) > 1; }
#endif
