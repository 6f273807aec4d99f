/* Work that depends on the timestep or the prompt alone moves out of the step.
 *
 *   1. The time-embedding products of all blocks become one product with all their columns. Each
 *      block reads its vector at an offset:
 *
 *         v1 = dense(t, k1)   y1 = conv2d{vec=v1}         v  = dense(t, [k1 k2 ...])
 *         v2 = dense(t, k2)   y2 = conv2d{vec=v2}    ->   y1 = conv2d{vec=v}
 *                                                         y2 = conv2d{vec=v, vec_off=c1}
 *
 *   2. Ops are ordered by how often their results change: CONST, PROMPT, TIME, then the step;
 *      stable within. The compiler cuts the list there: into ops that run once per prompt, per
 *      schedule and per step. With step caching, INTERVAL and STEP stay mixed: values of full steps
 *      need values of every step.
 *
 * Requires pass_epilogue for 1 (without it no op reads SLOT_VEC and nothing merges), and that the
 * merged values have no other users. Keeps values. The new order is valid, because no operand of an
 * op before the step changes more often than the result. */
#include "rewrite.h"

#include <string.h>

#include "pass.h"

/* A dense product of a TIME-bound vector whose users all read it as SLOT_VEC. */
static bool is_time_vector(Graph *g, uint32_t at)
{
    const Op *o = &g->ops[at];
    if (o->dead || o->kind != OP_DENSE || tensor(g, o->out)->binding != BIND_TIME ||
        tensor(g, o->out)->shape.rank != 2)
        return false;
    Uses u = uses_of(g, o->out);
    for (int i = 0; i < u.n; i++)
        if (!op_is_contract(g->ops[u.at[i].op].kind) || u.at[i].slot != SLOT_VEC)
            return false;
    return u.n > 0 && !u.is_output;
}

static int merge_time_products(Graph *g, uint32_t first, uint32_t end)
{
    uint32_t *ops = arena_alloc(g->arena, g->n_ops * sizeof *ops);
    int n = 0;
    for (uint32_t i = first; i < end; i++)
        if (is_time_vector(g, i) && same_load(g, &g->ops[first], &g->ops[i]))
            ops[n++] = i;
    if (n < 2)
        return 0;
    TensorId merged = merge_products(g, ops, n);
    int64_t before = 0;
    for (int i = 0; i < n; i++) {
        TensorId old = g->ops[ops[i]].out;
        Uses u = uses_of(g, old);
        for (int k = 0; k < u.n; k++) {
            g->ops[u.at[k].op].in[SLOT_VEC] = merged;
            g->ops[u.at[k].op].attr.contract.vec_off += before;
        }
        before += shape_channels(&tensor(g, old)->shape);
    }
    return n;
}

static Binding order_of(Binding b) { return b == BIND_INTERVAL ? BIND_STEP : b; }

/* Returns how many ops changed their place. */
static int order_by_binding(Graph *g)
{
    Op *ordered = arena_alloc(g->arena, (g->n_ops + 1) * sizeof *ordered);
    uint32_t n = 0;
    int moved = 0;
    for (Binding b = BIND_CONST; b <= BIND_STEP; b++)
        for (uint32_t i = 0; i < g->n_ops; i++)
            if (!g->ops[i].dead && order_of(tensor(g, g->ops[i].out)->binding) == b) {
                moved += n != i;
                ordered[n++] = g->ops[i];
            }
    memcpy(g->ops, ordered, n * sizeof *ordered);
    g->n_ops = n;
    for (uint32_t i = 0; i < n; i++)
        tensor(g, g->ops[i].out)->producer = (OpId){i + 1};
    return moved;
}

int pass_hoist(Graph *g)
{
    int n = 0;
    for (uint32_t i = 0, end = g->n_ops; i < end; i++)
        if (is_time_vector(g, i))
            n += merge_time_products(g, i, end);
    graph_toposort(g);
    graph_sweep(g);
    return n + order_by_binding(g);
}
