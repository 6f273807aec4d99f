/* Contracts: convolutions and dense products as an implicit matrix product. This file describes
 * one; contract_plan.h chooses its blocking; emit_contract.c and emit_winograd.c emit its kernels.
 *
 * A task computes one strip (up to `pixels` output pixels, of one image or of all) for one column
 * slice (some blocks of output channels). The strip's input, with its halo, is loaded into scratch
 * as [chunk][pixel][kc], normalised on the way. 1x1 products without a prologue read x in place.
 * Where several column slices share a strip, a step of its own loads it into memory once (staged).
 * panel.h has the panels of weights; a block of columns is nr vectors wide, the last one may be
 * narrower. */
#ifndef LATENTC_CONTRACT_H
#define LATENTC_CONTRACT_H
#include "arith.h"
#include "blocking.h"
#include "conv_forms.h"
#include "ir.h"
#include "target.h"

/* What a contract does with its sums. Steps before the products do not depend on it: the
 * descriptions of their kernels have zeros here, so that convolutions which differ only in their
 * epilogue share those kernels. */
typedef struct {
    /* Activation; ACT_NONE is 0. */
    int act;
    /* It comes after the residual. */
    int act_last;
    /* The result is a tensor of bf16. */
    int y_bf16;
    /* The result is too large for the caches: stores bypass them. */
    int past_caches;
    /* Is there such an operand? SLOT_BIAS, SLOT_VEC, SLOT_RES. */
    int has_bias, has_vec, has_res;
    /* SLOT_RES has batch 1 and serves all images; is a tensor of bf16. */
    int res_shared, res_bf16;
    /* The kernel also gathers GroupNorm's sums of the result. Needs co in whole vectors and strips
     * of one image. */
    int has_sums;
    /* And, next to the sums, the least and the greatest number of each channel. */
    int has_bounds;
} ContractEpilogue;
_Static_assert(ACT_NONE == 0 && sizeof(ContractEpilogue) == 11 * sizeof(int),
               "an empty epilogue is all zeros, without padding bytes");

/* A contract with every size known. Descriptions of kernels are compared bytewise, to share code
 * between steps: zero one before filling it. */
typedef struct {
    /* The input as the window sees it: after upsampling. */
    int64_t batch, h, w;
    /* c1, c2: channels of x and of x2 (0: none). co: channels of the result. */
    int64_t oh, ow, c1, c2, co;
    int kh, kw, stride, pad_top, pad_left, upsample;
    /* Prologue. */
    int pre;
    ContractEpilogue epilogue;
    /* Operands of the products are rounded to bfloat16: strip and panels hold pairs of channels
     * (emit_bf16.c). */
    int bf16;
    /* QUANT_*: operands of the products, or the weights alone, have fewer bits */
    int quant;
    double eps;
    /* SLOT_VEC is (vec_batch, vec_width); its channels from vec_off on. vec_batch: 1 or batch.
     * These fields and ldy are of the epilogue too. They stay outside of it because generated
     * programs have one load kernel for each of their values; without them fewer kernels would be
     * emitted. */
    int64_t vec_off, vec_width;
    int vec_batch;
    /* x is a tensor of bf16: only without x2 and prologue. */
    int x_bf16;
    /* 1: that operand has batch 1 and serves all images. */
    int x_shared, x2_shared;
    /* Floats between rows of the result. */
    int64_t ldy;

    /* ---- chosen by contract_plan ---- */
    int flat, in_place;
    /* A strip: tw x th pixels of `images` images; flat: `pixels` pixels in a row. */
    int64_t kc, n_chunks, tw, th, images, pixels;
    /* Column slice p: blocks p * blocks / slices up to those of slice p + 1. */
    int64_t strips_x, strips_y, strips_b, blocks, slices;
    /* A step before the products loads (and transforms) the strips into memory. */
    int staged;
    /* Tasks of that step per strip. */
    int64_t load_parts;
    int nr, lanes;
    /* Channels are stored in multiples of it, zeros beyond: 1; 2, pairs in bf16; what a tile
     * product takes. */
    int64_t k_step;
    /* Of bf16 operands, where no instruction multiplies them: the strip holds f32, the panels bf16.
     * Weights are widened once for all rows of a register tile, a strip's numbers would be for each
     * vector. */
    int wide;
    /* 0, or the tile unit computes it (tiles.h), this many output pixels in a tile. */
    int tile_rows;
    /* WINOGRAD_*; NONE: direct. Else in strips of tiles_x x tiles_y tiles. */
    int winograd;
    int64_t tiles_x, tiles_y;
    /* Of a Winograd form: KERNELS_*. */
    int kernels;
} Contract;

/* Are the products sums of whole numbers? */
static inline bool contract_int8(const Contract *c) { return quants[c->quant].range != NO_RANGE; }
static inline Products contract_products(const Contract *c)
{
    return contract_int8(c) ? PRODUCTS_INT8 : c->bf16 ? PRODUCTS_BF16 : PRODUCTS_F32;
}
/* Channels in a word of 4 bytes of the panels that are multiplied. */
static inline int contract_word(const Contract *c)
{
    return contract_int8(c) ? 4 : c->bf16 ? 2 : 1;
}
/* The same of the strip. */
static inline int strip_word(const Contract *c) { return c->wide ? 1 : contract_word(c); }
/* The same of a stored kernel. */
static inline int contract_group(const Contract *c)
{
    return c->quant ? 32 / quants[c->quant].bits : contract_word(c);
}
/* Does a task unpack weights of fewer bits before it multiplies with them? Winograd's transforms
 * read them as they are stored. */
static inline bool contract_unpacks(const Contract *c)
{
    return c->quant && !contract_int8(c) && !c->winograd;
}
/* Does the tile unit compute it? */
static inline bool contract_tiles(const Contract *c, const Target *t)
{
    return c->bf16 && !contract_int8(c) && target_tiles(t);
}
/* Its tuning numbers. */
static inline const Blocking *contract_blocking(const Contract *c, const Target *t)
{
    return contract_int8(c) ? blocking_for_int8(t) : blocking_for(t, c->bf16);
}
/* What the whole numbers of a row or an image stand for, in memory: scale, its inverse, the zero
 * point, and a word that is not used. */
enum { QUANT_WORDS = 4 };
/* Channels of both inputs. */
static inline int64_t in_channels(const Contract *c) { return c->c1 + c->c2; }
/* Channels of the last chunk as stored. */
static inline int64_t last_chunk(const Contract *c)
{
    return round_up(in_channels(c) - (c->n_chunks - 1) * c->kc, c->k_step);
}
/* Channels of all chunks as stored. */
static inline int64_t stored_channels(const Contract *c)
{
    return (c->n_chunks - 1) * c->kc + last_chunk(c);
}
/* Elements between neighbouring pixels of a strip. On the tile unit an odd number of cache lines:
 * rows of a tile that share few sets of L1 would evict the operand that stays there (measured: 54 %
 * of the peak with 10 or 20 lines, 67 % with one more). */
static inline int64_t strip_row(const Contract *c)
{
    return c->tile_rows && c->kc % 64 == 0 ? c->kc + 32 : c->kc;
}
/* Is the activation gated? */
static inline bool contract_geglu(const Contract *c) { return activations[c->epilogue.act].gated; }
/* Columns of the kernel: co, or 2 co with GEGLU. */
static inline int64_t contract_columns(const Contract *c)
{
    return contract_geglu(c) ? 2 * c->co : c->co;
}
/* Columns of the result, in whole vectors. */
static inline double padded_columns(const Contract *c) { return (double)round_up(c->co, c->lanes); }
/* Channels of the result that a whole block yields. */
static inline int64_t contract_block_out(const Contract *c)
{
    return (int64_t)(contract_geglu(c) ? c->nr / 2 : c->nr) * c->lanes;
}

/* Strips of all images. */
static inline int64_t contract_strips(const Contract *c)
{
    return c->strips_x * c->strips_y * c->strips_b;
}
/* Each strip is a task; else its column slices are (contract_plan). Convolutions on the tile unit
 * are so fast that the time a task takes to load its own strip shows. */
static inline bool contract_strips_suffice(const Contract *c)
{
    return contract_strips(c) >= (c->tile_rows && !c->flat ? 2 : 1) * CONTRACT_TASKS;
}
/* Loading a strip is split by lines of pixels or, where they lie in a row (flat), by pixels. */
int64_t contract_strip_lines(const Contract *c);
/* Pixels that one chunk of a loaded strip holds. */
int64_t contract_strip_pixels(const Contract *c);
#endif
