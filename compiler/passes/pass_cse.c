/* Common subexpressions: two operations of one kind on the same operands with the same attributes
 * become one.
 *
 *     s1 = swish(t)   d1 = dense(s1, k1)            s1 = swish(t)   d1 = dense(s1, k1)
 *     s2 = swish(t)   d2 = dense(s2, k2)     ->                     d2 = dense(s1, k2)
 *
 * The swish of the time embedding stands in each of 22 residual blocks. The passes after this one
 * see a single value with 22 users.
 *
 * Requires ops in order. Keeps shapes and values: every op is a pure function of its operands.
 * The first op stays, with its path. */
#include "rewrite.h"

#include "pass.h"

static bool same_attributes(const Op *a, const Op *b)
{
    const AttrTable *t = &attr_tables[a->kind];
    for (int i = 0; i < t->n; i++)
        for (int k = 0; k < (t->fields[i].type == ATTR_PAD ? 4 : 1); k++)
            if (attr_get(a, &t->fields[i], k) != attr_get(b, &t->fields[i], k))
                return false;
    return true;
}

static bool same_operation(const Graph *g, const Op *a, const Op *b)
{
    if (a->kind != b->kind || tensor_cached(g, a->out) != tensor_cached(g, b->out))
        return false;
    for (int s = 0; s < SLOT_COUNT; s++)
        if (!tensor_eq(a->in[s], b->in[s]))
            return false;
    /* a reshape's result shape is its attribute */
    return same_attributes(a, b) && shape_eq(&tensor(g, a->out)->shape, &tensor(g, b->out)->shape);
}

int pass_cse(Graph *g)
{
    int n = 0;
    for (uint32_t i = 1; i < g->n_ops; i++)
        for (uint32_t j = 0; j < i && !g->ops[i].dead; j++)
            if (!g->ops[j].dead && same_operation(g, &g->ops[j], &g->ops[i])) {
                graph_replace_uses(g, g->ops[i].out, g->ops[j].out);
                graph_kill(g, &g->ops[i]);
                n++;
            }
    return n;
}
