/* What stays where, by what was measured of a CPU with AMX: operands from L1 and L2 feed the tile
 * unit at 99 % of its peak, both from L2 at 77 %, one from beyond L2 at 30 %; so one operand's
 * working set in L1, the other's in L2, and whatever comes from further away used 200 times a
 * number.
 *
 *   convolutions   two tiles of pixels and all taps of a chunk: the pixels stay in L1, a panel of
 * the chunk streams by from L2, once for every two tiles of the strip products       two tiles of
 * columns and a chunk: their panel, a block of its own, so that it lies without gaps, stays in L1;
 * the strip streams by from L2
 *
 * Sums of all chunks but the last are parked in L2, which takes a few percent of the time of a
 * chunk's products. */
#include "tiles.h"

static const double per_weight = 200, per_load = 340; /* multiply-adds in the time of a number from
                                                         beyond L2; of loading one, normalised */

int64_t tile_channels(const Contract *c)
{
    if (c->flat)
        return L1_SHARE / (TILE_MOST * TILE_COLUMNS * 2);
    return L1_SHARE / (2 * c->kh * ((TILE_MOST * TILE_ROWS - 1) * c->stride + c->kw));
}

/* A chunk that is all: equal steps, as few as can be. */
int64_t tile_step(const Contract *c)
{
    if (c->n_chunks > 1)
        return TILE_CHANNELS;
    int64_t steps = ceil_div(in_channels(c), TILE_CHANNELS);
    return round_up(ceil_div(in_channels(c), steps), 2);
}

/* As many as keep a strip in three quarters of L2, but no more than it takes to use weights from
 * beyond L2 often enough; fewer make more tasks. More where the strip leaves most of L2 free even
 * so. */
int64_t tile_flat_pixels(const Contract *c, const Target *t)
{
    int64_t bytes = 2 * in_channels(c), fit = t->l2_bytes / 4 * 3 / bytes, want = 256;
    if (bytes * contract_columns(c) <= t->l2_bytes / 2)
        want = 128;
    else if (512 * bytes <= t->l2_bytes / 8 * 3)
        want = 512;
    return fit < 64 ? 64 : fit < want ? fit : want;
}

double tile_strip_cost(const Contract *c, const Target *t, int64_t tw, int64_t th)
{
    double p = (double)(tw * th), columns = (double)contract_columns(c);
    double halo = (double)((th - 1) * c->stride + c->kh) * (double)((tw - 1) * c->stride + c->kw);
    int64_t n = ceil_div(tw, TILE_ROWS), rows = ceil_div(tw, n);
    /* A product takes a cycle for each row of its tile, its two loads at least six. */
    double cost = (double)n * (double)(rows < 6 ? 6 : rows) / (double)tw *
                  (double)round_up(c->oh, th) / (double)c->oh;
    cost += per_weight / p + halo / p * per_load / (columns < 64 ? 64 : columns);
    double bytes = halo * (double)in_channels(c) * 2, room = 0.5 * t->l2_bytes;
    if (bytes > room)
        cost += 0.5 * (bytes / room - 1);
    return cost;
}

int64_t tile_line(const Contract *c) { return c->flat ? c->pixels : c->tw; }

void tile_shape(Contract *c)
{
    if (c->flat)
        c->nr = TILE_MOST;
    int64_t line = tile_line(c);
    c->tile_rows = (int)ceil_div(line, ceil_div(line, TILE_ROWS));
}

int64_t tile_count(const Contract *c)
{
    return tiles_of_line(c) * (c->flat ? 1 : c->th * c->images);
}

int64_t tile_sums_floats(const Contract *c)
{
    return (c->n_chunks > 1 ? tile_count(c) * c->nr : 2 * TILE_MOST * TILE_MOST) * c->tile_rows *
           TILE_COLUMNS;
}

/* A strip that comes from beyond L2, or is loaded for this piece alone, should meet 256 columns at
 * least, or 128 where that leaves too few tasks for a handful of threads; where it is small, or all
 * of them stay in L2 together, any number will do. */
int64_t tile_fewest_blocks(const Contract *c, const Target *t, int64_t strips)
{
    int64_t bytes = 2 * in_channels(c) * c->pixels * strips, width = (int64_t)c->nr * c->lanes,
            wide = ceil_div(256, width);
    if (c->pixels < TILE_ROWS || bytes <= t->l2_bytes / 2)
        return 1;
    return strips * ceil_div(c->blocks, wide) < 8 ? ceil_div(wide, 2) : wide;
}
