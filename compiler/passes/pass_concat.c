/* Copies that only rearrange what the next product reads move into its load.
 *
 *     c = concat(x, skip)   y = conv2d(c, k)          ->    y = conv2d(x, k, x2=skip)
 *                           a = group_scale(c, g, b)  ->    a = group_scale(x, g, b, skip)
 *     u = upsample(x)       y = conv2d(u, k)          ->    y = conv2d(x, k){upsample=2}
 *
 * Requires that every user of the copy can take it: of a concat, conv2d and dense that load no
 * second operand yet, and group_scale likewise; of an upsample to exactly twice the size, 3x3
 * convolutions of stride 1 that load nothing special. Runs after pass_norm: a group_norm that is
 * still one (norm switched off, or with other users) keeps the concat. Keeps values; paddings and
 * result shapes stay. */
#include "rewrite.h"

#include "pass.h"

/* The slot that takes the second half of a concat which o reads as `slot`; -1 when o cannot. */
static int second_slot(const Op *o, int slot)
{
    if (slot != 0)
        return -1;
    int second = op_is_contract(o->kind) ? SLOT_X2 : o->kind == OP_GROUP_SCALE ? 3 : -1;
    return second >= 0 && !tensor_ok(o->in[second]) ? second : -1;
}

static bool fuse_concat(Graph *g, uint32_t at)
{
    TensorId x = g->ops[at].in[0], x2 = g->ops[at].in[1];
    Uses u = uses_of(g, g->ops[at].out);
    bool all = !u.is_output && u.n > 0;
    for (int i = 0; i < u.n && all; i++)
        all = second_slot(&g->ops[u.at[i].op], u.at[i].slot) >= 0;
    for (int i = 0; i < u.n && all; i++) {
        Op *o = &g->ops[u.at[i].op];
        o->in[second_slot(o, u.at[i].slot)] = x2;
        o->in[0] = x;
    }
    if (all)
        graph_kill(g, &g->ops[at]);
    return all;
}

static bool takes_upsample(const Graph *g, const Op *o, int slot)
{
    if (o->kind != OP_CONV2D || slot != SLOT_X || tensor_ok(o->in[SLOT_X2]))
        return false;
    const Shape *k = &tensor(g, o->in[SLOT_KERNEL])->shape;
    const ContractAttr *a = &o->attr.contract;
    return k->dim[0] == 3 && k->dim[1] == 3 && a->stride == 1 && a->upsample == 1 &&
           a->pre == PRE_NONE;
}

/* Has the result of this upsample exactly twice the height and width of x? */
static bool doubles(const Graph *g, const Op *o)
{
    const Shape *x = &tensor(g, o->in[0])->shape, *y = &tensor(g, o->out)->shape;
    return y->dim[1] == 2 * x->dim[1] && y->dim[2] == 2 * x->dim[2];
}

static bool fuse_upsample(Graph *g, uint32_t at)
{
    Uses u = uses_of(g, g->ops[at].out);
    bool all = !u.is_output && u.n > 0 && doubles(g, &g->ops[at]);
    for (int i = 0; i < u.n && all; i++)
        all = takes_upsample(g, &g->ops[u.at[i].op], u.at[i].slot);
    for (int i = 0; i < u.n && all; i++) {
        g->ops[u.at[i].op].in[SLOT_X] = g->ops[at].in[0];
        g->ops[u.at[i].op].attr.contract.upsample = 2;
    }
    if (all)
        graph_kill(g, &g->ops[at]);
    return all;
}

int pass_concat(Graph *g)
{
    int n = 0;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        if (g->ops[i].dead)
            continue;
        if (g->ops[i].kind == OP_CONCAT)
            n += fuse_concat(g, i);
        else if (g->ops[i].kind == OP_UPSAMPLE)
            n += fuse_upsample(g, i);
    }
    return n;
}
