/* Blocking of contract kernels for the tile unit (AMX): plain arithmetic. emit_tiles.c has the
 * loops, tile_unit.h the unit's sizes. */
#ifndef LATENTC_TILES_H
#define LATENTC_TILES_H
#include "contract.h"
#include "tile_unit.h"

/* Most input channels of a chunk. */
int64_t tile_channels(const Contract *c);
/* k_step: the deepest products, of at most TILE_CHANNELS, that divide the channels. */
int64_t tile_step(const Contract *c);
/* Most output pixels of a flat strip. */
int64_t tile_flat_pixels(const Contract *c, const Target *t);
/* Cost of an output pixel in strips of tw x th, a product's being 1. */
double tile_strip_cost(const Contract *c, const Target *t, int64_t tw, int64_t th);
/* Sets tile_rows and nr, once the strips are known. */
void tile_shape(Contract *c);
/* Fewest blocks of a column slice, flat, when there are so many strips. */
int64_t tile_fewest_blocks(const Contract *c, const Target *t, int64_t strips);

/* Pixels of a line: of a row of the strip, or of a flat strip. Tiles of a line are `tile_rows`
 * apart, so that none wraps around; what the last one computes beyond the line is not used. */
int64_t tile_line(const Contract *c);
static inline int64_t tiles_of_line(const Contract *c)
{
    return ceil_div(tile_line(c), c->tile_rows);
}
/* Of a whole strip. */
int64_t tile_count(const Contract *c);
/* Loaded pixels that a last tile reads beyond the strip. */
static inline int64_t tile_overrun(const Contract *c) { return c->tile_rows * c->stride; }
/* Scratch for accumulators: of the strip and a block, or of two products where a contract has one
 * chunk. */
int64_t tile_sums_floats(const Contract *c);
#endif
