/* LayerNorm moves into the loads of the dense products that follow.
 *
 *     n = layer_norm(x, g, b)   ->    y = dense(x, k, ln_gamma=g, ln_beta=b){pre=layer_norm}
 *     y = dense(n, k)
 *
 * Requires that every user is a dense product that loads nothing special yet; there may be several,
 * and each normalises on its own. With any other user nothing happens: the text encoder's last
 * LayerNorm is its output and stays. The pass looks through reshapes that keep batch and channels.
 * Keeps values. */
#include "rewrite.h"

#include "pass.h"

static bool fuse(Graph *g, uint32_t at)
{
    Loads loads;
    const Op *norm = &g->ops[at];
    if (!find_loads(g, norm->out, false, &loads))
        return false;
    for (int i = 0; i < loads.n; i++)
        if (g->ops[loads.at[i].op].kind != OP_DENSE)
            return false;
    for (int i = 0; i < loads.n; i++) {
        Op *product = &g->ops[loads.at[i].op];
        product->in[SLOT_LN_GAMMA] = norm->in[1];
        product->in[SLOT_LN_BETA] = norm->in[2];
        product->attr.contract.pre = PRE_LAYER_NORM;
        product->attr.contract.eps = norm->attr.norm.eps;
    }
    bypass(g, &loads, norm->out, norm->in[0]);
    graph_kill(g, &g->ops[at]);
    return true;
}

int pass_layernorm(Graph *g)
{
    int n = 0;
    for (uint32_t i = 0; i < g->n_ops; i++)
        if (!g->ops[i].dead && g->ops[i].kind == OP_LAYER_NORM)
            n += fuse(g, i);
    return n;
}
