/* Elementwise work after a product moves into its store; a few things before it, into its load.
 *
 *     conv2d -> add(y, v), v (b,c)      ->   conv2d{vec=v}       the time embedding
 *     dense -> swish | gelu | geglu     ->   dense{act=...}      any activation (activations.def);
 *                                              geglu: the kernel keeps 2c columns, the result has c
 *     dense -> add(y, r), r as y        ->   dense{res=r}        r: either operand of the add
 *     conv2d -> scale                   ->   conv2d, kernel and bias scaled
 *                                              (a slice may stand between)
 *     scale -> conv2d                   ->   conv2d, kernel scaled   (the decoder's 1/0.18215)
 *     add(y, r) -> relu                 ->   dense{res=r, act=..., act_last=1}
 *     swish -> dense on (b,c)           ->   dense{pre=swish}    when no store before could take it
 *     soft_clamp -> conv2d              ->   conv2d{pre=soft_clamp}   of a few channels, one user
 *
 * The store computes act(product + bias + vec) + res, or act(product + bias + vec + res), so a step
 * fuses only when no later one is there already. A reshape between product and op sinks below the
 * op. Ops are visited in order: when op u is reached, the products before it have taken all that
 * they can.
 *
 * Requires that the product's result has no user but the op that is fused, and that the result
 * changes as often as the product (law 6). Keeps values; scaling a weight rounds it once. */
#include "rewrite.h"

#include "cache.h"
#include "construct.h"
#include "cost.h"
#include "pass.h"

/* The product whose result op u reads as operand `slot`: directly, or through one reshape (or
 * slice). */
typedef struct {
    uint32_t product, view; /* NO_OP when there is none */
} Source;

static Source source_of(Graph *g, uint32_t u, int slot, bool through_slice)
{
    Use use;
    Source none = {NO_OP, NO_OP}, s = {op_making(g, g->ops[u].in[slot]), NO_OP};
    if (s.product == NO_OP || !sole_use(g, g->ops[u].in[slot], &use))
        return none;
    const Op *o = &g->ops[s.product];
    if (o->kind == OP_RESHAPE || (through_slice && o->kind == OP_SLICE)) {
        s = (Source){op_making(g, o->in[0]), s.product};
        if (s.product == NO_OP || !sole_use(g, o->in[0], &use))
            return none;
    }
    return op_is_contract(g->ops[s.product].kind) ? s : none;
}

static bool has(const Op *o, int slot) { return tensor_ok(o->in[slot]); }
static bool stores_plainly(const Op *o)
{
    return o->attr.contract.act == ACT_NONE && !has(o, SLOT_RES);
}

/* Op u is part of the product now. The users of its result read the product's, through the view
 * between if there is one. */
static void finish(Graph *g, uint32_t u, Source s)
{
    TensorId result = g->ops[s.view == NO_OP ? s.product : s.view].out;
    tensor(g, result)->shape = tensor(g, g->ops[u].out)->shape;
    if (tensor(g, g->ops[u].out)->cache)
        graph_mark(g, result, tensor(g, g->ops[u].out)->cache);
    graph_replace_uses(g, g->ops[u].out, result);
    graph_kill(g, &g->ops[u]);
}

/* Law 6: the product must not change more often because it is fused. */
static bool same_binding(const Graph *g, uint32_t u, Source s)
{
    return tensor(g, g->ops[u].out)->binding == tensor(g, g->ops[s.product].out)->binding;
}

static bool fuse_activation(Graph *g, uint32_t u)
{
    Source s = source_of(g, u, 0, false);
    if (s.product == NO_OP || g->ops[s.product].attr.contract.act != ACT_NONE)
        return false;
    Op *product = &g->ops[s.product];
    bool gated = activations[op_activation(&g->ops[u])].gated;
    if (has(product, SLOT_RES)) { /* of a gated sum the halves would be those of the residual too */
        if (gated)
            return false;
        product->attr.contract.act_last = 1;
    }
    if (gated) {
        /* halves are found by column, so the view must keep channels; a vec covers the result's
         * channels only */
        if (has(product, SLOT_VEC) || (s.view != NO_OP && !is_row_view(g, &g->ops[s.view])))
            return false;
        tensor(g, product->out)->shape.dim[tensor(g, product->out)->shape.rank - 1] /= 2;
    }
    product->attr.contract.act = op_activation(&g->ops[u]);
    finish(g, u, s);
    return true;
}

/* The prologue that is this activation alone; PRE_NONE: there is none. */
static Prologue prologue_of(Activation act)
{
    for (int p = 0; p < PRE_COUNT; p++)
        if (p != PRE_NONE && prologues[p].norm == NO_NORM && prologues[p].act == act)
            return (Prologue)p;
    return PRE_NONE;
}

/* An activation in loads is computed for each user anew, and again in the halo of strips. That is
 * little for the short vectors of dense products on (b,c), and for one convolution of a few
 * channels. */
static bool loads_cheaply(const Graph *g, TensorId t, const Loads *loads)
{
    enum { FEW_CHANNELS = 16 };
    const Shape *s = &tensor(g, t)->shape;
    if (s->rank != 2)
        return loads->n == 1 && g->ops[loads->at[0].op].kind == OP_CONV2D &&
               shape_channels(s) <= FEW_CHANNELS;
    for (int i = 0; i < loads->n; i++)
        if (g->ops[loads->at[i].op].kind != OP_DENSE)
            return false;
    return true;
}

static bool fuse_activation_load(Graph *g, uint32_t u)
{
    Loads loads;
    const Op *o = &g->ops[u];
    Prologue pre = prologue_of(op_activation(o));
    if (pre == PRE_NONE || !find_loads(g, o->out, false, &loads) ||
        !loads_cheaply(g, o->out, &loads))
        return false;
    for (int i = 0; i < loads.n; i++)
        g->ops[loads.at[i].op].attr.contract.pre = pre;
    bypass(g, &loads, o->out, o->in[0]);
    graph_kill(g, &g->ops[u]);
    return true;
}

static bool fuse_scale_store(Graph *g, uint32_t u)
{
    Source s = source_of(g, u, 0, true);
    if (s.product == NO_OP || g->ops[u].attr.scale.shift != 0 ||
        !stores_plainly(&g->ops[s.product]) || has(&g->ops[s.product], SLOT_VEC) ||
        !has_scalable_weights(g, &g->ops[s.product]))
        return false;
    scale_weight(g, &g->ops[s.product].in[SLOT_KERNEL], g->ops[u].attr.scale.factor);
    scale_weight(g, &g->ops[s.product].in[SLOT_BIAS], g->ops[u].attr.scale.factor);
    finish(g, u, s);
    return true;
}

static bool fuse_scale_load(Graph *g, uint32_t u)
{
    Loads loads;
    TensorId x = g->ops[u].in[0], scaled = g->ops[u].out;
    if (g->ops[u].attr.scale.shift != 0 || !find_loads(g, scaled, false, &loads))
        return false; /* zeros in the padding are not shifted */
    for (int i = 0; i < loads.n; i++)
        if (!has_scalable_weights(g, &g->ops[loads.at[i].op]))
            return false;
    for (int i = 0; i < loads.n; i++)
        scale_weight(g, &g->ops[loads.at[i].op].in[SLOT_KERNEL], g->ops[u].attr.scale.factor);
    bypass(g, &loads, scaled, x);
    graph_kill(g, &g->ops[u]);
    return true;
}

static bool fuse_vector(Graph *g, uint32_t u)
{
    Source s = source_of(g, u, 0, false);
    const Shape *x = &tensor(g, g->ops[u].in[0])->shape, *y = &tensor(g, g->ops[u].in[1])->shape;
    if (s.product == NO_OP || y->rank != 2 || shape_eq(x, y) ||
        !stores_plainly(&g->ops[s.product]) || has(&g->ops[s.product], SLOT_VEC) ||
        !same_binding(g, u, s))
        return false;
    if (s.view != NO_OP && !is_row_view(g, &g->ops[s.view]))
        return false;
    g->ops[s.product].in[SLOT_VEC] = g->ops[u].in[1];
    finish(g, u, s);
    return true;
}

static bool keeps_batch(const Graph *g, const Op *view)
{
    return tensor(g, view->in[0])->shape.dim[0] == tensor(g, view->out)->shape.dim[0];
}

/* Whether the product behind operand `slot` of this add can take the other operand as residual. */
static bool takes_residual(Graph *g, uint32_t u, int slot, Source *s)
{
    *s = source_of(g, u, slot, false);
    return s->product != NO_OP && !has(&g->ops[s->product], SLOT_RES) && same_binding(g, u, *s);
}

/* t in the shape that the product has before its view: what t itself is a view of, if that fits, or
 * a new view. single: t has batch 1, the product more. */
static TensorId unviewed(Graph *g, TensorId t, Source s, bool single)
{
    if (s.view == NO_OP)
        return t;
    Shape wanted = tensor(g, g->ops[s.product].out)->shape;
    if (single)
        wanted.dim[0] = 1;
    uint32_t made = op_making(g, t);
    if (made != NO_OP && g->ops[made].kind == OP_RESHAPE &&
        shape_eq(&tensor(g, g->ops[made].in[0])->shape, &wanted))
        return g->ops[made].in[0];
    return graph_add_reshape(g, t, wanted, g->ops[s.view].path);
}

static bool fuse_residual(Graph *g, uint32_t u)
{
    Source s[2];
    Shape x = tensor(g, g->ops[u].in[0])->shape, y = tensor(g, g->ops[u].in[1])->shape, one = x;
    bool same = shape_eq(&x, &y);
    one.dim[0] = 1;
    if (!same && !shape_eq(&y, &one))
        return false;
    /* One that serves the whole batch may be added to a product, not the other way round: the
     * product would be done for each. */
    bool can[2] = {takes_residual(g, u, 0, &s[0]), same && takes_residual(g, u, 1, &s[1])};
    if (!same && can[0] && s[0].view != NO_OP && !keeps_batch(g, &g->ops[s[0].view]))
        return false;
    if (!can[0] && !can[1])
        return false;
    /* When both can, the larger does: the other (a 1x1 shortcut) is done before it, and its
     * operands die early. */
    int k = can[0] && can[1] ? op_macs(g, &g->ops[s[1].product]) > op_macs(g, &g->ops[s[0].product])
                             : can[1];
    uint32_t other = op_making(g, g->ops[u].in[1 - k]);
    TensorId residual = unviewed(g, g->ops[u].in[1 - k], s[k], !same);
    g->ops[s[k].product].in[SLOT_RES] = residual;
    finish(g, u, s[k]);
    if (other != NO_OP && graph_use_count(g, g->ops[other].out) == 0)
        graph_kill(g, &g->ops[other]); /* a view that the residual needs no more */
    return true;
}

static bool fuse(Graph *g, uint32_t u)
{
    if (op_activation(&g->ops[u]) != ACT_NONE)
        return fuse_activation(g, u) || fuse_activation_load(g, u);
    switch (g->ops[u].kind) {
    case OP_SCALE: return fuse_scale_store(g, u) || fuse_scale_load(g, u);
    case OP_ADD: return fuse_vector(g, u) || fuse_residual(g, u);
    default: return false; /* no rule: a step of its own */
    }
}

int pass_epilogue(Graph *g)
{
    int n = 0;
    for (uint32_t i = 0, end = g->n_ops; i < end; i++)
        if (!g->ops[i].dead)
            n += fuse(g, i);
    return n;
}
