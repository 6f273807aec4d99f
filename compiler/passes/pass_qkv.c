/* Products of one operand that feed one attention become one product; attention reads its parts at
 * channel offsets.
 *
 *     q = dense(x, Wq)   k = dense(x, Wk)   v = dense(x, Wv)   y = attention(q, k, v)
 *     ->
 *     p = dense(x, [Wq Wk Wv])   y = attention(p, p, p){q_off=0, k_off=c, v_off=2c}
 *
 * In cross-attention k and v read the context and q the picture: k and v become one, q stays. 1x1
 * convolutions count as dense.
 *
 * Requires pass_attention. Runs before pass_norm and pass_layernorm, so that a norm in front feeds
 * one product. Each merged value must have no user but this attention. Keeps every value: columns
 * are computed apart from each other. */
#include "rewrite.h"

#include "pass.h"

enum { OPERANDS = 3 }; /* q, k, v */

/* attention takes (b,...,c): a row view in front of it says nothing. */
static int drop_views(Graph *g, uint32_t at)
{
    int n = 0;
    for (int s = 0; s < OPERANDS; s++) {
        uint32_t made = op_making(g, g->ops[at].in[s]);
        if (made == NO_OP || !is_row_view(g, &g->ops[made]) ||
            tensor(g, g->ops[made].in[0])->shape.rank < 3)
            continue;
        g->ops[at].in[s] = g->ops[made].in[0];
        if (graph_use_count(g, g->ops[made].out) == 0)
            graph_kill(g, &g->ops[made]); /* else it would count as another user of the product */
        n++;
    }
    return n;
}

/* The product that makes operand s for this attention alone. */
static uint32_t own_product(Graph *g, uint32_t at, int s)
{
    Use use;
    uint32_t made = op_making(g, g->ops[at].in[s]);
    if (made == NO_OP || !is_pointwise(g, &g->ops[made]) || !sole_use(g, g->ops[at].in[s], &use))
        return NO_OP;
    return made;
}

static int64_t *offset(Op *attention, int s)
{
    AttnAttr *a = &attention->attr.attn;
    return s == 0 ? &a->q_off : s == 1 ? &a->k_off : &a->v_off;
}

/* Merges the products of operand `first` and of those after it that load the same. */
static int merge_from(Graph *g, uint32_t at, int first)
{
    uint32_t ops[OPERANDS], leader = own_product(g, at, first);
    int slots[OPERANDS], n = 0;
    for (int s = first; leader != NO_OP && s < OPERANDS; s++) {
        uint32_t p = own_product(g, at, s);
        if (p == NO_OP || !same_load(g, &g->ops[leader], &g->ops[p]))
            continue;
        ops[n] = p;
        slots[n++] = s;
    }
    if (n < 2)
        return 0;
    int64_t before = 0, width[OPERANDS];
    for (int i = 0; i < n; i++)
        width[i] = shape_channels(&tensor(g, g->ops[ops[i]].out)->shape);
    TensorId merged = merge_products(g, ops, n);
    for (int i = 0; i < n; before += width[i++]) {
        g->ops[at].in[slots[i]] = merged;
        *offset(&g->ops[at], slots[i]) += before;
    }
    return 1;
}

int pass_qkv(Graph *g)
{
    int n = 0;
    for (uint32_t i = 0, end = g->n_ops; i < end; i++) {
        if (g->ops[i].dead || g->ops[i].kind != OP_ATTENTION)
            continue;
        n += drop_views(g, i);
        n += merge_from(g, i, 0) || merge_from(g, i, 1);
    }
    return n;
}
