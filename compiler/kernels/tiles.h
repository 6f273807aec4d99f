/* Blocking of contract kernels for the tile unit (AMX): plain arithmetic. emit_tiles.c has the
 * loops, emit_amx.h the unit. */
#ifndef LATENTC_TILES_H
#define LATENTC_TILES_H
#include "emit_amx.h"
#include "kernels.h"

enum { L1_SHARE = 32 << 10 };             /* of 48 KiB, which every CPU with AMX has */
int64_t tile_channels(const Contract *c); /* most input channels of a chunk */
int64_t tile_step(const Contract *c);     /* k_step, once n_chunks is known */
int64_t tile_flat_pixels(const Contract *c,
                         const Target *t); /* most output pixels of a flat strip */
double tile_strip_cost(const Contract *c, const Target *t, int64_t tw, int64_t th);
void tile_shape(Contract *c); /* tile_rows and nr, once the strips are known */
int64_t tile_fewest_blocks(const Contract *c, const Target *t,
                           int64_t strips); /* of a flat piece */

/* Tiles of a line of pixels: `tile_rows` apart, so that none wraps around; what the last one
 * computes beyond the line is not used. */
int64_t tile_line(
    const Contract *c); /* pixels of a line: of a row of the strip, or of a flat strip */
static inline int64_t tiles_of_line(const Contract *c)
{
    return ceil_div(tile_line(c), c->tile_rows);
}
int64_t tile_count(const Contract *c); /* of a whole strip */
static inline int64_t tile_overrun(const Contract *c)
{
    return c->tile_rows * c->stride;
} /* loaded pixels that a last tile reads beyond the strip */
int64_t tile_sums_floats(const Contract *c); /* scratch for accumulators: of the strip and a block,
                                                or of two products where no sums are parked */
#endif
