/* GroupNorm, and a swish after it, move into the loads of the products that follow: no normalised
 * tensor is ever stored.
 *
 *     n = group_norm(x, g, b)               a = group_scale(x, g, b)
 *     s = swish(n)                    ->    y = conv2d(x, k, norm=a){pre=affine_swish}
 *     y = conv2d(s, k)
 *
 * group_scale gives, for each batch element and channel, a factor and a summand that stand for the
 * whole normalisation: (b,2,c), a few kilobytes. The pass looks through reshapes that keep batch
 * and channels (conv to tokens).
 *
 * Requires that every user of the normalised value is a product that loads nothing special yet;
 * there may be several, and each then normalises on its own. Otherwise nothing happens. Keeps
 * values up to rounding: (x - mean) * rstd * g + b = a*x + d. */
#include "rewrite.h"

#include "construct.h"
#include "pass.h"

static bool fuse(Graph *g, uint32_t at)
{
    Loads loads;
    Op norm = g->ops[at];
    if (!find_loads(g, norm.out, true, &loads))
        return false;
    Op scale = op_make(OP_GROUP_SCALE, norm.path);
    scale.in[0] = norm.in[0];
    scale.in[1] = norm.in[1];
    scale.in[2] = norm.in[2];
    scale.attr.norm = norm.attr.norm;
    TensorId factors = graph_add_op(g, scale);
    for (int i = 0; i < loads.n; i++) {
        Op *product = &g->ops[loads.at[i].op];
        product->in[SLOT_NORM] = factors;
        product->attr.contract.pre = loads.at[i].swish ? PRE_AFFINE_SWISH : PRE_AFFINE;
    }
    bypass(g, &loads, norm.out, norm.in[0]);
    graph_kill(g, &g->ops[at]);
    return true;
}

int pass_norm(Graph *g)
{
    int n = 0;
    for (uint32_t i = 0, end = g->n_ops; i < end; i++)
        if (!g->ops[i].dead && g->ops[i].kind == OP_GROUP_NORM)
            n += fuse(g, i);
    return n;
}
