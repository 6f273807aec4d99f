/* Winograd's transforms of inputs and outputs, and the types that Winograd kernels share. */
#ifndef LATENTC_EMIT_WINOGRAD_TRANSFORM_H
#define LATENTC_EMIT_WINOGRAD_TRANSFORM_H
#include "emit_prefetch.h"
#include "emit_task.h"
#include "winograd.h"

/* A task of a Winograd kernel. */
typedef struct {
    ContractTask task;
    const Winograd *form;
    /* Scratch, or staged: the normalised region of some channels; transformed inputs
     * [position][tile][channel]; products [position][tile][column]; kernels transformed by this
     * task. */
    V region, transformed, products, kernels;
    /* Tiles of a strip; rows and columns of the region of one image. */
    int64_t tiles, rows, cols;

    /* ---- on the tile unit ---- */
    /* Blocks of the column slice. */
    V first, end;
    /* x, x2 of the next strip; y, residual of this block. */
    Prefetch region_prefetch[2], result_prefetch[2];
    /* With two buffers of products: the block before, its products, the number of its units (none
     * for the first block), how many are stored (a variable), how many are stored at a time. */
    struct {
        V j, products, units, next;
        int64_t each;
    } previous;
} WinogradTask;

/* Of a contract with a Winograd form: form and sizes; addresses are set later. */
WinogradTask winograd_task(const Contract *c);
/* Chunks from..to of the input channels, those of x first: loaded and transformed. */
void load_inputs(Emit *e, const WinogradTask *w, V from, V to);
/* A' M A, epilogue and store. Of a whole block j: unit u of its products, one vector of columns of
 * one tile. Of block b: all of w->products. */
void finish_unit(Emit *e, const WinogradTask *w, V products, V j, V u);
void finish_block(Emit *e, const WinogradTask *w, const ColumnBlock *b);
#endif
