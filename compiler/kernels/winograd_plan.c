/* Blocking of Winograd convolutions: which strips of tiles, and whether a form fits. */
#include "winograd_plan.h"
#include "cost_model.h"
#include "tile_unit.h"
#include <math.h>

static bool fits(const Contract *c, const Target *t, const ConvForm *form)
{
    const Winograd *w = winograd_matrices(form->winograd);
    if (contract_int8(c) || (c->quant && form->kernels == KERNELS_PACKED))
        return false;
    if (w->upsample > 1 && (c->upsample != w->upsample || c->pad_top != 1 || c->pad_left != 1))
        return false;
    return c->kh == 3 && c->kw == 3 && c->stride == 1 && c->c1 % t->lanes == 0 &&
           c->c2 % t->lanes == 0 && prologues[c->pre].norm != LAYER_NORM && !contract_geglu(c);
}

/* Transformed inputs and products of a strip of bw x bh tiles: what should stay in L2. */
static double strip_bytes(const Contract *c, const Winograd *w, int64_t bw, int64_t bh)
{
    double inputs = (double)(bw * winograd_lines(w, bh) * w->y.inputs * w->x.inputs) *
                    (double)in_channels(c);
    return (w->taps > 1 && c->bf16 ? 2 : 4) * inputs +
           4.0 * (double)(bw * bh * w->y.n * w->x.n) * (double)(c->nr * c->lanes);
}

static int64_t most_tiles(const Winograd *w)
{
    return w->taps > 1 ? WINOGRAD_OUTPUTS / w->x.m : WINOGRAD_TILES;
}

/* What a strip of bw x bh tiles costs per tile. weights: of all positions. */
static double strip_cost(const Contract *c, const Target *t, int64_t bw, int64_t bh, double weights)
{
    const Blocking *b = contract_blocking(c, t);
    const Winograd *w = winograd_form(c);
    int64_t tiles = bw * bh;
    double halo = (double)(winograd_region_cols(w, bw) * winograd_region_rows(w, bh)) /
                  (double)(tiles * w->y.m * w->x.m);
    double cost = weight_cost(b, t, weights) / (double)tiles +
                  b->winograd_load * halo / padded_columns(c);
    double over = strip_bytes(c, w, bw, bh) / t->l2_bytes - 1;
    return over > 0 ? cost + b->winograd_over * over : cost;
}

/* Sets tiles_x and tiles_y, which divide the picture's gw x gh tiles. */
static void choose_tiles(Contract *c, const Target *t, int64_t gw, int64_t gh)
{
    const Winograd *w = winograd_form(c);
    double best = INFINITY, weights = (double)(w->y.n * w->x.n * w->taps) * (double)in_channels(c) *
                                      padded_columns(c);
    for (int64_t bw = 1; bw <= gw; bw++)
        for (int64_t bh = 1; bh <= gh; bh++) {
            if (gw % bw || gh % bh || bw * bh > most_tiles(w))
                continue;
            double cost = strip_cost(c, t, bw, bh, weights);
            if (cost < best) {
                best = cost;
                c->tiles_x = bw;
                c->tiles_y = bh;
            }
        }
}

static void choose_strips(Contract *c, int64_t gw, int64_t gh)
{
    const Winograd *w = winograd_form(c);
    bool whole = c->tiles_x == gw && c->tiles_y == gh;
    c->images = whole && gw * gh * c->batch <= WINOGRAD_JOINED ? c->batch : 1;
    c->tw = c->tiles_x * w->x.m;
    c->th = c->tiles_y * w->y.m;
    c->strips_x = gw / c->tiles_x;
    c->strips_y = gh / c->tiles_y;
    c->strips_b = c->batch / c->images;
    c->pixels = c->tw * c->th * c->images;
}

/* Channels loaded at a time: the region stays in L1 or close to it, and a chunk does not straddle x
 * and x2. */
static void choose_region(Contract *c, const Target *t)
{
    c->kc = t->lanes;
    for (int64_t wide = 2 * t->lanes; wide <= 4 * t->lanes; wide *= 2)
        if (c->c1 % wide == 0 && c->c2 % wide == 0 &&
            winograd_region_pixels(c) * wide * 4 <= WINOGRAD_REGION_BYTES)
            c->kc = wide;
    c->n_chunks = 1;
}

static void plan_form(Contract *c, const Target *t, const ConvForm *form)
{
    const Winograd *w = winograd_matrices(form->winograd);
    int64_t gw = ceil_div(c->ow, w->x.m), gh = ceil_div(c->oh, w->y.m);
    c->winograd = form->winograd;
    c->kernels = form->kernels;
    c->flat = c->in_place = 0;
    c->tile_rows = c->bf16 && target_tiles(t) ? TILE_ROWS : 0;
    c->k_step = c->bf16 ? 2 : 1;
    if (c->tile_rows)
        c->k_step = in_channels(c) % TILE_CHANNELS == 0 ? TILE_CHANNELS : TILE_CHANNELS / 2;
    choose_tiles(c, t, gw, gh);
    choose_strips(c, gw, gh);
    if (c->tile_rows) {
        int64_t tiles = winograd_joined_tiles(c);
        c->tile_rows = (int)ceil_div(tiles, ceil_div(tiles, TILE_ROWS));
        /* More blocks, so that the stores of one overlap with the products of the next. Not where
         * blocks are tasks: each would read its strip once more. */
        if (contract_strips_suffice(c))
            c->nr = TILE_MOST;
    }
    choose_region(c, t);
}

static double unpacked_bytes(const Contract *c, const Winograd *w)
{
    return (double)(w->y.n * w->x.n * w->taps) * (double)in_channels(c) * padded_columns(c) *
           (c->bf16 ? 2 : 4);
}

void winograd_plan(Contract *c, const Target *t, ConvMode mode)
{
    const ConvForm *form = mode < CONV_DIRECT ? NULL : conv_form(mode);
    if (!form || form->winograd == WINOGRAD_NONE || !fits(c, t, form))
        return;
    const Winograd *w = winograd_matrices(form->winograd);
    if (form->kernels == KERNELS_UNPACKED && unpacked_bytes(c, w) > UNPACKED_BYTES)
        return;
    plan_form(c, t, form);
}
