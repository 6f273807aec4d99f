/* Random graphs in which any operation follows any other. */
#include "randgraph_ops.h"

#include <math.h>
#include <stdlib.h>

#include "construct.h"

enum { MOST_ELEMENTS = 12000, MOST_POOL = 64 };

static TensorId any(Gen *r)
{
    return r->pool[gen_chance(r, 50) ? r->n_pool - 1 : gen_below(r, r->n_pool)];
}

static TensorId any_of_rank(Gen *r, int least, int most)
{
    for (int i = 0; i < 40; i++) {
        TensorId t = any(r);
        if (gen_shape(r, t)->rank >= least && gen_shape(r, t)->rank <= most)
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
    w.top = gen_below(r, 3);
    w.bottom = gen_below(r, 3);
    w.left = gen_below(r, 3);
    w.right = gen_below(r, 3);
    const Shape *s = gen_shape(r, x);
    if (gen_chance(r, 40))
        w = w3;
    if (s->dim[1] + w.top + w.bottom < w.kh || s->dim[2] + w.left + w.right < w.kw)
        w = w1;
    int64_t co = gen_any_channels(r);
    return gen_conv(r, x, co, w, gen_chance(r, 60));
}

/* A second operand for x + y: of the same shape, with batch 1, or a vector. */
static TensorId soup_add(Gen *r)
{
    TensorId x = any_of_rank(r, 2, 4);
    if (!tensor_ok(x))
        return x;
    Shape s = *gen_shape(r, x), first = s;
    first.dim[0] = 1;
    for (int i = 0; i < 40; i++) {
        TensorId y = any(r);
        const Shape *v = gen_shape(r, y);
        bool vector = v->rank == 2 && (v->dim[0] == 1 || v->dim[0] == s.dim[0]) &&
                      v->dim[1] == shape_channels(&s);
        if (shape_eq(v, &s) || shape_eq(v, &first) || vector)
            return gen_two(r, OP_ADD, "add", x, y);
        if (v->rank == 2 && (v->dim[0] == 1 || v->dim[0] == s.dim[0]))
            return gen_two(r, OP_ADD, "add", x,
                           gen_dense(r, y, shape_channels(&s), gen_chance(r, 50)));
    }
    return gen_two(r, OP_ADD, "add", x, x);
}

static TensorId soup_concat(Gen *r)
{
    TensorId x = any_of_rank(r, 2, 4);
    for (int i = 0; tensor_ok(x) && i < 40; i++) {
        TensorId y = any(r);
        Shape a = *gen_shape(r, x), b = *gen_shape(r, y);
        if (b.rank != a.rank)
            continue;
        a.dim[a.rank - 1] = b.dim[b.rank - 1] = 1;
        if (shape_eq(&a, &b))
            return gen_two(r, OP_CONCAT, "concat", x, y);
    }
    return NO_TENSOR;
}

static TensorId soup_reshape(Gen *r)
{
    TensorId x = any(r);
    Shape s = *gen_shape(r, x);
    int64_t rows = shape_rows(&s), c = shape_channels(&s), h = 1 + gen_below(r, rows);
    if (s.rank < 2)
        return NO_TENSOR;
    while (rows % h)
        h--;
    switch (gen_below(r, 5)) {
    case 0: return gen_view(r, x, shape4(s.dim[0], h, rows / h, c));
    case 1: return gen_view(r, x, shape4(1, s.dim[0] * h, rows / h, c)); /* batch and rows mixed */
    case 2:
        return c % 2 ? NO_TENSOR
                     : gen_view(r, x, shape4(s.dim[0], rows, 2, c / 2)); /* channels cut */
    default: return gen_view(r, x, shape3(s.dim[0], rows, c));
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
    OpKind kind = kinds[n > 1 ? gen_below(r, n) : 0];
    return gen_one(r, kind, op_names[kind], any(r));
}

static TensorId soup_slice(Gen *r)
{
    Op o = op_make(OP_SLICE, gen_name(r, "slice"));
    o.in[0] = any(r);
    o.attr.slice.begin = gen_below(r, gen_channels(r, o.in[0]));
    o.attr.slice.end = o.attr.slice.begin + 1 +
                       gen_below(r, gen_channels(r, o.in[0]) - o.attr.slice.begin);
    return graph_add_op(r->g, o);
}

static TensorId soup_attention(Gen *r)
{
    TensorId x = any_of_rank(r, 3, 4), y = any_of_rank(r, 3, 4);
    if (!tensor_ok(x) || !tensor_ok(y) ||
        shape_rows(gen_shape(r, x)) * shape_rows(gen_shape(r, y)) > 3000)
        return NO_TENSOR;
    int64_t bx = gen_shape(r, x)->dim[0], by = gen_shape(r, y)->dim[0], c = gen_any_channels(r);
    if (gen_chance(r, 50) || (bx != by && bx != 1 && by != 1))
        y = x;
    bool bias = gen_chance(r, 50), v_bias = gen_chance(r, 80) ? bias : !bias,
         causal = gen_chance(r, 30);
    int heads = gen_any_groups(r, c);
    TensorId k = gen_dense(r, y, c, bias), v = gen_chance(r, 70) ? gen_dense(r, y, c, v_bias) : k;
    return gen_attention(r, gen_dense(r, x, c, bias), k, v, heads, causal);
}

static TensorId soup_step(Gen *r)
{
    TensorId x;
    int64_t co;
    bool bias;
    switch (gen_below(r, 16)) {
    case 0:
    case 1: return soup_conv(r);
    case 2:
    case 3:
        co = gen_any_channels(r);
        bias = gen_chance(r, 60);
        return gen_dense(r, any(r), co, bias);
    case 4: return gen_norm(r, OP_GROUP_NORM, any(r));
    case 5: return gen_norm(r, OP_LAYER_NORM, any(r));
    case 6:
    case 7: return soup_elementwise(r);
    case 8: return gen_one(r, OP_GELU, "gelu", any(r));
    case 9:
        x = any(r);
        return gen_channels(r, x) % 2 ? gen_one(r, OP_SOFTMAX, "softmax", x)
                                      : gen_one(r, OP_GEGLU, "geglu", x);
    case 10: return gen_chance(r, 60) ? gen_one(r, OP_SCALE, "scale", any(r)) : soup_slice(r);
    case 11: return soup_concat(r);
    case 12: x = any_of_rank(r, 4, 4); return tensor_ok(x) ? gen_upsample(r, x) : x;
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
            (graph_use_count(r->g, r->pool[i]) == 0 || gen_chance(r, 8)))
            graph_add_output(r->g, arena_printf(r->g->arena, "output%d", i), r->pool[i]);
}

void gen_soup(Gen *r)
{
    int64_t b = gen_any_batch(r);
    TensorId pool[MOST_POOL];
    r->pool = pool;
    pool[r->n_pool++] = gen_context_input(r, b);
    pool[r->n_pool++] = gen_time_input(r, b);
    pool[r->n_pool++] = gen_picture_input(r, "x", b, gen_any_channels(r));
    for (int i = 0, n = 3 + (int)gen_below(r, 16); i < n; i++) {
        uint32_t before = r->g->n_ops;
        TensorId t = soup_step(r);
        /* a pool value that is too large would make the next ones larger still */
        for (uint32_t k = before; tensor_ok(t) && k < r->g->n_ops && r->n_pool < MOST_POOL - 1;
             k++) {
            const Shape *s = gen_shape(r, r->g->ops[k].out);
            if (shape_count(s) <= MOST_ELEMENTS && (k + 1 == r->g->n_ops || gen_chance(r, 20)))
                pool[r->n_pool++] = r->g->ops[k].out;
        }
    }
    pool[r->n_pool++] = gen_dense(r, pool[2], 4, true); /* x is used, there is an output */
    add_outputs(r);
    graph_sweep(r->g);
    r->pool = NULL;
}
