/* Shared by the kernels of contracts (emit_contract.c, emit_tiles.c, emit_winograd.c): arguments,
 * the strip and the column slice of a task, and the place of its pixels. */
#ifndef LATENTC_EMIT_TASK_H
#define LATENTC_EMIT_TASK_H
#include "contract.h"
#include "emit_bf16.h"
#include "panel.h"

typedef struct {
    const Contract *c;
    /* Arguments; NULL when absent. */
    V x, x2, panels, bias, norm, gamma, beta, vec, res, y;
    /* Argument: GroupNorm's sums of this strip, of the first channel. NULL without them. */
    V sums;
    /* Argument where strips are staged: all loaded strips. Else NULL. */
    V strips;
    /* The loaded strip, staged or in scratch; in scratch: partial sums that are spilled. */
    V strip, spilled;
    /* First image of the strip. */
    V b0;
    /* Its first output row and column, or its first pixel (flat: y0). */
    V y0, x0;
    /* Output pixels of this strip. */
    V pixels;
    /* Not flat: rows and columns of the loaded strip. */
    int64_t sh, sw;
    /* Elements between chunks of the strip. */
    int64_t chunk_stride;
    /* Whole numbers: argument, the range of each image, or NULL; what the numbers of each row or
     * image of the strip stand for; a row while it is loaded. */
    V range, quants, row;
    /* Weights of fewer bits: scratch for the panels of a chunk as the products read them. */
    V unpacked;
    /* LayerNorm prologue: of the pixel being loaded. */
    V columns_mean, columns_rstd;
} ContractTask;

/* Loads the arguments: of the kernel with the products; of the one that loads strips for it. */
void contract_args(Emit *e, ContractTask *task);
void contract_load_args(Emit *e, ContractTask *task);
/* Sets b0, y0, x0, pixels and, if staged, strip: the strip that this task works on. Returns the
 * task's column slice, or which part of the load it does. */
V contract_task(Emit *e, ContractTask *task);
/* The first item, of `count`, that belongs to part number `part` of `parts`. With the next part:
 * the end of this one. */
V part_begin(Emit *e, V part, int64_t count, int64_t parts);

/* Strips, transformed inputs and panels hold f32 or bf16: indices count elements. */
static inline V operand_at(Emit *e, const Contract *c, V p, V index)
{
    return contract_int8(c)     ? at_byte(e, p, index)
           : strip_word(c) == 2 ? at_bf16(e, p, index)
                                : at(e, p, index);
}
/* Stores `lanes` f32 numbers v at p as operands: in bf16 rounded to nearest. */
static inline void store_operand(Emit *e, const Contract *c, V v, V p, int lanes)
{
    if (strip_word(c) == 2)
        store_bf16(e, v, p, lanes);
    else
        store(e, v, p);
}

/* 0 <= i < n */
V inside(Emit *e, V i, int64_t n);
/* Pixel number `pixel` of that image's batch, `rows` to an image, as an operand counts it: one that
 * is shared has a single image. */
static inline V pixel_of(Emit *e, int shared, V pixel, V image, int64_t rows)
{
    return shared ? sub(e, pixel, mulc(e, image, rows)) : pixel;
}
/* The pixel of x that is seen at row iy, column ix of this image upsampled by `upsample`. */
V input_pixel(Emit *e, const Contract *c, V image, V iy, V ix, int upsample);
/* Element offset of output pixel p's window in the loaded operand. */
V window_offset(Emit *e, const ContractTask *task, V p);
/* The index in the result of output pixel p of the strip; sets its image in the batch. */
V output_pixel(Emit *e, const ContractTask *task, V p, V *batch);
/* Channels in the chunk as stored: kc, or fewer in the last one. */
V chunk_channels(Emit *e, const Contract *c, V chunk);

/* Block j of output columns: nvec vectors. last: it may hold fewer columns than those vectors. */
typedef struct {
    V j;
    int nvec;
    bool last;
} ColumnBlock;
/* Its panels from one chunk's first channel on: where vector 0 lies, as the products read them and
 * as they are stored. */
typedef struct {
    V j, chunk, panel, stored;
    /* Of whole numbers: the scales of vector 0 (block_scales). */
    V scales;
    int nvec;
    bool last;
} PanelBlock;
/* Where vector 0 of block j lies in panels of this layout; words of 4 bytes from there to vector v.
 * With GEGLU the first half of a block's vectors are values and the second half their gates, unless
 * a vector is a whole panel: then each holds both. */
V block_panel(Emit *e, const Contract *c, const PanelLayout *p, V panels, V j);
int64_t block_vector(const Contract *c, const PanelLayout *p, int v);
/* &scales[index]: f32 for numbers of 8 bits, bf16 for 4. */
V scale_at(Emit *e, const PanelLayout *p, V scales, V index);
/* The same in what follows the panels of quantised numbers: the scales. Sums of columns of 8 bits
 * lie PANEL_COLUMNS words behind. */
V block_scales(Emit *e, const Contract *c, const PanelLayout *p, V panels, V j);
V block_scales_vector(Emit *e, const Contract *c, const PanelLayout *p, V scales, int v);
/* With GEGLU: vector v of results out of the sums of a block's nvec vectors, with gates. */
typedef struct {
    V value, gate;
} GatedVector;
/* sums: of each of the nvec vectors. */
GatedVector gated_vector(Emit *e, const Contract *c, const V *sums, int nvec, int v);
/* A loop over the blocks of a column slice. body emits the work of one block: once for whole ones
 * and, where the last one is narrower than nr vectors, once more for it. */
typedef void BlockBody(Emit *e, void *user, const ColumnBlock *b);
void contract_blocks(Emit *e, const Contract *c, V slice, BlockBody *body, void *user);
#endif
