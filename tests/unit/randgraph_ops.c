/* See randgraph_ops.h. */
#include "randgraph_ops.h"

#include <math.h>
#include <stdlib.h>

#include "construct.h"

/* ---- random numbers ---- */

uint64_t gen_splitmix(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

int64_t gen_below(Gen *r, int64_t n) { return (int64_t)(gen_splitmix(&r->state) % (uint64_t)n); }
bool gen_chance(Gen *r, int percent) { return gen_below(r, 100) < percent; }

int64_t gen_pick(Gen *r, const int64_t *from, int n) { return from[gen_below(r, n)]; }

int64_t gen_any_channels(Gen *r)
{
    return PICK(r, 1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 33, 40, 48, 80);
}
int64_t gen_even_channels(Gen *r) { return PICK(r, 4, 8, 12, 16, 20, 24, 36, 40, 48); }
int64_t gen_any_batch(Gen *r) { return PICK(r, 1, 1, 2, 2, 3, 4); }
int64_t gen_any_side(Gen *r) { return PICK(r, 1, 2, 3, 4, 5, 6, 7, 8, 9); }

int gen_any_groups(Gen *r, int64_t channels)
{
    int64_t g = 1 + gen_below(r, channels < 9 ? channels : 9);
    while (channels % g)
        g--;
    return (int)g;
}

/* ---- ops ---- */

const Shape *gen_shape(const Gen *r, TensorId t) { return &tensor(r->g, t)->shape; }
int64_t gen_channels(const Gen *r, TensorId t) { return shape_channels(gen_shape(r, t)); }
const char *gen_name(Gen *r, const char *kind)
{
    return arena_printf(r->g->arena, "%s.%d", kind, r->ops++);
}

TensorId gen_weight(Gen *r, const Op *o, const char *what, Shape s)
{
    return graph_add_weight(r->g, arena_printf(r->g->arena, "%s.%s", o->path, what), s);
}

TensorId gen_one(Gen *r, OpKind kind, const char *what, TensorId x)
{
    Op o = op_make(kind, gen_name(r, what));
    o.in[0] = x;
    if (kind == OP_GELU || kind == OP_GEGLU)
        o.attr.gelu.kind = gen_chance(r, 50) ? GELU_ERF : GELU_TANH;
    if (kind == OP_SCALE) {
        o.attr.scale.factor = (double)PICK(r, -2, 1, 3, 4) / 4;
        o.attr.scale.shift = o.attr.scale.factor == 0.75 ? -0.5 : 0;
    }
    return graph_add_op(r->g, o);
}

TensorId gen_two(Gen *r, OpKind kind, const char *what, TensorId x, TensorId y)
{
    Op o = op_make(kind, gen_name(r, what));
    o.in[0] = x;
    o.in[1] = y;
    return graph_add_op(r->g, o);
}

TensorId gen_upsample_to(Gen *r, TensorId x, int64_t height, int64_t width)
{
    Op o = op_make(OP_UPSAMPLE, gen_name(r, "up"));
    o.in[0] = x;
    o.attr.upsample.height = height;
    o.attr.upsample.width = width;
    return graph_add_op(r->g, o);
}

/* To twice the size, which the attributes may say, or without the last row or column. */
TensorId gen_upsample(Gen *r, TensorId x)
{
    int64_t odd_height = gen_below(r, 3), odd_width = gen_below(r, 3);
    const Shape *s = gen_shape(r, x);
    if (odd_height + odd_width == 0)
        return gen_upsample_to(r, x, 0, 0);
    return gen_upsample_to(r, x, 2 * s->dim[1] - odd_height / 2, 2 * s->dim[2] - odd_width / 2);
}

TensorId gen_dense(Gen *r, TensorId x, int64_t co, bool bias)
{
    Op o = op_make(OP_DENSE, gen_name(r, "dense"));
    o.in[SLOT_X] = x;
    o.in[SLOT_KERNEL] = gen_weight(r, &o, "kernel", shape2(gen_channels(r, x), co));
    if (bias)
        o.in[SLOT_BIAS] = gen_weight(r, &o, "bias", shape1(co));
    return graph_add_op(r->g, o);
}

TensorId gen_conv(Gen *r, TensorId x, int64_t co, Window w, bool bias)
{
    Op o = op_make(OP_CONV2D, gen_name(r, "conv"));
    o.in[SLOT_X] = x;
    o.in[SLOT_KERNEL] = gen_weight(r, &o, "kernel", shape4(w.kh, w.kw, gen_channels(r, x), co));
    if (bias)
        o.in[SLOT_BIAS] = gen_weight(r, &o, "bias", shape1(co));
    o.attr.contract.stride = (int)w.stride;
    o.attr.contract.pad_top = (int)w.top;
    o.attr.contract.pad_bottom = (int)w.bottom;
    o.attr.contract.pad_left = (int)w.left;
    o.attr.contract.pad_right = (int)w.right;
    return graph_add_op(r->g, o);
}

TensorId gen_norm(Gen *r, OpKind kind, TensorId x)
{
    int64_t c = gen_channels(r, x);
    Op o = op_make(kind, gen_name(r, "norm"));
    o.in[0] = x;
    o.in[1] = gen_weight(r, &o, "gamma", shape1(c));
    o.in[2] = gen_weight(r, &o, "beta", shape1(c));
    o.attr.norm.groups = kind == OP_GROUP_NORM ? gen_any_groups(r, c) : 1;
    /* 1x1 pictures, with hardly any variance, stay tame; a single value has none, and x / sqrt(eps)
     * is rounded at the size of x */
    const Shape *s = &tensor(r->g, x)->shape;
    int64_t norms = o.attr.norm.groups * (kind == OP_GROUP_NORM ? s->dim[0] : shape_count(s) / c);
    o.attr.norm.eps = shape_count(s) == norms ? 1 : 1e-3;
    return graph_add_op(r->g, o);
}

/* The three ops of attention as graphs are written. */
TensorId gen_attention(Gen *r, TensorId q, TensorId k, TensorId v, int heads, bool causal)
{
    Op qk = op_make(OP_ATTN_QK, gen_name(r, "qk")), av = op_make(OP_ATTN_AV, gen_name(r, "av"));
    qk.in[0] = q;
    qk.in[1] = k;
    qk.attr.attn.heads = av.attr.attn.heads = heads;
    qk.attr.attn.head_size = av.attr.attn.head_size = gen_channels(r, q) / heads;
    qk.attr.attn.scale = 1 / sqrt((double)qk.attr.attn.head_size);
    qk.attr.attn.causal = causal;
    av.in[0] = gen_one(r, OP_SOFTMAX, "softmax", graph_add_op(r->g, qk));
    av.in[1] = v;
    return graph_add_op(r->g, av);
}

TensorId gen_view(Gen *r, TensorId x, Shape s)
{
    return graph_add_reshape(r->g, x, s, gen_name(r, "view"));
}

TensorId gen_tokens_of(Gen *r, TensorId x)
{
    Shape s = *gen_shape(r, x);
    return gen_view(r, x, shape3(s.dim[0], shape_rows(&s), shape_channels(&s)));
}

/* ---- inputs ---- */

static TensorId maybe_broadcast(Gen *r, TensorId x, int64_t b)
{
    if (!r->guided || gen_shape(r, x)->dim[0] != 1)
        return x;
    Op o = op_make(OP_BROADCAST, gen_name(r, "broadcast"));
    o.in[0] = x;
    o.attr.broadcast.batch = b;
    return graph_add_op(r->g, o);
}

TensorId gen_picture_input(Gen *r, const char *input, int64_t b, int64_t c)
{
    int64_t h = gen_any_side(r), w = gen_any_side(r);
    return maybe_broadcast(
        r, graph_add_input(r->g, input, DT_F32, shape4(r->guided ? 1 : b, h, w, c), BIND_STEP), b);
}

TensorId gen_context_input(Gen *r, int64_t b)
{
    int64_t tokens = 1 + gen_below(r, 9), c = gen_any_channels(r),
            batch = gen_chance(r, 70) ? b : 1;
    return graph_add_input(r->g, "context", DT_F32, shape3(batch, tokens, c), BIND_PROMPT);
}

TensorId gen_time_input(Gen *r, int64_t b)
{
    int64_t c = gen_any_channels(r), batch = gen_chance(r, 50) ? 1 : b;
    return maybe_broadcast(
        r, graph_add_input(r->g, "timestep_embedding", DT_F32, shape2(batch, c), BIND_TIME), b);
}
