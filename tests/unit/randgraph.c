/* The families of random graphs: see randgraph.h. */
#include "randgraph.h"
#include "randgraph_ops.h"

#include "construct.h"
#include "verify.h"

/* ---- blocks ---- */

static TensorId res_block(Gen *r, TensorId x, int64_t co)
{
    TensorId h = gen_norm(r, OP_GROUP_NORM, x), shortcut = x;
    bool early = gen_chance(r, 50);
    if (gen_channels(r, x) != co && early)
        shortcut = gen_conv(r, x, co, w1, true);
    h = gen_conv(r, gen_one(r, OP_SWISH, "swish", h), co, w3, true);
    if (tensor_ok(r->time))
        h = gen_two(r, OP_ADD, "add", h,
                    gen_dense(r, gen_one(r, OP_SWISH, "swish", r->time), co, true));
    h = gen_norm(r, OP_GROUP_NORM, h);
    h = gen_conv(r, gen_one(r, OP_SWISH, "swish", h), co, w3, true);
    if (gen_channels(r, x) != co && !early)
        shortcut = gen_conv(r, x, co, w1, true);
    return gen_chance(r, 50) ? gen_two(r, OP_ADD, "add", h, shortcut)
                             : gen_two(r, OP_ADD, "add", shortcut, h);
}

/* LN, attention, residual. context none: self-attention. */
static TensorId attend(Gen *r, TensorId x, TensorId context, bool bias, bool causal)
{
    int64_t c = gen_channels(r, x);
    TensorId n = gen_norm(r, OP_LAYER_NORM, x), from = tensor_ok(context) ? context : n;
    /* heads of Stable Diffusion 1.x, or any that divide the channels */
    static const int sizes[] = {40, 80, 160};
    bool large = gen_chance(r, 15);
    int heads = large ? 1 + gen_chance(r, 50) : gen_any_groups(r, c);
    int64_t width = large ? heads * sizes[gen_chance(r, 50) + gen_chance(r, 30)] : c;
    TensorId q = gen_dense(r, n, width, bias), k = gen_dense(r, from, width, bias),
             v = gen_dense(r, from, width, bias);
    TensorId y = gen_dense(r, gen_attention(r, q, k, v, heads, causal), c, true);
    return gen_chance(r, 50) ? gen_two(r, OP_ADD, "add", y, x) : gen_two(r, OP_ADD, "add", x, y);
}

static TensorId feed_forward(Gen *r, TensorId x, bool gated)
{
    int64_t c = gen_channels(r, x), inner = 2 * gen_even_channels(r);
    TensorId h = gen_dense(r, gen_norm(r, OP_LAYER_NORM, x), inner, true);
    h = gated ? gen_one(r, OP_GEGLU, "geglu", h) : gen_one(r, OP_GELU, "gelu", h);
    return gen_two(r, OP_ADD, "add", gen_dense(r, h, c, true), x);
}

static TensorId spatial_transformer(Gen *r, TensorId x)
{
    Shape s = *gen_shape(r, x);
    bool view_first = gen_chance(r, 50);
    TensorId h = gen_norm(r, OP_GROUP_NORM, x);
    int64_t c = shape_channels(&s);
    h = view_first ? gen_dense(r, gen_tokens_of(r, h), c, true)
                   : gen_tokens_of(r, gen_dense(r, h, c, true));
    h = attend(r, h, NO_TENSOR, false, false);
    h = attend(r, h, r->context, false, false);
    h = feed_forward(r, h, true);
    h = view_first ? gen_view(r, gen_dense(r, h, c, true), s)
                   : gen_dense(r, gen_view(r, h, s), c, true);
    return gen_two(r, OP_ADD, "add", h, x);
}

static TensorId picture_attention(Gen *r, TensorId x)
{
    int64_t c = gen_channels(r, x);
    TensorId n = gen_norm(r, OP_GROUP_NORM, x);
    TensorId q = gen_conv(r, n, c, w1, true), k = gen_conv(r, n, c, w1, true),
             v = gen_conv(r, n, c, w1, true);
    TensorId y = gen_view(r, gen_attention(r, q, k, v, 1, false), *gen_shape(r, x));
    return gen_two(r, OP_ADD, "add", gen_conv(r, y, c, w1, true), x);
}

static TensorId exit_block(Gen *r, TensorId x, int64_t co)
{
    return gen_conv(r, gen_one(r, OP_SWISH, "swish", gen_norm(r, OP_GROUP_NORM, x)), co, w3, true);
}

/* ---- families ---- */

static bool same_place(const Gen *r, TensorId a, TensorId b)
{
    const Shape *x = gen_shape(r, a), *y = gen_shape(r, b);
    return x->dim[0] == y->dim[0] && x->dim[1] == y->dim[1] && x->dim[2] == y->dim[2];
}

/* Upsampled to the size of the last skip where that fits, as UNets do, else to any. */
static TensorId larger(Gen *r, TensorId x)
{
    const Shape *s = gen_shape(r, x), *to = r->n_skip ? gen_shape(r, r->skip[r->n_skip - 1]) : s;
    bool fits = (to->dim[1] + 1) / 2 == s->dim[1] && (to->dim[2] + 1) / 2 == s->dim[2];
    if (s->dim[1] * s->dim[2] >= 40)
        return x;
    x = fits ? gen_upsample_to(r, x, to->dim[1], to->dim[2]) : gen_upsample(r, x);
    return gen_conv(r, x, gen_channels(r, x), w3, true);
}

static TensorId diffusion_model(Gen *r)
{
    int64_t b = gen_any_batch(r);
    TensorId x = gen_picture_input(r, "latent", b, 4), t = gen_time_input(r, b);
    int64_t ct = gen_channels(r, t);
    r->context = gen_context_input(r, b);
    r->time = gen_dense(r, gen_one(r, OP_SWISH, "swish", gen_dense(r, t, 2 * ct, true)), 2 * ct,
                        true);
    x = gen_conv(r, x, gen_even_channels(r), w3, true);
    for (int i = 0, n = 2 + (int)gen_below(r, 4); i < n; i++) {
        const Shape *s = gen_shape(r, x);
        if (gen_chance(r, 40) && r->n_skip < 15)
            r->skip[r->n_skip++] = x;
        switch (gen_below(r, 6)) {
        case 0:
            if (s->dim[1] > 1 && s->dim[2] > 1)
                x = gen_conv(r, x, gen_channels(r, x), gen_chance(r, 50) ? w3_half : w3_down, true);
            break;
        case 1: x = larger(r, x); break;
        case 2:
        case 3: x = spatial_transformer(r, x); break;
        default:
            if (r->n_skip && same_place(r, x, r->skip[r->n_skip - 1]))
                x = gen_two(r, OP_CONCAT, "concat", x, r->skip[--r->n_skip]);
            x = res_block(r, x, gen_chance(r, 50) ? gen_channels(r, x) : gen_even_channels(r));
        }
    }
    return exit_block(r, x, 4);
}

static TensorId autoencoder_half(Gen *r)
{
    bool decoder = gen_chance(r, 50);
    int64_t ci = decoder ? 4 : 3;
    TensorId x = gen_picture_input(r, decoder ? "latent" : "image", gen_any_batch(r), ci);
    if (decoder)
        x = gen_conv(r, gen_one(r, OP_SCALE, "scale", x), ci, w1, true);
    x = gen_conv(r, x, gen_even_channels(r), w3, true);
    for (int i = 0, n = 1 + (int)gen_below(r, 3); i < n; i++) {
        x = res_block(r, x, gen_chance(r, 50) ? gen_channels(r, x) : gen_even_channels(r));
        const Shape *s = gen_shape(r, x);
        if (gen_chance(r, 40))
            x = picture_attention(r, x);
        if (decoder && s->dim[1] * s->dim[2] < 40)
            x = gen_conv(r, gen_upsample(r, x), gen_channels(r, x), w3, true);
        else if (!decoder && s->dim[1] > 1 && s->dim[2] > 1)
            x = gen_conv(r, x, gen_channels(r, x), w3_down, true);
    }
    x = exit_block(r, x, decoder ? 3 : 8);
    if (decoder)
        return x;
    Op take = op_make(OP_SLICE, "take4");
    take.in[0] = gen_conv(r, x, 8, w1, true);
    take.attr.slice.begin = gen_below(r, 5);
    take.attr.slice.end = take.attr.slice.begin + 1 + gen_below(r, 4);
    return gen_one(r, OP_SCALE, "scale", graph_add_op(r->g, take));
}

static TensorId embedding(Gen *r, const char *input, int64_t b, int64_t n, int64_t c)
{
    Op o = op_make(OP_EMBEDDING, gen_name(r, "embed"));
    o.in[0] = graph_add_input(r->g, input, DT_I32, shape2(b, n), BIND_PROMPT);
    o.in[1] = gen_weight(r, &o, "embeddings", shape2(12 + gen_below(r, 9), c));
    return graph_add_op(r->g, o);
}

static TensorId text_encoder(Gen *r)
{
    int64_t b = gen_any_batch(r), n = 1 + gen_below(r, 11), c = gen_any_channels(r);
    TensorId words = embedding(r, "tokens", b, n, c);
    TensorId places = embedding(r, "positions", gen_chance(r, 50) ? b : 1, n, c),
             x = gen_two(r, OP_ADD, "add", words, places);
    for (int i = 0, layers = 1 + (int)gen_below(r, 3); i < layers; i++)
        x = feed_forward(r, attend(r, x, NO_TENSOR, true, true), false);
    return gen_norm(r, OP_LAYER_NORM, x);
}

Graph *random_graph(uint64_t seed)
{
    static TensorId (*const families[])(Gen * r) = {diffusion_model, autoencoder_half,
                                                    text_encoder};
    Gen r = {.g = graph_new("random"), .state = seed};
    gen_splitmix(&r.state);
    int64_t family = gen_below(&r, 6);
    r.guided = seed % 3 == 2;
    if (family < 3)
        graph_add_output(r.g, "output", families[family](&r));
    else
        gen_soup(&r);
    graph_sweep(r.g);
    graph_verify(r.g, "random_graph");
    return r.g;
}
