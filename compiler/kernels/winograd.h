/* Winograd convolutions: see winograd.c. A Contract with a form in `winograd` is computed by
 * emit_winograd. */
#ifndef LATENTC_WINOGRAD_H
#define LATENTC_WINOGRAD_H
#include "kernels.h"

/* A tile along one axis: `inputs` inputs, n products and m outputs. Product p is of transformed
 * input p, and of p - 1 behind the one numbered `twice`, which serves two. b: B' (inputs, inputs),
 * g: G (n, 3), a: A' (m, n), row by row. */
typedef struct {
    int m, n, inputs, twice;
    const double *b, *g, *a;
} WinogradAxis;
/* upsample: 2 where x is upsampled by the form itself and the inputs are those of the small
 * picture; neighbouring tiles are m / upsample inputs apart. taps: rows of the kernel that are
 * summed as they are, 3 where y is left alone (its axis: 1 of all, and G the unit matrix (3, 3)),
 * else 1. */
typedef struct {
    const char *name[KERNELS_COUNT]; /* by how kernels are kept: KERNELS_* */
    ConvMode mode[KERNELS_COUNT];    /* AUTO: none */
    int upsample, taps;
    WinogradAxis y, x;
} Winograd;
const Winograd *winograd_form(const Contract *c); /* c->winograd must be set */
static inline const char *winograd_name(const Contract *c)
{
    return winograd_form(c)->name[c->kernels];
}
/* Of products; each has `taps` kernels. */
static inline int64_t winograd_positions(const Contract *c)
{
    return (int64_t)winograd_form(c)->y.n * winograd_form(c)->x.n;
}
static inline int64_t winograd_kernels(const Contract *c)
{
    return winograd_positions(c) * winograd_form(c)->taps;
}
static inline int winograd_step(const Winograd *w, const WinogradAxis *a)
{
    return a->m / w->upsample;
}
/* Rows of transformed inputs that `tiles` rows of products see; rows and columns of the region that
 * they, and `tiles` columns, see. */
static inline int64_t winograd_lines(const Winograd *w, int64_t tiles)
{
    return tiles + w->taps - 1;
}
static inline int64_t winograd_region_rows(const Winograd *w, int64_t tiles)
{
    return (winograd_lines(w, tiles) - 1) * winograd_step(w, &w->y) + w->y.inputs;
}
static inline int64_t winograd_region_cols(const Winograd *w, int64_t tiles)
{
    return (tiles - 1) * winograd_step(w, &w->x) + w->x.inputs;
}

/* Strips and chunks of a mode's form (pieces are contract_plan's); leaves c as it is where there is
 * none, or where it does not fit. */
void winograd_plan(Contract *c, const Target *t, ConvMode mode);
int64_t winograd_scratch(const Contract *c); /* bytes; of the step that loads and of the products,
                                                the larger, where they are two */
int64_t winograd_strip_floats(const Contract *c); /* transformed inputs of one strip */
/* Elements between two positions of the transformed inputs, and floats between those of products
 * `width` columns wide: one cache line more than they take, because powers of two apart all
 * positions of a tile would share the few places of one set of L1. */
int64_t winograd_input_stride(const Contract *c);
/* Rows of products for each position: a strip's tiles, on the tile unit rounded up to whole ones of
 * its own; and of its images, one after the other. */
int64_t winograd_rows(const Contract *c);
int64_t winograd_image_rows(const Contract *c);
int64_t winograd_unit_tiles(const Contract *c); /* of the tile unit, in an image where those of one
                                                   do not go on into the next, else in all */
int64_t winograd_row(const Contract *c);        /* elements between rows of the inputs */
int64_t winograd_product_stride(const Contract *c, int64_t width);
int winograd_turns(const Contract *c); /* blocks whose products are in scratch at a time: two where
                                          one leaves while the next one comes */
static inline int64_t winograd_unit(const Contract *c)
{
    return c->tile_rows ? c->k_step : c->lanes;
} /* parts of the input channels are multiples of it */
/* Streamed: input channels whose kernels a task transforms at a time, for one block; floats of
 * scratch that takes. */
int64_t winograd_part(const Contract *c);
int64_t winograd_part_floats(const Contract *c);
int64_t winograd_part_stride(const Contract *c, int nvec); /* floats between positions there */
/* Of a plain kernel: `count` channels at `stored`, of one block of nvec vectors, to `out`
 * [position][channel][column], positions so many floats apart. */
void emit_winograd_kernel(Emit *e, const Contract *c, V stored, V out, V count, int nvec,
                          int64_t position);
/* KERNELS_UNPACKED: plain panels to those that are read with KERNELS_PACKED. args: plain,
 * transformed; needs no scratch */
void emit_winograd_unpack(Emit *e, const Contract *c, const char *name);
int64_t winograd_unpack_tasks(const Contract *c);
void winograd_pack_kernel(const Contract *c, const float *kernel, float *out);
/* Estimated cost in multiply-adds of a planned convolution. */
double winograd_cost(const Contract *c, const Target *t);
double contract_cost(const Contract *c, const Target *t);
#endif
