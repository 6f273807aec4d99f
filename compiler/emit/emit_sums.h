/* GroupNorm's sums while the pixels of a strip pass, each with its results. */
#ifndef LATENTC_EMIT_SUMS_H
#define LATENTC_EMIT_SUMS_H
#include "emit.h"
#include "sums.h"

/* Sums of one vector of channels, in registers between sums_begin and sums_end. In memory pivot,
 * sum, sum of squares and, with bounds, the least and the greatest one start at `at` and are c
 * floats apart. */
typedef struct {
    V at, pivot, sum, square, low, high;
    int64_t c;
    int lanes;
} ChannelSums;
/* first, an i1: r is a result of the strip's first pixel, which becomes the pivot. */
ChannelSums sums_begin(Emit *e, V at, const Sums *layout, V first, V r);
void sums_add(Emit *e, const ChannelSums *s, V r);
void sums_end(Emit *e, const ChannelSums *s);
#endif
