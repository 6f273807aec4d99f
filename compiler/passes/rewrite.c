/* Queries and small edits shared by the passes: see rewrite.h. */
#include "construct.h"
#include "rewrite.h"

#include <string.h>

uint32_t op_making(const Graph *g, TensorId t)
{
    const Tensor *x = tensor(g, t);
    return x->kind == T_TEMP ? x->producer.id - 1 : NO_OP;
}

Uses uses_of(Graph *g, TensorId t)
{
    Uses u = {0};
    for (uint32_t i = 0; i < g->n_outputs; i++)
        u.is_output |= tensor_eq(g->outputs[i], t);
    u.is_output |= tensor_cached(g, t); /* other steps read it */
    for (int fill = 0; fill < 2; fill++) {
        u.n = 0;
        for (uint32_t i = 0; i < g->n_ops; i++)
            for (int s = 0; s < SLOT_COUNT && !g->ops[i].dead; s++)
                if (tensor_eq(g->ops[i].in[s], t)) {
                    if (fill)
                        u.at[u.n] = (Use){i, s};
                    u.n++;
                }
        if (!fill)
            u.at = arena_alloc(g->arena, (size_t)(u.n + 1) * sizeof *u.at);
    }
    return u;
}

bool sole_use(Graph *g, TensorId t, Use *use)
{
    Uses u = uses_of(g, t);
    if (u.n != 1 || u.is_output)
        return false;
    *use = u.at[0];
    return true;
}

bool is_row_view(const Graph *g, const Op *o)
{
    if (o->kind != OP_RESHAPE)
        return false;
    const Shape *from = &tensor(g, o->in[0])->shape, *to = &tensor(g, o->out)->shape;
    return from->rank > 1 && to->rank > 1 && from->dim[0] == to->dim[0] &&
           shape_channels(from) == shape_channels(to);
}

static bool loads_plainly(const Op *o, int slot)
{
    return op_is_contract(o->kind) && slot == SLOT_X && o->attr.contract.pre == PRE_NONE &&
           !tensor_ok(o->in[SLOT_X2]);
}

static bool collect_loads(Graph *g, TensorId t, bool through_swish, bool swish, Loads *loads)
{
    Uses u = uses_of(g, t);
    if (u.is_output)
        return false;
    for (int i = 0; i < u.n; i++) {
        const Op *o = &g->ops[u.at[i].op];
        if (loads_plainly(o, u.at[i].slot)) {
            loads->at[loads->n++] = (Load){u.at[i].op, swish};
        } else if (o->kind == OP_SWISH && through_swish && !swish) {
            loads->between[loads->n_between++] = u.at[i].op;
            if (!collect_loads(g, o->out, through_swish, true, loads))
                return false;
        } else if (!is_row_view(g, o) || !collect_loads(g, o->out, through_swish, swish, loads)) {
            return false;
        }
    }
    return true;
}

bool find_loads(Graph *g, TensorId t, bool through_swish, Loads *loads)
{
    *loads = (Loads){.at = arena_alloc(g->arena, g->n_ops * sizeof(Load)),
                     .between = arena_alloc(g->arena, g->n_ops * sizeof(uint32_t))};
    return collect_loads(g, t, through_swish, false, loads) && loads->n > 0;
}

void bypass(Graph *g, const Loads *loads, TensorId t, TensorId x)
{
    for (int i = 0; i < loads->n_between; i++) {
        Op *o = &g->ops[loads->between[i]];
        graph_replace_uses(g, o->out, o->in[0]);
        graph_kill(g, o);
    }
    graph_replace_uses(g, t, x);
}

bool is_pointwise(const Graph *g, const Op *o)
{
    if (o->kind == OP_DENSE)
        return true;
    if (o->kind != OP_CONV2D)
        return false;
    const ContractAttr *a = &o->attr.contract;
    const Shape *k = &tensor(g, o->in[SLOT_KERNEL])->shape;
    return k->dim[0] == 1 && k->dim[1] == 1 && a->stride == 1 && a->upsample == 1 && !a->pad_top &&
           !a->pad_bottom && !a->pad_left && !a->pad_right;
}

bool has_scalable_weights(const Graph *g, const Op *o)
{
    TensorId bias = o->in[SLOT_BIAS];
    return tensor(g, o->in[SLOT_KERNEL])->kind == T_WEIGHT &&
           (!tensor_ok(bias) || tensor(g, bias)->kind == T_WEIGHT);
}

bool same_load(const Graph *g, const Op *a, const Op *b)
{
    static const int own[] = {SLOT_VEC, SLOT_RES};
    if (a->kind != b->kind || !has_scalable_weights(g, a) || !has_scalable_weights(g, b))
        return false;
    for (int i = 0; i < attr_tables[a->kind].n; i++)
        for (int k = 0; k < (attr_tables[a->kind].fields[i].type == ATTR_PAD ? 4 : 1); k++)
            if (attr_get(a, &attr_tables[a->kind].fields[i], k) !=
                attr_get(b, &attr_tables[a->kind].fields[i], k))
                return false;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (tensor_ok(a->in[own[i]]) || tensor_ok(b->in[own[i]]))
            return false;
    for (int s = 0; s < SLOT_COUNT; s++)
        if (s != SLOT_KERNEL && s != SLOT_BIAS && !tensor_eq(a->in[s], b->in[s]))
            return false;
    return a->attr.contract.act == ACT_NONE &&
           tensor_ok(a->in[SLOT_BIAS]) == tensor_ok(b->in[SLOT_BIAS]);
}

TensorId merge_products(Graph *g, const uint32_t *ops, int n)
{
    Op merged = g->ops[ops[0]];
    TensorId *from = arena_alloc(g->arena, (size_t)n * sizeof *from);
    static const int slots[] = {SLOT_KERNEL, SLOT_BIAS};
    for (size_t k = 0; k < sizeof slots / sizeof slots[0]; k++) {
        if (!tensor_ok(merged.in[slots[k]]))
            continue;
        for (int i = 0; i < n; i++)
            from[i] = g->ops[ops[i]].in[slots[k]];
        merged.in[slots[k]] = graph_add_weight_parts(g, from, n, NULL);
    }
    for (int i = 0; i < n; i++)
        graph_kill(g, &g->ops[ops[i]]);
    return graph_add_op(g, merged);
}

void scale_weight(Graph *g, TensorId *w, double factor)
{
    if (tensor_ok(*w))
        *w = graph_add_weight_parts(g, w, 1, &factor);
}
