#include "randgraph.h"

#include <math.h>
#include <stdlib.h>

#include "construct.h"
#include "interp.h"
#include "verify.h"
#include "alloc.h"

typedef struct {
    Graph *g;
    uint64_t state;
    int ops;        /* for names */
    TensorId *pool; /* the soup's values so far */
    int n_pool;
    TensorId skip[16];
    int n_skip;
    TensorId time, context;
    bool guided; /* the picture and the time step have batch 1 and are broadcast */
} Gen;

enum { MOST_ELEMENTS = 12000, MOST_POOL = 64 };

/* ---- random numbers ---- */

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

static int64_t below(Gen *r, int64_t n) { return (int64_t)(splitmix(&r->state) % (uint64_t)n); }
static bool chance(Gen *r, int percent) { return below(r, 100) < percent; }

/* Arguments of one call are evaluated in any order: never two draws in one, or graphs depend on the
 * C compiler. */
#define COUNT(...) ((int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))
#define PICK(r, ...) pick(r, (const int64_t[]){__VA_ARGS__}, COUNT(__VA_ARGS__))
static int64_t pick(Gen *r, const int64_t *from, int n) { return from[below(r, n)]; }

static int64_t any_channels(Gen *r)
{
    return PICK(r, 1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 33, 40, 48, 80);
}
static int64_t even_channels(Gen *r) { return PICK(r, 4, 8, 12, 16, 20, 24, 36, 40, 48); }
static int64_t any_batch(Gen *r) { return PICK(r, 1, 1, 2, 2, 3, 4); }
static int64_t any_side(Gen *r) { return PICK(r, 1, 2, 3, 4, 5, 6, 7, 8, 9); }

static int any_groups(Gen *r, int64_t channels)
{
    int64_t g = 1 + below(r, channels < 9 ? channels : 9);
    while (channels % g)
        g--;
    return (int)g;
}

/* ---- ops ---- */

static const Shape *shape(const Gen *r, TensorId t) { return &tensor(r->g, t)->shape; }
static int64_t channels(const Gen *r, TensorId t) { return shape_channels(shape(r, t)); }
static const char *name(Gen *r, const char *kind)
{
    return arena_printf(r->g->arena, "%s.%d", kind, r->ops++);
}

static TensorId weight(Gen *r, const Op *o, const char *what, Shape s)
{
    return graph_add_weight(r->g, arena_printf(r->g->arena, "%s.%s", o->path, what), s);
}

static TensorId one(Gen *r, OpKind kind, const char *what, TensorId x)
{
    Op o = op_make(kind, name(r, what));
    o.in[0] = x;
    if (kind == OP_GELU || kind == OP_GEGLU)
        o.attr.gelu.kind = chance(r, 50) ? GELU_ERF : GELU_TANH;
    if (kind == OP_SCALE)
        o.attr.scale.factor = (double)PICK(r, -2, 1, 3, 4) / 4;
    return graph_add_op(r->g, o);
}

static TensorId two(Gen *r, OpKind kind, const char *what, TensorId x, TensorId y)
{
    Op o = op_make(kind, name(r, what));
    o.in[0] = x;
    o.in[1] = y;
    return graph_add_op(r->g, o);
}

static TensorId upsample_to(Gen *r, TensorId x, int64_t height, int64_t width)
{
    Op o = op_make(OP_UPSAMPLE, name(r, "up"));
    o.in[0] = x;
    o.attr.upsample.height = height;
    o.attr.upsample.width = width;
    return graph_add_op(r->g, o);
}

/* To twice the size, which the attributes may say, or without the last row or column. */
static TensorId upsample(Gen *r, TensorId x)
{
    int64_t odd_height = below(r, 3), odd_width = below(r, 3);
    const Shape *s = shape(r, x);
    if (odd_height + odd_width == 0)
        return upsample_to(r, x, 0, 0);
    return upsample_to(r, x, 2 * s->dim[1] - odd_height / 2, 2 * s->dim[2] - odd_width / 2);
}

static TensorId dense(Gen *r, TensorId x, int64_t co, bool bias)
{
    Op o = op_make(OP_DENSE, name(r, "dense"));
    o.in[SLOT_X] = x;
    o.in[SLOT_KERNEL] = weight(r, &o, "kernel", shape2(channels(r, x), co));
    if (bias)
        o.in[SLOT_BIAS] = weight(r, &o, "bias", shape1(co));
    return graph_add_op(r->g, o);
}

typedef struct {
    int64_t kh, kw, stride, top, bottom, left, right;
} Window;
static const Window w1 = {1, 1, 1, 0, 0, 0, 0}, w3 = {3, 3, 1, 1, 1, 1, 1};
static const Window w3_down = {3, 3, 2, 0, 1, 0, 1}, w3_half = {3, 3, 2, 1, 1, 1, 1};

static TensorId conv(Gen *r, TensorId x, int64_t co, Window w, bool bias)
{
    Op o = op_make(OP_CONV2D, name(r, "conv"));
    o.in[SLOT_X] = x;
    o.in[SLOT_KERNEL] = weight(r, &o, "kernel", shape4(w.kh, w.kw, channels(r, x), co));
    if (bias)
        o.in[SLOT_BIAS] = weight(r, &o, "bias", shape1(co));
    o.attr.contract.stride = (int)w.stride;
    o.attr.contract.pad_top = (int)w.top;
    o.attr.contract.pad_bottom = (int)w.bottom;
    o.attr.contract.pad_left = (int)w.left;
    o.attr.contract.pad_right = (int)w.right;
    return graph_add_op(r->g, o);
}

static TensorId norm(Gen *r, OpKind kind, TensorId x)
{
    int64_t c = channels(r, x);
    Op o = op_make(kind, name(r, "norm"));
    o.in[0] = x;
    o.in[1] = weight(r, &o, "gamma", shape1(c));
    o.in[2] = weight(r, &o, "beta", shape1(c));
    o.attr.norm.groups = kind == OP_GROUP_NORM ? any_groups(r, c) : 1;
    /* 1x1 pictures, with hardly any variance, stay tame; a single value has none, and x / sqrt(eps)
     * is rounded at the size of x */
    const Shape *s = &tensor(r->g, x)->shape;
    int64_t norms = o.attr.norm.groups * (kind == OP_GROUP_NORM ? s->dim[0] : shape_count(s) / c);
    o.attr.norm.eps = shape_count(s) == norms ? 1 : 1e-3;
    return graph_add_op(r->g, o);
}

/* The three ops of attention as graphs are written. */
static TensorId attention(Gen *r, TensorId q, TensorId k, TensorId v, int heads, bool causal)
{
    Op qk = op_make(OP_ATTN_QK, name(r, "qk")), av = op_make(OP_ATTN_AV, name(r, "av"));
    qk.in[0] = q;
    qk.in[1] = k;
    qk.attr.attn.heads = av.attr.attn.heads = heads;
    qk.attr.attn.head_size = av.attr.attn.head_size = channels(r, q) / heads;
    qk.attr.attn.scale = 1 / sqrt((double)qk.attr.attn.head_size);
    qk.attr.attn.causal = causal;
    av.in[0] = one(r, OP_SOFTMAX, "softmax", graph_add_op(r->g, qk));
    av.in[1] = v;
    return graph_add_op(r->g, av);
}

static TensorId view(Gen *r, TensorId x, Shape s)
{
    return graph_add_reshape(r->g, x, s, name(r, "view"));
}

static TensorId tokens_of(Gen *r, TensorId x)
{
    Shape s = *shape(r, x);
    return view(r, x, shape3(s.dim[0], shape_rows(&s), shape_channels(&s)));
}

/* ---- blocks ---- */

static TensorId res_block(Gen *r, TensorId x, int64_t co)
{
    TensorId h = norm(r, OP_GROUP_NORM, x), shortcut = x;
    bool early = chance(r, 50);
    if (channels(r, x) != co && early)
        shortcut = conv(r, x, co, w1, true);
    h = conv(r, one(r, OP_SWISH, "swish", h), co, w3, true);
    if (tensor_ok(r->time))
        h = two(r, OP_ADD, "add", h, dense(r, one(r, OP_SWISH, "swish", r->time), co, true));
    h = norm(r, OP_GROUP_NORM, h);
    h = conv(r, one(r, OP_SWISH, "swish", h), co, w3, true);
    if (channels(r, x) != co && !early)
        shortcut = conv(r, x, co, w1, true);
    return chance(r, 50) ? two(r, OP_ADD, "add", h, shortcut) : two(r, OP_ADD, "add", shortcut, h);
}

/* LN, attention, residual. context none: self-attention. */
static TensorId attend(Gen *r, TensorId x, TensorId context, bool bias, bool causal)
{
    int64_t c = channels(r, x);
    TensorId n = norm(r, OP_LAYER_NORM, x), from = tensor_ok(context) ? context : n;
    int heads = any_groups(r, c);
    TensorId q = dense(r, n, c, bias), k = dense(r, from, c, bias), v = dense(r, from, c, bias);
    TensorId y = dense(r, attention(r, q, k, v, heads, causal), c, true);
    return chance(r, 50) ? two(r, OP_ADD, "add", y, x) : two(r, OP_ADD, "add", x, y);
}

static TensorId feed_forward(Gen *r, TensorId x, bool gated)
{
    int64_t c = channels(r, x), inner = 2 * even_channels(r);
    TensorId h = dense(r, norm(r, OP_LAYER_NORM, x), inner, true);
    h = gated ? one(r, OP_GEGLU, "geglu", h) : one(r, OP_GELU, "gelu", h);
    return two(r, OP_ADD, "add", dense(r, h, c, true), x);
}

static TensorId spatial_transformer(Gen *r, TensorId x)
{
    Shape s = *shape(r, x);
    bool view_first = chance(r, 50);
    TensorId h = norm(r, OP_GROUP_NORM, x);
    int64_t c = shape_channels(&s);
    h = view_first ? dense(r, tokens_of(r, h), c, true) : tokens_of(r, dense(r, h, c, true));
    h = attend(r, h, NO_TENSOR, false, false);
    h = attend(r, h, r->context, false, false);
    h = feed_forward(r, h, true);
    h = view_first ? view(r, dense(r, h, c, true), s) : dense(r, view(r, h, s), c, true);
    return two(r, OP_ADD, "add", h, x);
}

static TensorId picture_attention(Gen *r, TensorId x)
{
    int64_t c = channels(r, x);
    TensorId n = norm(r, OP_GROUP_NORM, x);
    TensorId q = conv(r, n, c, w1, true), k = conv(r, n, c, w1, true), v = conv(r, n, c, w1, true);
    TensorId y = view(r, attention(r, q, k, v, 1, false), *shape(r, x));
    return two(r, OP_ADD, "add", conv(r, y, c, w1, true), x);
}

static TensorId exit_block(Gen *r, TensorId x, int64_t co)
{
    return conv(r, one(r, OP_SWISH, "swish", norm(r, OP_GROUP_NORM, x)), co, w3, true);
}

/* ---- families ---- */

static bool same_place(const Gen *r, TensorId a, TensorId b)
{
    const Shape *x = shape(r, a), *y = shape(r, b);
    return x->dim[0] == y->dim[0] && x->dim[1] == y->dim[1] && x->dim[2] == y->dim[2];
}

static TensorId maybe_broadcast(Gen *r, TensorId x, int64_t b)
{
    if (!r->guided || shape(r, x)->dim[0] != 1)
        return x;
    Op o = op_make(OP_BROADCAST, name(r, "broadcast"));
    o.in[0] = x;
    o.attr.broadcast.batch = b;
    return graph_add_op(r->g, o);
}

static TensorId picture_input(Gen *r, const char *input, int64_t b, int64_t c)
{
    int64_t h = any_side(r), w = any_side(r);
    return maybe_broadcast(
        r, graph_add_input(r->g, input, DT_F32, shape4(r->guided ? 1 : b, h, w, c), BIND_STEP), b);
}

static TensorId context_input(Gen *r, int64_t b)
{
    int64_t tokens = 1 + below(r, 9), c = any_channels(r), batch = chance(r, 70) ? b : 1;
    return graph_add_input(r->g, "context", DT_F32, shape3(batch, tokens, c), BIND_PROMPT);
}

static TensorId time_input(Gen *r, int64_t b)
{
    int64_t c = any_channels(r), batch = chance(r, 50) ? 1 : b;
    return maybe_broadcast(
        r, graph_add_input(r->g, "timestep_embedding", DT_F32, shape2(batch, c), BIND_TIME), b);
}

/* Upsampled to the size of the last skip where that fits, as UNets do, else to any. */
static TensorId larger(Gen *r, TensorId x)
{
    const Shape *s = shape(r, x), *to = r->n_skip ? shape(r, r->skip[r->n_skip - 1]) : s;
    bool fits = (to->dim[1] + 1) / 2 == s->dim[1] && (to->dim[2] + 1) / 2 == s->dim[2];
    if (s->dim[1] * s->dim[2] >= 40)
        return x;
    x = fits ? upsample_to(r, x, to->dim[1], to->dim[2]) : upsample(r, x);
    return conv(r, x, channels(r, x), w3, true);
}

static TensorId diffusion_model(Gen *r)
{
    int64_t b = any_batch(r);
    TensorId x = picture_input(r, "latent", b, 4), t = time_input(r, b);
    int64_t ct = channels(r, t);
    r->context = context_input(r, b);
    r->time = dense(r, one(r, OP_SWISH, "swish", dense(r, t, 2 * ct, true)), 2 * ct, true);
    x = conv(r, x, even_channels(r), w3, true);
    for (int i = 0, n = 2 + (int)below(r, 4); i < n; i++) {
        const Shape *s = shape(r, x);
        if (chance(r, 40) && r->n_skip < 15)
            r->skip[r->n_skip++] = x;
        switch (below(r, 6)) {
        case 0:
            if (s->dim[1] > 1 && s->dim[2] > 1)
                x = conv(r, x, channels(r, x), chance(r, 50) ? w3_half : w3_down, true);
            break;
        case 1: x = larger(r, x); break;
        case 2:
        case 3: x = spatial_transformer(r, x); break;
        default:
            if (r->n_skip && same_place(r, x, r->skip[r->n_skip - 1]))
                x = two(r, OP_CONCAT, "concat", x, r->skip[--r->n_skip]);
            x = res_block(r, x, chance(r, 50) ? channels(r, x) : even_channels(r));
        }
    }
    return exit_block(r, x, 4);
}

static TensorId autoencoder_half(Gen *r)
{
    bool decoder = chance(r, 50);
    int64_t ci = decoder ? 4 : 3;
    TensorId x = picture_input(r, decoder ? "latent" : "image", any_batch(r), ci);
    if (decoder)
        x = conv(r, one(r, OP_SCALE, "scale", x), ci, w1, true);
    x = conv(r, x, even_channels(r), w3, true);
    for (int i = 0, n = 1 + (int)below(r, 3); i < n; i++) {
        x = res_block(r, x, chance(r, 50) ? channels(r, x) : even_channels(r));
        const Shape *s = shape(r, x);
        if (chance(r, 40))
            x = picture_attention(r, x);
        if (decoder && s->dim[1] * s->dim[2] < 40)
            x = conv(r, upsample(r, x), channels(r, x), w3, true);
        else if (!decoder && s->dim[1] > 1 && s->dim[2] > 1)
            x = conv(r, x, channels(r, x), w3_down, true);
    }
    x = exit_block(r, x, decoder ? 3 : 8);
    if (decoder)
        return x;
    Op take = op_make(OP_SLICE, "take4");
    take.in[0] = conv(r, x, 8, w1, true);
    take.attr.slice.begin = below(r, 5);
    take.attr.slice.end = take.attr.slice.begin + 1 + below(r, 4);
    return one(r, OP_SCALE, "scale", graph_add_op(r->g, take));
}

static TensorId embedding(Gen *r, const char *input, int64_t b, int64_t n, int64_t c)
{
    Op o = op_make(OP_EMBEDDING, name(r, "embed"));
    o.in[0] = graph_add_input(r->g, input, DT_I32, shape2(b, n), BIND_PROMPT);
    o.in[1] = weight(r, &o, "embeddings", shape2(12 + below(r, 9), c));
    return graph_add_op(r->g, o);
}

static TensorId text_encoder(Gen *r)
{
    int64_t b = any_batch(r), n = 1 + below(r, 11), c = any_channels(r);
    TensorId words = embedding(r, "tokens", b, n, c);
    TensorId places = embedding(r, "positions", chance(r, 50) ? b : 1, n, c),
             x = two(r, OP_ADD, "add", words, places);
    for (int i = 0, layers = 1 + (int)below(r, 3); i < layers; i++)
        x = feed_forward(r, attend(r, x, NO_TENSOR, true, true), false);
    return norm(r, OP_LAYER_NORM, x);
}

/* ---- the soup ---- */

static TensorId any(Gen *r) { return r->pool[chance(r, 50) ? r->n_pool - 1 : below(r, r->n_pool)]; }

static TensorId any_of_rank(Gen *r, int least, int most)
{
    for (int i = 0; i < 40; i++) {
        TensorId t = any(r);
        if (shape(r, t)->rank >= least && shape(r, t)->rank <= most)
            return t;
    }
    return NO_TENSOR;
}

static TensorId soup_conv(Gen *r)
{
    TensorId x = any_of_rank(r, 4, 4);
    if (!tensor_ok(x))
        return x;
    Window w = w3;
    w.kh = PICK(r, 1, 1, 2, 3, 3, 5);
    w.kw = PICK(r, 1, 1, 3, 3, 4);
    w.stride = PICK(r, 1, 1, 2, 3);
    w.top = below(r, 3);
    w.bottom = below(r, 3);
    w.left = below(r, 3);
    w.right = below(r, 3);
    const Shape *s = shape(r, x);
    if (chance(r, 40))
        w = w3;
    if (s->dim[1] + w.top + w.bottom < w.kh || s->dim[2] + w.left + w.right < w.kw)
        w = w1;
    int64_t co = any_channels(r);
    return conv(r, x, co, w, chance(r, 60));
}

/* A second operand for x + y: of the same shape, with batch 1, or a vector. */
static TensorId soup_add(Gen *r)
{
    TensorId x = any_of_rank(r, 2, 4);
    if (!tensor_ok(x))
        return x;
    Shape s = *shape(r, x), first = s;
    first.dim[0] = 1;
    for (int i = 0; i < 40; i++) {
        TensorId y = any(r);
        const Shape *v = shape(r, y);
        bool vector = v->rank == 2 && (v->dim[0] == 1 || v->dim[0] == s.dim[0]) &&
                      v->dim[1] == shape_channels(&s);
        if (shape_eq(v, &s) || shape_eq(v, &first) || vector)
            return two(r, OP_ADD, "add", x, y);
        if (v->rank == 2 && (v->dim[0] == 1 || v->dim[0] == s.dim[0]))
            return two(r, OP_ADD, "add", x, dense(r, y, shape_channels(&s), chance(r, 50)));
    }
    return two(r, OP_ADD, "add", x, x);
}

static TensorId soup_concat(Gen *r)
{
    TensorId x = any_of_rank(r, 2, 4);
    for (int i = 0; tensor_ok(x) && i < 40; i++) {
        TensorId y = any(r);
        Shape a = *shape(r, x), b = *shape(r, y);
        if (b.rank != a.rank)
            continue;
        a.dim[a.rank - 1] = b.dim[b.rank - 1] = 1;
        if (shape_eq(&a, &b))
            return two(r, OP_CONCAT, "concat", x, y);
    }
    return NO_TENSOR;
}

static TensorId soup_reshape(Gen *r)
{
    TensorId x = any(r);
    Shape s = *shape(r, x);
    int64_t rows = shape_rows(&s), c = shape_channels(&s), h = 1 + below(r, rows);
    if (s.rank < 2)
        return NO_TENSOR;
    while (rows % h)
        h--;
    switch (below(r, 5)) {
    case 0: return view(r, x, shape4(s.dim[0], h, rows / h, c));
    case 1: return view(r, x, shape4(1, s.dim[0] * h, rows / h, c)); /* batch and rows mixed */
    case 2:
        return c % 2 ? NO_TENSOR : view(r, x, shape4(s.dim[0], rows, 2, c / 2)); /* channels cut */
    default: return view(r, x, shape3(s.dim[0], rows, c));
    }
}

/* One of the elementwise operations of ops.def. */
static TensorId soup_elementwise(Gen *r)
{
    static const OpKind kinds[] = {
#define ELEMENTWISE(e, name, formula) OP_##e,
#include "ops.def"
    };
    int n = (int)(sizeof kinds / sizeof kinds[0]);
    OpKind kind = kinds[n > 1 ? below(r, n) : 0];
    return one(r, kind, op_names[kind], any(r));
}

static TensorId soup_slice(Gen *r)
{
    Op o = op_make(OP_SLICE, name(r, "slice"));
    o.in[0] = any(r);
    o.attr.slice.begin = below(r, channels(r, o.in[0]));
    o.attr.slice.end = o.attr.slice.begin + 1 + below(r, channels(r, o.in[0]) - o.attr.slice.begin);
    return graph_add_op(r->g, o);
}

static TensorId soup_attention(Gen *r)
{
    TensorId x = any_of_rank(r, 3, 4), y = any_of_rank(r, 3, 4);
    if (!tensor_ok(x) || !tensor_ok(y) || shape_rows(shape(r, x)) * shape_rows(shape(r, y)) > 3000)
        return NO_TENSOR;
    int64_t bx = shape(r, x)->dim[0], by = shape(r, y)->dim[0], c = any_channels(r);
    if (chance(r, 50) || (bx != by && bx != 1 && by != 1))
        y = x;
    bool bias = chance(r, 50), v_bias = chance(r, 80) ? bias : !bias, causal = chance(r, 30);
    int heads = any_groups(r, c);
    TensorId k = dense(r, y, c, bias), v = chance(r, 70) ? dense(r, y, c, v_bias) : k;
    return attention(r, dense(r, x, c, bias), k, v, heads, causal);
}

static TensorId soup_step(Gen *r)
{
    TensorId x;
    int64_t co;
    bool bias;
    switch (below(r, 16)) {
    case 0:
    case 1: return soup_conv(r);
    case 2:
    case 3:
        co = any_channels(r);
        bias = chance(r, 60);
        return dense(r, any(r), co, bias);
    case 4: return norm(r, OP_GROUP_NORM, any(r));
    case 5: return norm(r, OP_LAYER_NORM, any(r));
    case 6:
    case 7: return soup_elementwise(r);
    case 8: return one(r, OP_GELU, "gelu", any(r));
    case 9:
        x = any(r);
        return channels(r, x) % 2 ? one(r, OP_SOFTMAX, "softmax", x) : one(r, OP_GEGLU, "geglu", x);
    case 10: return chance(r, 60) ? one(r, OP_SCALE, "scale", any(r)) : soup_slice(r);
    case 11: return soup_concat(r);
    case 12: x = any_of_rank(r, 4, 4); return tensor_ok(x) ? upsample(r, x) : x;
    case 13: return soup_reshape(r);
    case 14: return soup_attention(r);
    default: return soup_add(r);
    }
}

/* Every value that nobody uses is an output, and now and then one that somebody does. */
static void add_outputs(Gen *r)
{
    for (int i = 0; i < r->n_pool; i++)
        if (tensor(r->g, r->pool[i])->kind == T_TEMP &&
            (graph_use_count(r->g, r->pool[i]) == 0 || chance(r, 8)))
            graph_add_output(r->g, arena_printf(r->g->arena, "output%d", i), r->pool[i]);
}

static void soup(Gen *r)
{
    int64_t b = any_batch(r);
    TensorId pool[MOST_POOL];
    r->pool = pool;
    pool[r->n_pool++] = context_input(r, b);
    pool[r->n_pool++] = time_input(r, b);
    pool[r->n_pool++] = picture_input(r, "x", b, any_channels(r));
    for (int i = 0, n = 3 + (int)below(r, 16); i < n; i++) {
        uint32_t before = r->g->n_ops;
        TensorId t = soup_step(r);
        /* a pool value that is too large would make the next ones larger still */
        for (uint32_t k = before; tensor_ok(t) && k < r->g->n_ops && r->n_pool < MOST_POOL - 1;
             k++) {
            const Shape *s = shape(r, r->g->ops[k].out);
            if (shape_count(s) <= MOST_ELEMENTS && (k + 1 == r->g->n_ops || chance(r, 20)))
                pool[r->n_pool++] = r->g->ops[k].out;
        }
    }
    pool[r->n_pool++] = dense(r, pool[2], 4, true); /* x is used, there is an output */
    add_outputs(r);
    graph_sweep(r->g);
    r->pool = NULL;
}

Graph *random_graph(uint64_t seed)
{
    static TensorId (*const families[])(Gen * r) = {diffusion_model, autoencoder_half,
                                                    text_encoder};
    Gen r = {.g = graph_new("random"), .state = seed};
    splitmix(&r.state);
    int64_t family = below(&r, 6);
    r.guided = seed % 3 == 2;
    if (family < 3)
        graph_add_output(r.g, "output", families[family](&r));
    else
        soup(&r);
    graph_sweep(r.g);
    graph_verify(r.g, "random_graph");
    return r.g;
}

/* ---- data ---- */

/* Rows of the smallest table that input t looks into. */
static int64_t table_rows(const Graph *g, TensorId t)
{
    int64_t rows = 1 << 30;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        const Op *o = &g->ops[i];
        if (o->kind == OP_EMBEDDING && tensor_eq(o->in[0], t) &&
            tensor(g, o->in[1])->shape.dim[0] < rows)
            rows = tensor(g, o->in[1])->shape.dim[0];
    }
    return rows;
}

void **random_inputs(const Graph *g, uint64_t seed)
{
    Gen r = {.state = seed ^ 0x5bd1e995};
    void **data = xcalloc(g->n_inputs + 1, sizeof *data);
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const Tensor *t = tensor(g, g->inputs[i]);
        int64_t n = shape_count(&t->shape), rows = table_rows(g, g->inputs[i]);
        data[i] = xmalloc((size_t)n * 4);
        for (int64_t k = 0; k < n; k++)
            if (t->dtype == DT_I32)
                ((int32_t *)data[i])[k] = (int32_t)below(&r, rows);
            else
                ((float *)data[i])[k] = (float)((double)below(&r, 1 << 24) / (1 << 23) - 1);
    }
    return data;
}

float **output_buffers(const Graph *g)
{
    float **out = xcalloc(g->n_outputs + 1, sizeof *out);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        out[i] = xcalloc((size_t)shape_count(&tensor(g, g->outputs[i])->shape), sizeof **out);
    return out;
}

void random_data_free(void **data, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        free(data[i]);
    free(data);
}

float **interpreted(const Graph *g, uint64_t seed, bool in_double)
{
    void **inputs = random_inputs(g, seed);
    float **outputs = output_buffers(g);
    WeightSource *w = weights_open("synthetic:7", g->name);
    interpret(g, w, (const void *const *)inputs, outputs, in_double);
    weights_close(w);
    random_data_free(inputs, g->n_inputs);
    return outputs;
}

double outputs_difference(const Graph *g, float *const *a, float *const *b)
{
    double worst = 0;
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        double sum = 0, scale = 0;
        for (int64_t k = 0; k < shape_count(&tensor(g, g->outputs[i])->shape); k++) {
            sum += ((double)a[i][k] - b[i][k]) * ((double)a[i][k] - b[i][k]);
            scale += (double)a[i][k] * a[i][k];
        }
        double d = sqrt(sum / (scale > 1e-30 ? scale : 1e-30));
        if (!(d <= worst)) /* NaN too */
            worst = d;
    }
    return worst;
}
