/* Which operand stays where. Measured on a CPU with AMX: operands from L1 and L2 feed the tile unit
 * at 99 % of its peak, both from L2 at 77 %, one from beyond L2 at 30 %. So the working set of one
 * operand stays in L1 and that of the other in L2; a number that comes from further away is used
 * 200 times.
 *
 *   convolutions   two tiles of pixels and all taps of a chunk stay in L1. A panel of the chunk
 * streams from L2, once for every two tiles of the strip. products       the panel of two tiles of
 * columns and a chunk stays in L1: it is a block of its own, so it lies without gaps. The strip
 * streams from L2.
 *
 * Sums of all chunks but the last are spilled to L2, which takes a few percent of the time of a
 * chunk's products. */
#include "tiles.h"

int64_t tile_channels(const Contract *c)
{
    if (c->flat)
        return L1_SHARE / (TILE_MOST * TILE_COLUMNS * 2);
    return L1_SHARE / (2 * c->kh * ((TILE_MOST * TILE_ROWS - 1) * c->stride + c->kw));
}

/* Panels have no rows beyond the last channel, so all products are equally deep. */
int64_t tile_step(const Contract *c)
{
    int64_t channels = round_up(in_channels(c), 2), step = TILE_CHANNELS;
    while (channels % step)
        step -= 2;
    return step;
}

/* A strip stays in three quarters of L2. It is no longer than weights from beyond L2 need to be
 * used often enough: fewer pixels make more tasks. It is longer where it takes little of L2. */
int64_t tile_flat_pixels(const Contract *c, const Target *t)
{
    int64_t bytes = 2 * in_channels(c), fit = t->l2_bytes / 4 * 3 / bytes, want = TILE_FLAT_PIXELS;
    if (bytes * contract_columns(c) <= t->l2_bytes / 2)
        want = TILE_FLAT_SMALL;
    else if (TILE_FLAT_LARGE * bytes <= t->l2_bytes / 8 * 3)
        want = TILE_FLAT_LARGE;
    return fit < TILE_FLAT_LEAST ? TILE_FLAT_LEAST : min64(fit, want);
}

double tile_strip_cost(const Contract *c, const Target *t, int64_t tw, int64_t th)
{
    const Blocking *b = contract_blocking(c, t);
    double p = (double)(tw * th), columns = (double)contract_columns(c);
    double halo = (double)((th - 1) * c->stride + c->kh) * (double)((tw - 1) * c->stride + c->kw);
    int64_t n = ceil_div(tw, TILE_ROWS), rows = ceil_div(tw, n);
    /* A product takes a cycle for each row of its tile, its two loads at least six. */
    double cost = (double)n * (double)(rows < TILE_LOAD_CYCLES ? TILE_LOAD_CYCLES : rows) /
                  (double)tw * (double)round_up(c->oh, th) / (double)c->oh;
    cost += b->strip_weight / p +
            halo / p * b->strip_load / (columns < LOAD_COLUMNS ? LOAD_COLUMNS : columns);
    double bytes = halo * (double)in_channels(c) * 2, room = b->strip_l2 * t->l2_bytes;
    if (bytes > room)
        cost += b->strip_over * (bytes / room - 1);
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

/* A strip from beyond L2, or one that is loaded for this column slice alone, should be multiplied
 * with 256 columns at least, or 128 where 256 give fewer than TILE_SLICE_TASKS tasks. A strip
 * that is small, or one of several that stay in L2 together, may have any number. */
int64_t tile_fewest_blocks(const Contract *c, const Target *t, int64_t strips)
{
    int64_t bytes = 2 * in_channels(c) * c->pixels * strips, width = (int64_t)c->nr * c->lanes,
            wide = ceil_div(TILE_SLICE_COLUMNS, width);
    if (c->pixels < TILE_ROWS || bytes <= t->l2_bytes / 2)
        return 1;
    return strips * ceil_div(c->blocks, wide) < TILE_SLICE_TASKS ? ceil_div(wide, 2) : wide;
}
