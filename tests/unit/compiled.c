/* Cases, comparison and bounds of tests/unit/program/test_compiled*.c.
 *
 * Bound: relative rms 5e-6 against the interpreter in double. A sum of n products rounded to f32 in
 * some order is off by about sqrt(n) * 6e-8 relative to its rms for random signs; the longest sum
 * here has 11520 terms: 6.4e-6 worst, about a tenth of it in rms. */
#include "compiled.h"
#include "attr.h"
#include "construct.h"
#include "interp.h"
#include "err.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>

/* Winograd: the output transform of F(4,3) adds products that are up to twenty times larger than
 * the result, with alternating signs; F(2,3) three of them. So at most about four times the error
 * of a direct sum for F(4,3), 2e-5; for F(2,3) and the upsample forms hardly more than it. int8:
 * whole sums are exact, and what is rounded behind them is what a direct sum rounds. */
static const double bounds[CONV_MODES] = {
    [CONV_AUTO] = 2e-5, [CONV_DIRECT] = 5e-6, [CONV_WINOGRAD] = 2e-5, [CONV_F23] = 7e-6,
    [CONV_F43] = 2e-5,  [CONV_UP] = 7e-6,     [CONV_UP43] = 7e-6,     [CONV_F23S] = 7e-6,
    [CONV_F43S] = 2e-5, [CONV_F23U] = 7e-6,   [CONV_F43U] = 2e-5,     [CONV_F24] = 2e-5,
    [CONV_F24U] = 2e-5, [CONV_F23X] = 7e-6,   [CONV_F43X] = 2e-5,     [CONV_F43XU] = 2e-5,
    [CONV_INT8] = 5e-6};

/* bfloat16 keeps 8 bits: an operand is off by up to 2^-9 = 0.2 %, evenly spread 0.11 %; a product
 * of two 0.16 %, and so is a sum of products of random signs. A few such layers in a row, values
 * that a norm enlarges, and Winograd's sums of rounded operands: 2 %. */
static const double bf16_bound = 2e-2;

/* A quantised operand that is computed differs from the interpreter's by some 1e-7 of 255 steps, so
 * about one number in 20000 is rounded to the neighbour. A step is 1/70 of the operands' rms or
 * less: sqrt(1/20000)/70 = 1e-4, and three times as much where an outlier makes steps larger. Where
 * another such product reads that, 1e-4 moves 70 * 1e-4 of its numbers to the neighbour:
 * sqrt(0.007)/70 = 1.2e-3. */
static const double flipped_bounds[] = {3e-4, 1.2e-3};

static TensorId weight(Graph *g, const char *path, const char *kind, Shape s)
{
    return graph_add_weight(g, arena_printf(g->arena, "%s.%s", path, kind), s);
}

static TensorId conv(Graph *g, const char *path, TensorId x, int k, int64_t co, int stride, int pad,
                     int pad2)
{
    Op o = op_make(OP_CONV2D, path);
    o.in[SLOT_X] = x;
    o.in[SLOT_KERNEL] = weight(g, path, "kernel",
                               shape4(k, k, shape_channels(&tensor(g, x)->shape), co));
    o.in[SLOT_BIAS] = weight(g, path, "bias", shape1(co));
    o.attr.contract.stride = stride;
    o.attr.contract.pad_top = o.attr.contract.pad_left = pad;
    o.attr.contract.pad_bottom = o.attr.contract.pad_right = pad2;
    return graph_add_op(g, o);
}
static TensorId dense(Graph *g, const char *path, TensorId x, int64_t co, bool bias)
{
    Op o = op_make(OP_DENSE, path);
    o.in[SLOT_X] = x;
    o.in[SLOT_KERNEL] = weight(g, path, "kernel", shape2(shape_channels(&tensor(g, x)->shape), co));
    if (bias)
        o.in[SLOT_BIAS] = weight(g, path, "bias", shape1(co));
    return graph_add_op(g, o);
}
static TensorId norm(Graph *g, OpKind kind, const char *path, TensorId x, int groups)
{
    int64_t c = shape_channels(&tensor(g, x)->shape);
    Op o = op_make(kind, path);
    o.in[0] = x;
    o.in[1] = weight(g, path, "gamma", shape1(c));
    o.in[2] = weight(g, path, "beta", shape1(c));
    o.attr.norm.groups = groups;
    o.attr.norm.eps = 1e-5;
    return graph_add_op(g, o);
}
static TensorId op1(Graph *g, OpKind kind, const char *path, TensorId x)
{
    Op o = op_make(kind, path);
    o.in[0] = x;
    return graph_add_op(g, o);
}
static TensorId op2(Graph *g, OpKind kind, const char *path, TensorId x, TensorId y)
{
    Op o = op_make(kind, path);
    o.in[0] = x;
    o.in[1] = y;
    return graph_add_op(g, o);
}
static TensorId attention(Graph *g, TensorId q, TensorId k, TensorId v, int heads, bool causal)
{
    Op o = op_make(OP_ATTN_QK, "qk");
    o.in[0] = q;
    o.in[1] = k;
    o.attr.attn.heads = heads;
    o.attr.attn.head_size = shape_channels(&tensor(g, q)->shape) / heads;
    o.attr.attn.scale = 1 / sqrt((double)o.attr.attn.head_size);
    o.attr.attn.causal = causal;
    TensorId p = op1(g, OP_SOFTMAX, "softmax", graph_add_op(g, o));
    Op a = op_make(OP_ATTN_AV, "av");
    a.in[0] = p;
    a.in[1] = v;
    a.attr.attn = o.attr.attn;
    return graph_add_op(g, a);
}

static TensorId conv3(Graph *g, TensorId x, Size s) { return conv(g, "conv", x, 3, s.co, 1, 1, 1); }
static TensorId conv1(Graph *g, TensorId x, Size s) { return conv(g, "conv", x, 1, s.co, 1, 0, 0); }
static TensorId down(Graph *g, TensorId x, Size s) { return conv(g, "conv", x, 3, s.co, 2, 1, 1); }
static TensorId down_asymmetric(Graph *g, TensorId x, Size s)
{
    return conv(g, "conv", x, 3, s.co, 2, 0, 1);
}
TensorId up(Graph *g, TensorId x, Size s)
{
    return conv(g, "conv", op1(g, OP_UPSAMPLE, "up", x), 3, s.co, 1, 1, 1);
}
/* To one column less than twice the size; heads: to one row less too. */
static TensorId up_odd(Graph *g, TensorId x, Size s)
{
    Op o = op_make(OP_UPSAMPLE, "up");
    o.in[0] = x;
    o.attr.upsample.height = 2 * s.h - (s.heads ? 1 : 0);
    o.attr.upsample.width = 2 * s.w - 1;
    return conv(g, "conv", graph_add_op(g, o), 3, s.co, 1, 1, 1);
}
static TensorId plain_dense(Graph *g, TensorId x, Size s)
{
    return dense(g, "dense", x, s.co, true);
}
static TensorId swish(Graph *g, TensorId x, Size s)
{
    (void)s;
    return op1(g, OP_SWISH, "swish", x);
}
/* Every elementwise operation, each on a product's result, into whose store it may go. */
static TensorId elementwise(Graph *g, TensorId x, Size s)
{
#define ELEMENTWISE(e, name, formula) \
    x = op1(g, OP_##e, #name, dense(g, #name "_of", x, s.co, true));
#include "ops.def"
    return x;
}
static TensorId gelu(Graph *g, TensorId x, Size s)
{
    Op o = op_make(OP_GELU, "gelu");
    o.in[0] = dense(g, "dense", x, s.co, true);
    o.attr.gelu.kind = s.heads;
    return graph_add_op(g, o);
}
static TensorId geglu(Graph *g, TensorId x, Size s)
{
    Op o = op_make(OP_GEGLU, "geglu");
    o.in[0] = dense(g, "dense", x, 2 * s.co, true);
    o.attr.gelu.kind = s.heads;
    return graph_add_op(g, o);
}
static TensorId slice(Graph *g, TensorId x, Size s)
{
    Op o = op_make(OP_SLICE, "slice");
    o.in[0] = x;
    o.attr.slice.begin = 1;
    o.attr.slice.end = s.c - 1;
    return graph_add_op(g, o);
}
static TensorId scaled(Graph *g, TensorId x, Size s)
{
    Op o = op_make(OP_SCALE, "scale");
    o.in[0] = x;
    o.attr.scale.factor = 5.49;
    return conv(g, "conv", graph_add_op(g, o), 1, s.co, 1, 0, 0);
}
static TensorId group_norm(Graph *g, TensorId x, Size s)
{
    return norm(g, OP_GROUP_NORM, "norm", x, s.heads);
}
static TensorId layer_norm(Graph *g, TensorId x, Size s)
{
    return dense(g, "dense", norm(g, OP_LAYER_NORM, "norm", x, 1), s.co, true);
}
static TensorId self_attention(Graph *g, TensorId x, Size s)
{
    return attention(g, dense(g, "q", x, s.c, false), dense(g, "k", x, s.c, false),
                     dense(g, "v", x, s.c, false), s.heads, false);
}
static TensorId causal_attention(Graph *g, TensorId x, Size s)
{
    return attention(g, dense(g, "q", x, s.c, true), dense(g, "k", x, s.c, true),
                     dense(g, "v", x, s.c, true), s.heads, true);
}
static TensorId cross_attention(Graph *g, TensorId x, Size s)
{
    TensorId c = graph_add_input(g, "context", DT_F32, shape3(s.b, s.m, 24), BIND_PROMPT);
    return attention(g, dense(g, "q", x, s.c, false), dense(g, "k", c, s.c, false),
                     dense(g, "v", c, s.c, false), s.heads, false);
}
/* GN, swish, conv, + dense(swish(time)); GN, swish, conv; + x or conv1x1(x); the whole on concat(x,
 * skip) */
TensorId res_block(Graph *g, TensorId x, Size s)
{
    TensorId t = graph_add_input(g, "time", DT_F32, shape2(s.b, 20), BIND_TIME);
    TensorId skip = graph_add_input(g, "skip", DT_F32, shape4(s.b, s.h, s.w, s.m), BIND_STEP);
    TensorId in = op2(g, OP_CONCAT, "concat", x, skip);
    TensorId y = conv(g, "entry",
                      op1(g, OP_SWISH, "swish1", norm(g, OP_GROUP_NORM, "norm1", in, s.heads)), 3,
                      s.co, 1, 1, 1);
    y = op2(g, OP_ADD, "add_time", y, dense(g, "emb", op1(g, OP_SWISH, "swish_t", t), s.co, true));
    y = conv(g, "exit", op1(g, OP_SWISH, "swish2", norm(g, OP_GROUP_NORM, "norm2", y, s.heads)), 3,
             s.co, 1, 1, 1);
    return op2(g, OP_ADD, "add", conv(g, "residual", in, 1, s.co, 1, 0, 0), y);
}
TensorId transformer(Graph *g, TensorId x, Size s)
{
    TensorId t = dense(g, "proj1", norm(g, OP_GROUP_NORM, "norm", x, s.heads), s.c, true);
    t = graph_add_reshape(g, t, shape3(s.b, s.h * s.w, s.c), "flat");
    TensorId n = norm(g, OP_LAYER_NORM, "norm1", t, 1);
    TensorId a = attention(g, dense(g, "q", n, s.c, false), dense(g, "k", n, s.c, false),
                           dense(g, "v", n, s.c, false), s.heads, false);
    t = op2(g, OP_ADD, "add1", dense(g, "out", a, s.c, true), t);
    Op o = op_make(OP_GEGLU, "geglu");
    o.in[0] = dense(g, "ff", norm(g, OP_LAYER_NORM, "norm3", t, 1), 8 * s.c, true);
    t = op2(g, OP_ADD, "add3", dense(g, "ff2", graph_add_op(g, o), s.c, true), t);
    t = graph_add_reshape(g, t, shape4(s.b, s.h, s.w, s.c), "image");
    return op2(g, OP_ADD, "add", dense(g, "proj2", t, s.c, true), x);
}
/* A picture for the whole batch, met by x in every way: as residual, as the first and the second
 * half of a concat, as queries. */
TensorId guided(Graph *g, TensorId x, Size s)
{
    Op o = op_make(OP_BROADCAST, "broadcast");
    o.in[0] = graph_add_input(g, "latent", DT_F32, shape4(1, s.h, s.w, 4), BIND_STEP);
    o.attr.broadcast.batch = s.b;
    TensorId one = conv(g, "in", graph_add_op(g, o), 3, s.c, 1, 1, 1);
    one = op1(g, OP_SWISH, "swish0", norm(g, OP_GROUP_NORM, "norm0", one, s.heads));
    TensorId y = op2(g, OP_ADD, "add0", one, conv(g, "own", x, 3, s.c, 1, 1, 1));
    TensorId q = graph_add_reshape(g, dense(g, "q", one, s.c, false), shape3(s.b, s.h * s.w, s.c),
                                   "tokens");
    TensorId kv = graph_add_reshape(g, y, shape3(s.b, s.h * s.w, s.c), "keys");
    TensorId a = attention(g, q, dense(g, "k", kv, s.c, false), dense(g, "v", kv, s.c, false), 1,
                           false);
    a = op2(
        g, OP_ADD, "add1",
        dense(g, "out", graph_add_reshape(g, a, shape4(s.b, s.h, s.w, s.c), "pixels"), s.c, true),
        one);
    TensorId behind = op2(g, OP_CONCAT, "behind", a, one),
             before = op2(g, OP_CONCAT, "before", one, y);
    TensorId z = conv(g, "entry",
                      op1(g, OP_SWISH, "swish1", norm(g, OP_GROUP_NORM, "norm1", behind, s.heads)),
                      3, s.co, 1, 1, 1);
    z = op2(g, OP_ADD, "add2", z, conv(g, "shortcut", behind, 1, s.co, 1, 0, 0));
    return op2(g, OP_ADD, "add3",
               conv(g, "exit",
                    op1(g, OP_SWISH, "swish2", norm(g, OP_GROUP_NORM, "norm2", before, s.heads)), 3,
                    s.co, 1, 1, 1),
               z);
}

/* Norms of what products and convolutions have just computed, alone and both as a concat. */
TensorId summed(Graph *g, TensorId x, Size s)
{
    TensorId both = op2(g, OP_CONCAT, "concat", conv(g, "a", x, 3, s.co, 1, 1, 1),
                        conv(g, "b", x, 1, s.m, 1, 0, 0));
    TensorId y = conv(g, "c",
                      op1(g, OP_SWISH, "swish1", norm(g, OP_GROUP_NORM, "norm1", both, s.heads)), 3,
                      s.co, 1, 1, 1);
    return conv(g, "d", op1(g, OP_SWISH, "swish2", norm(g, OP_GROUP_NORM, "norm2", y, s.heads)), 3,
                s.c, 1, 1, 1);
}

/* TAESD's: a clamp of few channels, relu in the store, relu after a residual, a shift at the end.
 */
static TensorId tiny_block(Graph *g, TensorId x, Size s)
{
    TensorId in = op1(g, OP_RELU, "relu_in",
                      conv(g, "in", op1(g, OP_SOFT_CLAMP, "clamp", x), 3, s.co, 1, 1, 1));
    TensorId y = conv(g, "a", in, 3, s.co, 1, 1, 1);
    y = conv(g, "b", op1(g, OP_RELU, "relu_a", y), 3, s.co, 1, 1, 1);
    y = op1(g, OP_RELU, "relu", op2(g, OP_ADD, "add", y, in));
    Op o = op_make(OP_SCALE, "range");
    o.in[0] = conv(g, "out", up(g, y, s), 3, s.m, 1, 1, 1);
    o.attr.scale.factor = 2;
    o.attr.scale.shift = -1;
    return graph_add_op(g, o);
}

/* clang-format off */
const Case cases[] = {
    {"conv3x3", conv3, {1, 8, 8, 16, 16, 0, 0}}, {"conv3x3 odd", conv3, {2, 7, 5, 13, 19, 0, 0}}, {"conv3x3 of one pixel", conv3, {3, 1, 1, 5, 70, 0, 0}},
    {"conv3x3 wide", conv3, {1, 9, 131, 6, 4, 0, 0}}, {"conv3x3 chunks", conv3, {2, 12, 20, 300, 65, 0, 0}}, {"conv3x3 to 3", conv3, {1, 40, 24, 35, 3, 0, 0}},
    {"conv3x3 of 4", conv3, {4, 16, 16, 4, 96, 0, 0}}, {"conv3x3 rows left over", conv3, {1, 37, 32, 32, 64, 0, 0}}, {"conv3x3 deep", conv3, {2, 4, 4, 1280, 80, 0, 0}},
    {"conv1x1", conv1, {2, 9, 7, 33, 40, 0, 0}}, {"downsample", down, {2, 12, 10, 24, 36, 0, 0}}, {"downsample odd", down, {1, 7, 9, 17, 5, 0, 0}},
    {"downsample asymmetric", down_asymmetric, {1, 10, 14, 20, 16, 0, 0}}, {"upsample", up, {2, 5, 6, 18, 20, 0, 0}}, {"upsample wide", up, {1, 3, 40, 64, 64, 0, 0}},
    {"upsample to one column less", up_odd, {2, 5, 6, 18, 20, 0, 0}}, {"upsample to odd sizes", up_odd, {3, 4, 9, 18, 20, 1, 0}}, {"upsample of one pixel to itself", up_odd, {2, 1, 1, 20, 18, 1, 0}},
    {"dense", plain_dense, {1, 0, 77, 64, 128, 0, 0}}, {"dense odd", plain_dense, {3, 0, 11, 21, 67, 0, 0}}, {"dense long", plain_dense, {2, 0, 500, 1100, 50, 0, 0}},
    {"dense of one row", plain_dense, {1, 0, 1, 320, 200, 0, 0}}, {"swish", swish, {2, 3, 5, 37, 0, 0, 0}}, {"elementwise", elementwise, {2, 0, 9, 30, 50, 0, 0}}, {"gelu tanh", gelu, {2, 0, 9, 30, 50, 0, 0}},
    {"gelu erf", gelu, {2, 0, 9, 30, 50, 1, 0}}, {"gelu quick", gelu, {2, 0, 9, 30, 50, 2, 0}}, {"geglu tanh", geglu, {2, 0, 10, 24, 100, 0, 0}}, {"geglu erf", geglu, {1, 0, 13, 40, 37, 1, 0}},
    {"slice", slice, {2, 4, 4, 19, 0, 0, 0}}, {"scale", scaled, {1, 6, 6, 4, 4, 0, 0}}, {"group norm", group_norm, {2, 7, 9, 24, 0, 6, 0}},
    {"group norm of many rows", group_norm, {1, 40, 45, 33, 0, 11, 0}}, {"layer norm", layer_norm, {2, 0, 15, 45, 33, 0, 0}},
    {"layer norm long", layer_norm, {1, 0, 300, 640, 100, 0, 0}}, {"self-attention", self_attention, {2, 0, 100, 32, 0, 2, 0}},
    {"self-attention in chunks", self_attention, {1, 0, 300, 128, 0, 2, 0}}, {"self-attention odd", self_attention, {1, 0, 67, 30, 0, 3, 0}}, {"self-attention of one", self_attention, {2, 0, 1, 16, 0, 1, 0}},
    {"one head of 160", self_attention, {1, 0, 130, 160, 0, 1, 0}}, {"heads of 40", self_attention, {1, 0, 130, 80, 0, 2, 0}}, {"heads of 80", self_attention, {1, 0, 96, 160, 0, 2, 0}}, {"causal attention", causal_attention, {2, 0, 77, 64, 0, 4, 0}},
    {"cross-attention", cross_attention, {2, 0, 50, 48, 0, 3, 77}}, {"cross-attention of 5", cross_attention, {1, 0, 129, 32, 0, 2, 5}},
    {"res block", res_block, {2, 8, 6, 24, 32, 8, 16}}, {"res block odd", res_block, {1, 5, 9, 12, 20, 4, 8}}, {"res block wide", res_block, {1, 20, 64, 64, 48, 16, 32}},
    {"transformer", transformer, {2, 6, 6, 64, 0, 4, 0}}, {"transformer odd", transformer, {1, 5, 7, 24, 0, 3, 0}},
    {"guided", guided, {2, 8, 8, 32, 48, 8, 0}}, {"guided odd", guided, {3, 5, 7, 12, 20, 3, 0}}, {"guided, groups across the concat", guided, {2, 6, 5, 15, 16, 5, 0}},
    {"guided wide", guided, {2, 3, 200, 48, 33, 4, 0}}, {"sums", summed, {2, 37, 31, 32, 48, 8, 32}},
    {"tiny block", tiny_block, {1, 9, 13, 4, 64, 0, 3}}, {"tiny block odd", tiny_block, {2, 5, 7, 13, 20, 0, 3}}, {"tiny block of many channels", tiny_block, {2, 6, 5, 32, 48, 0, 16}},
};
/* clang-format on */
const int n_cases = sizeof cases / sizeof cases[0];

/* clang-format off */
const Case winograd_cases[] = {
    {"16 channels", conv3, {1, 8, 8, 16, 16, 0, 0}}, {"odd sizes", conv3, {2, 13, 7, 32, 19, 0, 0}}, {"one pixel", conv3, {3, 1, 1, 16, 70, 0, 0}},
    {"one row", conv3, {1, 1, 50, 48, 33, 0, 0}}, {"wide", conv3, {1, 24, 64, 64, 130, 0, 0}}, {"deep", conv3, {2, 4, 4, 1280, 80, 0, 0}},
    {"deep, parts of channels", conv3, {1, 9, 8, 2560, 64, 0, 0}}, {"upsample", up, {1, 8, 12, 32, 32, 0, 0}}, {"upsample odd", up, {2, 5, 3, 16, 20, 0, 0}}, {"upsample one pixel", up, {3, 1, 1, 32, 16, 0, 0}},
    {"upsample deep", up, {1, 4, 6, 1280, 66, 0, 0}}, {"upsample strips", up, {2, 40, 30, 48, 36, 0, 0}},
    {"upsample to odd sizes", up_odd, {2, 7, 5, 32, 48, 1, 0}},
    {"res block", res_block, {2, 8, 8, 32, 48, 8, 16}}, {"res block odd", res_block, {1, 5, 9, 16, 32, 4, 16}}, {"res block wide", res_block, {1, 20, 64, 64, 48, 16, 32}},
    {"guided", guided, {2, 8, 8, 32, 48, 8, 0}}, {"guided odd", guided, {3, 5, 7, 16, 20, 4, 0}}, {"guided wide", guided, {2, 20, 64, 48, 33, 4, 0}},
    {"sums", summed, {2, 37, 31, 32, 48, 8, 32}},
    {"tiny block", tiny_block, {2, 9, 13, 4, 64, 0, 3}}, {"tiny block wide", tiny_block, {1, 20, 64, 4, 64, 0, 3}},
};
/* clang-format on */
const int n_winograd_cases = sizeof winograd_cases / sizeof winograd_cases[0];

Graph *make(const Case *c)
{
    Graph *g = graph_new("diffusion_model");
    Size s = c->size;
    TensorId x = graph_add_input(
        g, "x", DT_F32, s.h ? shape4(s.b, s.h, s.w, s.c) : shape3(s.b, s.w, s.c), BIND_STEP);
    graph_add_output(g, "output", c->build(g, x, s));
    return g;
}

float *random_input(const Tensor *t, uint64_t seed)
{
    int64_t n = shape_count(&t->shape);
    float *x = malloc((size_t)n * 4);
    synthetic_weight(seed, "input", "x.kernel", &t->shape, x);
    double s = 0;
    for (int64_t i = 0; i < n; i++)
        s += (double)x[i] * x[i];
    s = sqrt((double)n / s);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(x[i] * s + 0.7);
    return x;
}

static double difference(const float *a, const float *b, int64_t n)
{
    double d = 0, r = 0;
    for (int64_t i = 0; i < n; i++) {
        d += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        r += (double)b[i] * b[i];
    }
    return sqrt(d / (r > 0 ? r : 1));
}

/* The interpreter's output for a case whose products are quantised so; inputs are those of
 * random_input(.., index + 1). Computed once for all ways to compile it. */
static const float *interpreted_case(const Case *c, Quant quant, const Graph *g, WeightSource *w,
                                     const void *const *in)
{
    enum { MOST = 256 };
    static struct {
        const Case *c;
        Quant quant;
        float *output;
    } known[MOST];
    int i = 0;
    while (i < MOST && known[i].c && (known[i].c != c || known[i].quant != quant))
        i++;
    assert_true(i < MOST);
    if (!known[i].c) {
        known[i].output = malloc((size_t)shape_count(&tensor(g, g->outputs[0])->shape) * 4);
        interpret(g, w, in, &known[i].output, true);
        known[i].c = c;
        known[i].quant = quant;
    }
    return known[i].output;
}

/* All plans of a compiled graph on one number of threads. The output is NaN before: an element that
 * is not written shows. */
static float *run_engine(Engine *e, int threads, int n_inputs, const void *const *in, int64_t n)
{
    float *got = malloc((size_t)n * 4);
    memset(got, 0xff, (size_t)n * 4);
    const char *failed;
    lrt_instance *x = lrt_instance_new(engine_program(e)->stages[0], engine_weights(e, 0), threads,
                                       &failed);
    assert_non_null(x);
    for (int i = 0; i < n_inputs; i++)
        lrt_set_input(x, (uint32_t)i, in[i]);
    lrt_set_output(x, 0, got);
    lrt_run_all(x);
    lrt_instance_free(x);
    return got;
}

/* Quantised products that load numbers which were computed. */
static int rounding_computed(const Graph *g)
{
    int products = 0;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        const Op *o = &g->ops[i];
        products += op_is_contract(o->kind) && quants[o->attr.contract.quant].range != NO_RANGE &&
                    (o->attr.contract.pre != PRE_NONE || tensor(g, o->in[SLOT_X])->kind != T_INPUT);
    }
    return products;
}

/* A case, compiled in one way. */
typedef struct {
    const Target *target;
    unsigned fuse;
    ConvMode conv;
    bool bf16;
} Way;

static void run_way(const Case *c, Quant quant, const Way *way)
{
    WeightSource *w = weights_open("synthetic:7", "diffusion_model");
    Graph *g = make(c);
    for (uint32_t i = 0; i < g->n_ops && quant; i++)
        if (op_is_contract(g->ops[i].kind))
            g->ops[i].attr.contract.quant = quant;
    const Target *t = way->target;
    unsigned fuse = way->fuse;
    ConvMode conv = way->conv;
    bool bf16 = way->bf16;
    int64_t n = shape_count(&tensor(g, g->outputs[0])->shape);
    int n_inputs = (int)g->n_inputs;
    const void *in[4];
    for (int i = 0; i < n_inputs; i++)
        in[i] = random_input(tensor(g, g->inputs[i]), (uint64_t)i + 1);
    const float *want = interpreted_case(c, quant, g, w, in);
    Program *p = program_new(t, fuse, conv, bf16);
    program_add(p, g);
    Engine *e = engine_new(p, &w);
    float *one = run_engine(e, 1, n_inputs, in, n), *three = run_engine(e, 3, n_inputs, in, n);
    double d = difference(one, want, n);
    if (getenv("VERBOSE"))
        print_message("%s on %s, fuse %#x, conv %s: relative rms %.3g\n", c->name, t->name, fuse,
                      conv_names[conv], d);
    int rounding = rounding_computed(g);
    double bound = bf16 ? bf16_bound : rounding ? flipped_bounds[rounding > 1] : bounds[conv];
    if (!(d <= bound))
        fail_msg("%s on %s, fuse %#x, conv %s%s: relative rms %.3g", c->name, t->name, fuse,
                 conv_names[conv], bf16 ? " bf16" : "", d);
    if (memcmp(one, three, (size_t)n * 4))
        fail_msg("%s on %s, fuse %#x: bits depend on the number of threads", c->name, t->name,
                 fuse);
    for (int i = 0; i < n_inputs; i++)
        free((void *)(uintptr_t)in[i]);
    free(one);
    free(three);
    engine_free(e);
    graph_free(g);
    weights_close(w);
}

void run_case(const Case *c, const Target *t, unsigned fuse, ConvMode conv, bool bf16)
{
    run_way(c, QUANT_NONE, &(Way){t, fuse, conv, bf16});
}

void run_quantised(const Case *c, Quant quant, const Target *t, ConvMode conv, bool bf16)
{
    run_way(c, quant, &(Way){t, FUSE_ALL, conv, bf16});
}

/* A test's state: what to try where. */
typedef struct {
    const OnTarget *what;
    const Target *target;
    char name[64];
} Trial;

static void try_target(void **state)
{
    const Trial *t = *state;
    if (!target_runs_here(t->target)) {
        print_message("skipped: this machine cannot run %s\n", t->target->name);
        skip();
    }
    t->what->all(t->target);
}

int run_on_targets(const char *group, const OnTarget *what, int n, Products of)
{
    enum { MOST = 128 };
    static Trial trials[MOST];
    struct CMUnitTest tests[MOST];
    int n_targets, n_tests = 0;
    const Target *targets = target_table(&n_targets);
    for (int i = 0; i < n_targets * n; i++) {
        const Target *t = &targets[i / n];
        if ((of == PRODUCTS_F32 && target_tiles(t)) ||
            (of != PRODUCTS_INT8 && target_int8_alone(t)))
            continue;
        CHECK(n_tests < MOST);
        Trial *x = &trials[n_tests];
        *x = (Trial){.what = &what[i % n], .target = t};
        snprintf(x->name, sizeof x->name, "%s %s", t->name, x->what->name);
        tests[n_tests++] = (struct CMUnitTest){
            .name = x->name, .test_func = try_target, .initial_state = x};
    }
    if (getenv("FILTER"))
        cmocka_set_test_filter(getenv("FILTER"));
    return _cmocka_run_group_tests(group, tests, (size_t)n_tests, NULL, NULL);
}
