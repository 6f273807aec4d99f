/* Estimated costs of convolutions, in multiply-adds of f32. */
#include "cost_model.h"
#include "winograd.h"

/* What kernels cost per strip, in multiply-adds per transformed weight: they stream from memory or
 * from L3 once for every strip. Measured on AVX-512 machines with about 60 GMAC/s and 10 GB/s a
 * core: 23; a fifth of it where all of them fit L2. */
static const double beyond_l2 = 23;
double weight_cost(const Target *t, double weights)
{
    return weights * 4 < 2.0 * t->l2_bytes ? 5 : beyond_l2;
}
/* On the tile unit, as measured with product_share: a weight in bf16 is 8.5 then. */
static double weight_share(const Contract *c) { return c->tile_rows ? 0.75 : 1; }

/* Transforming a plain kernel in scratch, in multiply-adds per transformed weight (a word of two in
 * bf16 takes as long as one in f32), and keeping sums in L2 between parts: measured on the same
 * machines, n = 4 with 8x8 and 16x16 pictures of 1280 channels; n = 6, whose G g G' no longer fits
 * the registers, in the f32 decoder with 64x64 pictures of 512: twice the time of F(4,3) with
 * stored kernels, where 22 promised 1.05 times. */
static double stream_cost(const Winograd *w) { return w->x.n == 6 ? 120 : 22; }

/* Transforming a plain kernel in memory, per transformed weight: 1.2 ms for 512 x 512 with n = 6 on
 * two cores. */
static const double unpack_cost = 20;

/* A multiply-add's time, an f32 one's being 1. On the tile unit the mean of what was measured on a
 * machine with others, alone on a core and beside another thread, which halves its rate or worse:
 * convolutions of 8x8 to 512x512 pixels, 128 to 1280 channels, within a fifth. Tiles of few rows
 * wait for their columns. Where there is an instruction for them, a pair takes the time of one. And
 * a weight's bytes. */
static double product_share(const Contract *c, const Target *t)
{
    if (c->tile_rows)
        return 0.135 * (c->tile_rows < 13 ? 13. / c->tile_rows : 1);
    return c->bf16 && t->core == CORE_BF16_DOT ? 0.5 : 1;
}
static double byte_share(const Contract *c) { return c->bf16 ? 0.5 : 1; }

double winograd_cost(const Contract *c, const Target *t)
{
    const Winograd *w = winograd_form(c);
    int n = w->x.n * w->y.n, m = w->x.m * w->y.m, inputs = w->x.inputs * w->y.inputs,
        axes = w->taps > 1 ? 1 : 2;
    double ci = (double)(c->c1 + c->c2), co = padded_columns(c),
           strips = (double)contract_strips(c);
    double tiles = strips * (double)(c->tiles_x * c->tiles_y * c->images),
           weights = (double)(n * w->taps) * ci * co;
    /* A one-dimensional transform takes about 2.6 operations a number, a vector operation as long
     * as `lanes` multiply-adds; loads and stores. */
    double in = inputs * (axes * 2.6 + 2) + 20 * winograd_step(w, &w->x) * winograd_step(w, &w->y),
           out = 2.6 * w->x.n * (w->y.m + w->y.n) / 2 * axes + n + 3 * m;
    bool streamed = c->kernels == KERNELS_STREAMED;
    double stored = streamed ? 9.0 / n : 1,
           kernels = (streamed ? stream_cost(w) : 0) + weight_cost(t, weights * stored) * stored;
    double cost = weights * (1.15 * tiles * product_share(c, t) +
                             kernels * byte_share(c) * weight_share(c) * strips) +
                  tiles * (in * ci * (c->staged ? 1.0 : (double)c->pieces) + out * co);
    if (c->kernels == KERNELS_UNPACKED)
        cost += weights * unpack_cost * byte_share(c);
    if (c->tile_rows && c->staged)
        cost += beyond_l2 * byte_share(c) * tiles * inputs * ci *
                (double)c->pieces; /* inputs come from beyond L2 once for every piece */
    return cost;
}

/* Beside products on the tile unit what a pixel costs shows: loading and normalising a channel,
 * storing one. */
static const double load_channel = 24, store_channel = 12;

double contract_cost(const Contract *c, const Target *t)
{
    double ci = (double)(c->c1 + c->c2), weights = (double)(c->kh * c->kw) * ci * padded_columns(c),
           strips = (double)contract_strips(c);
    double pixels = (double)(c->batch * c->oh * c->ow),
           cost = weights * (1.08 * pixels * product_share(c, t) +
                             weight_cost(t, weights) * strips * byte_share(c) * weight_share(c));
    return c->tile_rows ? cost + pixels * (load_channel * ci + store_channel * padded_columns(c))
                        : cost;
}
