/* Attention as one operation, so that its kernel never stores the scores.
 *
 *     s = attn_qk(q, k){scale}
 *     p = softmax(s)                  ->     y = attention(q, k, v){scale}
 *     y = attn_av(p, v)
 *
 * Requires that s and p have no other user. Keeps y's tensor and path. The scale stays an
 * attribute (the kernel multiplies q by it as it loads), so weights stay as they are. */
#include "rewrite.h"

#include "pass.h"

/* The op of this kind that makes t, when t has no other use; else NULL. */
static const Op *made_only_here(Graph *g, TensorId t, OpKind kind)
{
    Use use;
    uint32_t i = op_making(g, t);
    return i != NO_OP && g->ops[i].kind == kind && sole_use(g, t, &use) ? &g->ops[i] : NULL;
}

static bool fuse(Graph *g, Op *av)
{
    const Op *softmax = made_only_here(g, av->in[0], OP_SOFTMAX);
    const Op *qk = softmax ? made_only_here(g, softmax->in[0], OP_ATTN_QK) : NULL;
    if (!qk || qk->attr.attn.head_size != av->attr.attn.head_size)
        return false;
    AttnAttr attr = qk->attr.attn; /* heads agree: attn_av's shape rule */
    attr.v_off = av->attr.attn.v_off;
    av->kind = OP_ATTENTION;
    av->in[2] = av->in[1];
    av->in[0] = qk->in[0];
    av->in[1] = qk->in[1];
    av->attr.attn = attr;
    return true; /* softmax and attn_qk are without users now: the sweep takes them */
}

int pass_attention(Graph *g)
{
    int n = 0;
    for (uint32_t i = 0; i < g->n_ops; i++)
        if (!g->ops[i].dead && g->ops[i].kind == OP_ATTN_AV)
            n += fuse(g, &g->ops[i]);
    return n;
}
