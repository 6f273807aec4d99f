/* Winograd convolutions: forms, and the sizes that follow from one. winograd.c has the algebra; a
 * Contract with a form in `winograd` is computed by emit_winograd. */
#ifndef LATENTC_WINOGRAD_H
#define LATENTC_WINOGRAD_H
#include "contract.h"

/* A tile along one axis: `inputs` inputs, n products and m outputs. Product p is of transformed
 * input p, or of p - 1 behind the product numbered `twice`, whose input serves two. b: B' (inputs,
 * inputs), g: G (n, 3), a: A' (m, n), row by row. */
typedef struct {
    int m, n, inputs, twice;
    const double *b, *g, *a;
} WinogradAxis;
/* upsample: 2 where the form itself upsamples x, so that its inputs are those of the small picture;
 * neighbouring tiles are m / upsample inputs apart. taps: rows of the kernel that are summed as
 * they are: 3 where y is not transformed (its axis: 1 of all, and G the unit matrix (3, 3)),
 * else 1. */
typedef struct {
    int upsample, taps;
    WinogradAxis y, x;
} Winograd;

/* The matrices of a form. */
const Winograd *winograd_matrices(WinogradKind kind);
/* Of a contract in a Winograd form, and what reports call the form. */
const Winograd *winograd_form(const Contract *c);
const char *winograd_name(const Contract *c);
/* Positions of products in a tile. */
static inline int64_t winograd_positions(const Contract *c)
{
    return (int64_t)winograd_form(c)->y.n * winograd_form(c)->x.n;
}
/* Transformed kernels of an input and an output channel: `taps` for each position. */
static inline int64_t winograd_kernels(const Contract *c)
{
    return winograd_positions(c) * winograd_form(c)->taps;
}
/* Inputs between neighbouring tiles along an axis. */
static inline int winograd_step(const Winograd *w, const WinogradAxis *a)
{
    return a->m / w->upsample;
}
/* Rows of transformed inputs that `tiles` rows of products read. */
static inline int64_t winograd_lines(const Winograd *w, int64_t tiles)
{
    return tiles + w->taps - 1;
}
/* Rows of the region that those are made from. */
static inline int64_t winograd_region_rows(const Winograd *w, int64_t tiles)
{
    return (winograd_lines(w, tiles) - 1) * winograd_step(w, &w->y) + w->y.inputs;
}
/* Columns of the region that `tiles` columns of products read. */
static inline int64_t winograd_region_cols(const Winograd *w, int64_t tiles)
{
    return (tiles - 1) * winograd_step(w, &w->x) + w->x.inputs;
}
/* Pixels of a strip's region, of all its images. */
int64_t winograd_region_pixels(const Contract *c);

/* Tiles that may share one of the tile unit's tiles: those of a strip, or of an image where its
 * rows of inputs end with some that have no products. */
int64_t winograd_joined_tiles(const Contract *c);
/* The tile unit's tiles that those take. */
int64_t winograd_unit_tiles(const Contract *c);
/* Rows of products for each position: a strip's tiles, on the tile unit rounded up to whole ones of
 * its own; and of one image, which follow each other. */
int64_t winograd_rows(const Contract *c);
int64_t winograd_image_rows(const Contract *c);
/* Elements between rows of the transformed inputs. */
int64_t winograd_row(const Contract *c);
/* Elements between two positions of the transformed inputs, and floats between those of products
 * `width` columns wide. One cache line more than they take: at a distance of a power of two all
 * positions of a tile would share the few places of one set of L1. */
int64_t winograd_input_stride(const Contract *c);
int64_t winograd_product_stride(const Contract *c, int64_t width);
/* Floats of the transformed inputs of one strip. */
int64_t winograd_strip_floats(const Contract *c);
/* Blocks whose products are in scratch at a time: two where the stores of one overlap with the
 * products of the next. */
int winograd_buffers(const Contract *c);
/* Bytes of scratch. Where loading and products are two steps: of the larger. */
int64_t winograd_scratch(const Contract *c);

/* KERNELS_STREAMED: parts are multiples of so many input channels. */
static inline int64_t winograd_unit(const Contract *c)
{
    return c->tile_rows ? c->k_step : c->lanes;
}
/* Input channels of a part, whose kernels a task transforms at a time for one block; floats of
 * scratch for it, and between positions there. */
int64_t winograd_part(const Contract *c);
int64_t winograd_part_floats(const Contract *c);
int64_t winograd_part_stride(const Contract *c, int nvec);
/* KERNELS_UNPACKED: tasks of the step that transforms kernels, `parts` for each block. */
int64_t winograd_unpack_parts(const Contract *c);
int64_t winograd_unpack_tasks(const Contract *c);
#endif
