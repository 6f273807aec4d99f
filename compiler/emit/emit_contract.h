/* What the contract kernels of emit_contract.c and emit_winograd.c share: arguments, tasks,
 * prologue and epilogue. */
#ifndef LATENTC_EMIT_CONTRACT_H
#define LATENTC_EMIT_CONTRACT_H
#include "contract.h"
#include "emit_bf16.h"
#include "emit_sums.h"

typedef struct {
    const Contract *c;
    V x, x2, panels, bias, norm, gamma, beta, vec, res, y; /* arguments, NULL when absent */
    V sums;               /* argument: this strip's, of the first channel; NULL without them */
    V strips;             /* argument where they are staged: all loaded strips; else NULL */
    V strip, parked;      /* the loaded strip, here or in scratch; scratch: partial sums */
    V b0;                 /* first image of the strip */
    V y0, x0;             /* its first output row and column (2D) or first pixel (flat: y0) */
    V pixels;             /* output pixels of this strip */
    int64_t sh, sw;       /* 2D: rows and columns of the loaded strip */
    int64_t chunk_stride; /* floats between chunks of the strip */
    V columns_mean, columns_rstd; /* LayerNorm prologue: of the pixel being loaded */
} K;

void contract_args(Emit *e, K *k);      /* of the kernel with the products */
void contract_load_args(Emit *e, K *k); /* of the one that loads strips for it */
/* Sets b0, y0, x0, pixels and, if staged, strip: which strip this task works on. Returns which
 * piece of the output columns, or part of the load. */
V contract_task(Emit *e, K *k);
/* The first block, of `count`, that belongs to part number `part` of `parts`; also that of the next
 * part's, its end. */
V part_begin(Emit *e, V part, int64_t count, int64_t parts);
/* What is loaded, normalised and activated: v are `lanes` channels from `channel` (of x and x2
 * together) on, of that image. */
V contract_prologue(Emit *e, const K *k, V v, V channel, V image, int lanes);
/* Strips, transformed inputs and panels hold f32 or bf16: indices count elements. */
static inline V operand_at(Emit *e, const Contract *c, V p, V index)
{
    return c->bf16 ? at_bf16(e, p, index) : at(e, p, index);
}
static inline void store_operand(Emit *e, const Contract *c, V v, V p, int lanes)
{
    if (c->bf16)
        store_bf16(e, v, p, lanes);
    else
        store(e, v, p);
}
/* Element offset of output pixel p's window in the loaded operand; index of pixel p in the result,
 * and its image in the batch. */
V window_offset(Emit *e, const K *k, V p);
V output_pixel(Emit *e, const K *k, V p, V *batch);
/* Block j's panel of one chunk. last: the block may be narrower than nr vectors. */
typedef struct {
    V j, chunk, panel;
    int nvec;
    bool last;
} Block;
void tile_block(Emit *e, const K *k, const Block *b); /* emit_tiles.c: products of a whole strip,
                                                         and in the last chunk its epilogue */
V inside(Emit *e, V i, int64_t n);                    /* 0 <= i < n */
/* Pixel number `pixel` of that image's batch, `rows` to an image, as an operand counts it: one that
 * is shared has a single image. */
static inline V pixel_of(Emit *e, int shared, V pixel, V image, int64_t rows)
{
    return shared ? sub(e, pixel, mulc(e, image, rows)) : pixel;
}
/* The pixel of x that is seen at row iy, column ix of this image upsampled by `upsample`. */
V input_pixel(Emit *e, const Contract *c, V image, V iy, V ix, int upsample);
/* Bias, vector, activation, residual, store: `valid` channels from channel `offset` of block j on,
 * of output pixel `pixel` of image `batch`. gate: the other half of GEGLU, else NULL. Returns what
 * was stored. */
V contract_finish(Emit *e, const K *k, V r, V gate, V j, V offset, int valid, V pixel, V batch);
/* Where those of the channels from `offset` of block j on lie. */
V contract_sums_at(Emit *e, const K *k, V j, V offset);
/* A loop over the piece's blocks of output columns. body emits the work of block j: once for the
 * whole ones and, where the last one is narrower than nr vectors, once more for it (last). */
typedef void BlockBody(Emit *e, const K *k, V j, int nvec, bool last);
void contract_blocks(Emit *e, const K *k, V piece, BlockBody *body);
/* Channels in the chunk as stored: kc, or fewer in the last one. */
V chunk_channels(Emit *e, const Contract *c, V chunk);
#endif
