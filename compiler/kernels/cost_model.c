/* Estimated costs of convolutions, in multiply-adds of f32. */
#include "cost_model.h"
#include "winograd.h"

double weight_cost(const Blocking *b, const Target *t, double weights)
{
    return weights * 4 < 2.0 * t->l2_bytes ? b->weight_near : b->weight_far;
}

static double product_cost(const Contract *c, const Blocking *b)
{
    if (c->tile_rows && c->tile_rows < TILE_FULL_ROWS)
        return b->product * ((double)TILE_FULL_ROWS / c->tile_rows);
    return b->product;
}

/* Bytes of a number that is multiplied, and of a stored weight; those of an f32 one are 1. */
static double operand_share(const Contract *c) { return 1.0 / contract_word(c); }
static double stored_share(const Contract *c) { return 1.0 / contract_group(c); }

/* Of a stored weight, each time that it is read: what makes an operand of it. */
static double dequantise_cost(const Contract *c, const Blocking *b)
{
    return contract_group(c) > contract_word(c) ? b->dequantise : 0;
}

double winograd_cost(const Contract *c, const Target *t)
{
    const Winograd *w = winograd_form(c);
    const Blocking *b = contract_blocking(c, t);
    int n = w->x.n * w->y.n, m = w->x.m * w->y.m, inputs = w->x.inputs * w->y.inputs,
        axes = w->taps > 1 ? 1 : 2;
    double ci = (double)(c->c1 + c->c2), co = padded_columns(c),
           strips = (double)contract_strips(c);
    double tiles = strips * (double)(c->tiles_x * c->tiles_y * c->images),
           weights = (double)(n * w->taps) * ci * co;
    /* Transforms, loads and stores. */
    double in = inputs * (axes * b->transform + 2) +
                b->winograd_load * winograd_step(w, &w->x) * winograd_step(w, &w->y),
           out = b->transform * w->x.n * (w->y.m + w->y.n) / 2 * axes + n + 3 * m;
    bool streamed = c->kernels == KERNELS_STREAMED;
    double stored = 9.0 / (n * w->taps), kernels = weight_cost(b, t, weights) * operand_share(c);
    if (streamed)
        kernels = (w->x.n == 6 ? b->stream_6 : b->stream_4) * operand_share(c) +
                  (weight_cost(b, t, weights * stored) * stored_share(c) + dequantise_cost(c, b)) *
                      stored;
    double cost = weights * (b->winograd_loop * tiles * product_cost(c, b) +
                             kernels * b->weight_share * strips) +
                  tiles * (in * ci * (c->staged ? 1.0 : (double)c->slices) + out * co);
    if (c->kernels == KERNELS_UNPACKED)
        cost += weights * (b->unpack * operand_share(c) + dequantise_cost(c, b) * stored);
    if (c->tile_rows && c->staged)
        cost += b->weight_far * operand_share(c) * tiles * inputs * ci *
                (double)c->slices; /* inputs come from beyond L2 once for every column slice */
    return cost;
}

double contract_cost(const Contract *c, const Target *t)
{
    const Blocking *b = contract_blocking(c, t);
    double ci = (double)(c->c1 + c->c2), weights = (double)(c->kh * c->kw) * ci * padded_columns(c),
           strips = (double)contract_strips(c);
    double pixels = (double)(c->batch * c->oh * c->ow),
           cost = weights *
                  (b->direct_loop * pixels * product_cost(c, b) +
                   weight_cost(b, t, weights) * strips * stored_share(c) * b->weight_share +
                   dequantise_cost(c, b) * strips);
    return cost + pixels * (b->load_channel * ci + b->store_channel * padded_columns(c));
}
