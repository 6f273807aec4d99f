/* Products of a Winograd convolution on the tile unit. */
#ifndef LATENTC_EMIT_WINOGRAD_TILES_H
#define LATENTC_EMIT_WINOGRAD_TILES_H
#include "emit_winograd_transform.h"

/* The products of one position: (tiles of the strip, channels) x (channels, columns of a block). */
typedef struct {
    const WinogradTask *w;
    V inputs, panel, products;
    /* The input channels from k0 on, `count` of them. */
    V k0, count;
    /* Columns of the products; words between rows of the panels, between taps, and from vector 0 of
     * a row to vector v. */
    int64_t width, panel_row, tap, offset[4];
    int nvec;
    /* They are the first ones: else sums of those before lie in `products`. */
    bool first;
    /* The next position's panel and inputs. */
    Prefetch prefetch[2];
} Position;

/* Shares of other work that overlap with all products of one position and nvec vectors. */
int64_t winograd_shares(const Contract *c, int nvec);
/* The products of one position, on the tile unit. */
void unit_products(Emit *e, Position *p);
/* Before the products of block j: sets the work that overlaps with them, except prefetches of the
 * next strip's region. */
void winograd_overlap_block(Emit *e, WinogradTask *w, V j, int nvec);
/* On the tile unit, before the first block: the region of the next task's strip is prefetched
 * during this one's products. */
void prefetch_regions(Emit *e, WinogradTask *w);
#endif
