/* Compiled graphs against the reference interpreter: every kernel, every target that runs here, fused and unfused, on shapes with edges:
 * odd sizes, 1x1 images, channels that are no multiple of the vector, batches, strips with a short end.
 *
 * Bound: relative rms 5e-6 against the interpreter in double. A sum of n products rounded to f32 in some order is off by about sqrt(n) * 6e-8
 * relative to its rms for random signs; the longest sum here has 11520 terms: 6.4e-6 worst, about a tenth of it in rms. */
#include "jit.h"
#include "interp.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { CONV_MODES = CONV_F43S + 1 };
/* Winograd: the output transform of F(4,3) adds products that are up to twenty times larger than the result, with alternating signs; F(2,3)
 * three of them. So at most about four times the error of a direct sum for F(4,3), 2e-5; for F(2,3) and the upsample form hardly more than it. */
static const double bounds[CONV_MODES] = {[CONV_AUTO] = 2e-5, [CONV_DIRECT] = 5e-6, [CONV_WINOGRAD] = 2e-5, [CONV_F23] = 7e-6, [CONV_F43] = 2e-5, [CONV_UP] = 7e-6, [CONV_F23S] = 7e-6, [CONV_F43S] = 2e-5};

/* bfloat16 keeps 8 bits: an operand is off by up to 2^-9 = 0.2 %, evenly spread 0.11 %; a product of two 0.16 %, and so is a sum of products of
 * random signs. A few such layers in a row, values that a norm enlarges, and Winograd's sums of rounded operands: 2 %. */
static const double bf16_bound = 2e-2;

typedef struct { int64_t b, h, w, c, co; int heads; int64_t m; } Size;
typedef TensorId Build(Graph *g, TensorId x, Size s);
typedef struct { const char *name; Build *build; Size size; } Case;

static TensorId weight(Graph *g, const char *path, const char *kind, Shape s) { return graph_add_weight(g, arena_printf(g->arena, "%s.%s", path, kind), s); }

static TensorId conv(Graph *g, const char *path, TensorId x, int k, int64_t co, int stride, int pad, int pad2) {
    Op o = op_make(OP_CONV2D, path);
    o.in[SLOT_X] = x;
    o.in[SLOT_KERNEL] = weight(g, path, "kernel", shape4(k, k, shape_channels(&tensor(g, x)->shape), co));
    o.in[SLOT_BIAS] = weight(g, path, "bias", shape1(co));
    o.attr.contract.stride = stride;
    o.attr.contract.pad_top = o.attr.contract.pad_left = pad;
    o.attr.contract.pad_bottom = o.attr.contract.pad_right = pad2;
    return graph_add_op(g, o);
}
static TensorId dense(Graph *g, const char *path, TensorId x, int64_t co, bool bias) {
    Op o = op_make(OP_DENSE, path);
    o.in[SLOT_X] = x;
    o.in[SLOT_KERNEL] = weight(g, path, "kernel", shape2(shape_channels(&tensor(g, x)->shape), co));
    if (bias) o.in[SLOT_BIAS] = weight(g, path, "bias", shape1(co));
    return graph_add_op(g, o);
}
static TensorId norm(Graph *g, OpKind kind, const char *path, TensorId x, int groups) {
    int64_t c = shape_channels(&tensor(g, x)->shape);
    Op o = op_make(kind, path);
    o.in[0] = x;
    o.in[1] = weight(g, path, "gamma", shape1(c));
    o.in[2] = weight(g, path, "beta", shape1(c));
    o.attr.norm.groups = groups;
    o.attr.norm.eps = 1e-5;
    return graph_add_op(g, o);
}
static TensorId op1(Graph *g, OpKind kind, const char *path, TensorId x) {
    Op o = op_make(kind, path);
    o.in[0] = x;
    return graph_add_op(g, o);
}
static TensorId op2(Graph *g, OpKind kind, const char *path, TensorId x, TensorId y) {
    Op o = op_make(kind, path);
    o.in[0] = x;
    o.in[1] = y;
    return graph_add_op(g, o);
}
static TensorId attention(Graph *g, TensorId q, TensorId k, TensorId v, int heads, bool causal) {
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
static TensorId down_asymmetric(Graph *g, TensorId x, Size s) { return conv(g, "conv", x, 3, s.co, 2, 0, 1); }
static TensorId up(Graph *g, TensorId x, Size s) { return conv(g, "conv", op1(g, OP_UPSAMPLE, "up", x), 3, s.co, 1, 1, 1); }
static TensorId plain_dense(Graph *g, TensorId x, Size s) { return dense(g, "dense", x, s.co, true); }
static TensorId swish(Graph *g, TensorId x, Size s) { (void)s; return op1(g, OP_SWISH, "swish", x); }
static TensorId gelu(Graph *g, TensorId x, Size s) {
    Op o = op_make(OP_GELU, "gelu");
    o.in[0] = dense(g, "dense", x, s.co, true);
    o.attr.gelu.kind = s.heads ? GELU_ERF : GELU_TANH;
    return graph_add_op(g, o);
}
static TensorId geglu(Graph *g, TensorId x, Size s) {
    Op o = op_make(OP_GEGLU, "geglu");
    o.in[0] = dense(g, "dense", x, 2 * s.co, true);
    o.attr.gelu.kind = s.heads ? GELU_ERF : GELU_TANH;
    return graph_add_op(g, o);
}
static TensorId slice(Graph *g, TensorId x, Size s) {
    Op o = op_make(OP_SLICE, "slice");
    o.in[0] = x;
    o.attr.slice.begin = 1;
    o.attr.slice.end = s.c - 1;
    return graph_add_op(g, o);
}
static TensorId scaled(Graph *g, TensorId x, Size s) {
    Op o = op_make(OP_SCALE, "scale");
    o.in[0] = x;
    o.attr.scale.factor = 5.49;
    return conv(g, "conv", graph_add_op(g, o), 1, s.co, 1, 0, 0);
}
static TensorId group_norm(Graph *g, TensorId x, Size s) { return norm(g, OP_GROUP_NORM, "norm", x, s.heads); }
static TensorId layer_norm(Graph *g, TensorId x, Size s) { return dense(g, "dense", norm(g, OP_LAYER_NORM, "norm", x, 1), s.co, true); }
static TensorId self_attention(Graph *g, TensorId x, Size s) {
    return attention(g, dense(g, "q", x, s.c, false), dense(g, "k", x, s.c, false), dense(g, "v", x, s.c, false), s.heads, false);
}
static TensorId causal_attention(Graph *g, TensorId x, Size s) {
    return attention(g, dense(g, "q", x, s.c, true), dense(g, "k", x, s.c, true), dense(g, "v", x, s.c, true), s.heads, true);
}
static TensorId cross_attention(Graph *g, TensorId x, Size s) {
    TensorId c = graph_add_input(g, "context", DT_F32, shape3(s.b, s.m, 24), BIND_PROMPT);
    return attention(g, dense(g, "q", x, s.c, false), dense(g, "k", c, s.c, false), dense(g, "v", c, s.c, false), s.heads, false);
}
/* GN, swish, conv, + dense(swish(time)); GN, swish, conv; + x or conv1x1(x); the whole on concat(x, skip) */
static TensorId res_block(Graph *g, TensorId x, Size s) {
    TensorId t = graph_add_input(g, "time", DT_F32, shape2(s.b, 20), BIND_TIME);
    TensorId skip = graph_add_input(g, "skip", DT_F32, shape4(s.b, s.h, s.w, s.m), BIND_STEP);
    TensorId in = op2(g, OP_CONCAT, "concat", x, skip);
    TensorId y = conv(g, "entry", op1(g, OP_SWISH, "swish1", norm(g, OP_GROUP_NORM, "norm1", in, s.heads)), 3, s.co, 1, 1, 1);
    y = op2(g, OP_ADD, "add_time", y, dense(g, "emb", op1(g, OP_SWISH, "swish_t", t), s.co, true));
    y = conv(g, "exit", op1(g, OP_SWISH, "swish2", norm(g, OP_GROUP_NORM, "norm2", y, s.heads)), 3, s.co, 1, 1, 1);
    return op2(g, OP_ADD, "add", conv(g, "residual", in, 1, s.co, 1, 0, 0), y);
}
static TensorId transformer(Graph *g, TensorId x, Size s) {
    TensorId t = dense(g, "proj1", norm(g, OP_GROUP_NORM, "norm", x, s.heads), s.c, true);
    t = graph_add_reshape(g, t, shape3(s.b, s.h * s.w, s.c), "flat");
    TensorId n = norm(g, OP_LAYER_NORM, "norm1", t, 1);
    TensorId a = attention(g, dense(g, "q", n, s.c, false), dense(g, "k", n, s.c, false), dense(g, "v", n, s.c, false), s.heads, false);
    t = op2(g, OP_ADD, "add1", dense(g, "out", a, s.c, true), t);
    Op o = op_make(OP_GEGLU, "geglu");
    o.in[0] = dense(g, "ff", norm(g, OP_LAYER_NORM, "norm3", t, 1), 8 * s.c, true);
    t = op2(g, OP_ADD, "add3", dense(g, "ff2", graph_add_op(g, o), s.c, true), t);
    t = graph_add_reshape(g, t, shape4(s.b, s.h, s.w, s.c), "image");
    return op2(g, OP_ADD, "add", dense(g, "proj2", t, s.c, true), x);
}
/* A picture for the whole batch, met by x in every way: as residual, as the first and the second half of a concat, as queries. */
static TensorId guided(Graph *g, TensorId x, Size s) {
    Op o = op_make(OP_BROADCAST, "broadcast");
    o.in[0] = graph_add_input(g, "latent", DT_F32, shape4(1, s.h, s.w, 4), BIND_STEP);
    o.attr.broadcast.batch = s.b;
    TensorId one = conv(g, "in", graph_add_op(g, o), 3, s.c, 1, 1, 1);
    one = op1(g, OP_SWISH, "swish0", norm(g, OP_GROUP_NORM, "norm0", one, s.heads));
    TensorId y = op2(g, OP_ADD, "add0", one, conv(g, "own", x, 3, s.c, 1, 1, 1));
    TensorId q = graph_add_reshape(g, dense(g, "q", one, s.c, false), shape3(s.b, s.h * s.w, s.c), "tokens");
    TensorId kv = graph_add_reshape(g, y, shape3(s.b, s.h * s.w, s.c), "keys");
    TensorId a = attention(g, q, dense(g, "k", kv, s.c, false), dense(g, "v", kv, s.c, false), 1, false);
    a = op2(g, OP_ADD, "add1", dense(g, "out", graph_add_reshape(g, a, shape4(s.b, s.h, s.w, s.c), "pixels"), s.c, true), one);
    TensorId behind = op2(g, OP_CONCAT, "behind", a, one), before = op2(g, OP_CONCAT, "before", one, y);
    TensorId z = conv(g, "entry", op1(g, OP_SWISH, "swish1", norm(g, OP_GROUP_NORM, "norm1", behind, s.heads)), 3, s.co, 1, 1, 1);
    z = op2(g, OP_ADD, "add2", z, conv(g, "shortcut", behind, 1, s.co, 1, 0, 0));
    return op2(g, OP_ADD, "add3", conv(g, "exit", op1(g, OP_SWISH, "swish2", norm(g, OP_GROUP_NORM, "norm2", before, s.heads)), 3, s.co, 1, 1, 1), z);
}

static const Case cases[] = {
    {"conv3x3", conv3, {1, 8, 8, 16, 16, 0, 0}}, {"conv3x3 odd", conv3, {2, 7, 5, 13, 19, 0, 0}}, {"conv3x3 of one pixel", conv3, {3, 1, 1, 5, 70, 0, 0}},
    {"conv3x3 wide", conv3, {1, 9, 131, 6, 4, 0, 0}}, {"conv3x3 chunks", conv3, {2, 12, 20, 300, 65, 0, 0}}, {"conv3x3 to 3", conv3, {1, 40, 24, 35, 3, 0, 0}},
    {"conv3x3 of 4", conv3, {4, 16, 16, 4, 96, 0, 0}}, {"conv3x3 rows left over", conv3, {1, 37, 32, 32, 64, 0, 0}}, {"conv3x3 deep", conv3, {2, 4, 4, 1280, 80, 0, 0}},
    {"conv1x1", conv1, {2, 9, 7, 33, 40, 0, 0}}, {"downsample", down, {2, 12, 10, 24, 36, 0, 0}}, {"downsample odd", down, {1, 7, 9, 17, 5, 0, 0}},
    {"downsample asymmetric", down_asymmetric, {1, 10, 14, 20, 16, 0, 0}}, {"upsample", up, {2, 5, 6, 18, 20, 0, 0}}, {"upsample wide", up, {1, 3, 40, 64, 64, 0, 0}},
    {"dense", plain_dense, {1, 0, 77, 64, 128, 0, 0}}, {"dense odd", plain_dense, {3, 0, 11, 21, 67, 0, 0}}, {"dense long", plain_dense, {2, 0, 500, 1100, 50, 0, 0}},
    {"dense of one row", plain_dense, {1, 0, 1, 320, 200, 0, 0}}, {"swish", swish, {2, 3, 5, 37, 0, 0, 0}}, {"gelu tanh", gelu, {2, 0, 9, 30, 50, 0, 0}},
    {"gelu erf", gelu, {2, 0, 9, 30, 50, 1, 0}}, {"geglu tanh", geglu, {2, 0, 10, 24, 100, 0, 0}}, {"geglu erf", geglu, {1, 0, 13, 40, 37, 1, 0}},
    {"slice", slice, {2, 4, 4, 19, 0, 0, 0}}, {"scale", scaled, {1, 6, 6, 4, 4, 0, 0}}, {"group norm", group_norm, {2, 7, 9, 24, 0, 6, 0}},
    {"group norm of many rows", group_norm, {1, 40, 45, 33, 0, 11, 0}}, {"layer norm", layer_norm, {2, 0, 15, 45, 33, 0, 0}},
    {"layer norm long", layer_norm, {1, 0, 300, 640, 100, 0, 0}}, {"self-attention", self_attention, {2, 0, 100, 32, 0, 2, 0}},
    {"self-attention odd", self_attention, {1, 0, 67, 30, 0, 3, 0}}, {"self-attention of one", self_attention, {2, 0, 1, 16, 0, 1, 0}},
    {"one head of 160", self_attention, {1, 0, 130, 160, 0, 1, 0}}, {"self-attention in chunks", self_attention, {1, 0, 300, 128, 0, 2, 0}}, {"causal attention", causal_attention, {2, 0, 77, 64, 0, 4, 0}},
    {"cross-attention", cross_attention, {2, 0, 50, 48, 0, 3, 77}}, {"cross-attention of 5", cross_attention, {1, 0, 129, 32, 0, 2, 5}},
    {"res block", res_block, {2, 8, 6, 24, 32, 8, 16}}, {"res block odd", res_block, {1, 5, 9, 12, 20, 4, 8}}, {"res block wide", res_block, {1, 20, 64, 64, 48, 16, 32}},
    {"transformer", transformer, {2, 6, 6, 64, 0, 4, 0}}, {"transformer odd", transformer, {1, 5, 7, 24, 0, 3, 0}},
    {"guided", guided, {2, 8, 8, 32, 48, 8, 0}}, {"guided odd", guided, {3, 5, 7, 12, 20, 3, 0}}, {"guided, groups across the concat", guided, {2, 6, 5, 15, 16, 5, 0}},
    {"guided wide", guided, {2, 3, 200, 48, 33, 4, 0}},
};

static Graph *make(const Case *c) {
    Graph *g = graph_new("diffusion_model");
    Size s = c->size;
    TensorId x = graph_add_input(g, "x", DT_F32, s.h ? shape4(s.b, s.h, s.w, s.c) : shape3(s.b, s.w, s.c), BIND_STEP);
    graph_add_output(g, "output", c->build(g, x, s));
    return g;
}

/* Inputs with a mean, so that normalisation has something to remove. */
static float *random_input(const Tensor *t, uint64_t seed) {
    int64_t n = shape_count(&t->shape);
    float *x = malloc((size_t)n * 4);
    synthetic_weight(seed, "input", "x.kernel", &t->shape, x);
    double s = 0;
    for (int64_t i = 0; i < n; i++) s += (double)x[i] * x[i];
    s = sqrt((double)n / s);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(x[i] * s + 0.7);
    return x;
}

static double difference(const float *a, const float *b, int64_t n) {
    double d = 0, r = 0;
    for (int64_t i = 0; i < n; i++) {
        d += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        r += (double)b[i] * b[i];
    }
    return sqrt(d / (r > 0 ? r : 1));
}

static void run_case(const Case *c, const Target *t, unsigned fuse, ConvMode conv, bool bf16) {
    WeightSource *w = weights_open("synthetic:7", "diffusion_model");
    Graph *g = make(c), *h = make(c);
    int64_t n = shape_count(&tensor(g, g->outputs[0])->shape);
    float *want = malloc((size_t)n * 4), *got[2];
    const void *in[4];
    for (uint32_t i = 0; i < g->n_inputs; i++) in[i] = random_input(tensor(g, g->inputs[i]), i + 1);
    interpret(g, w, in, &want, true);
    for (int k = 0; k < 2; k++) {
        got[k] = malloc((size_t)n * 4);
        memset(got[k], 0xff, (size_t)n * 4); /* NaN: an element that is not written shows */
        jit_run_graph(k ? h : g, w, program_new(t, fuse, conv, bf16), k ? 3 : 1, in, &got[k], 0, NULL);
    }
    double d = difference(got[0], want, n);
    if (getenv("VERBOSE")) print_message("%s on %s, fuse %#x, conv %s: relative rms %.3g\n", c->name, t->name, fuse, conv_names[conv], d);
    if (!(d <= (bf16 ? bf16_bound : bounds[conv]))) fail_msg("%s on %s, fuse %#x, conv %s%s: relative rms %.3g", c->name, t->name, fuse, conv_names[conv],
                                                             bf16 ? " bf16" : "", d);
    if (memcmp(got[0], got[1], (size_t)n * 4)) fail_msg("%s on %s, fuse %#x: bits depend on the number of threads", c->name, t->name, fuse);
    for (uint32_t i = 0; i < g->n_inputs; i++) free((void *)(uintptr_t)in[i]);
    free(want);
    free(got[0]);
    free(got[1]);
    graph_free(g);
    graph_free(h);
    weights_close(w);
}

/* Winograd: channels that are multiples of every vector; tiles cut by the picture's edge; parts of channels; both operands of a concat. */
static const Case winograd_cases[] = {
    {"16 channels", conv3, {1, 8, 8, 16, 16, 0, 0}}, {"odd sizes", conv3, {2, 13, 7, 32, 19, 0, 0}}, {"one pixel", conv3, {3, 1, 1, 16, 70, 0, 0}},
    {"one row", conv3, {1, 1, 50, 48, 33, 0, 0}}, {"wide", conv3, {1, 24, 64, 64, 130, 0, 0}}, {"deep", conv3, {2, 4, 4, 1280, 80, 0, 0}},
    {"deep, parts of channels", conv3, {1, 9, 8, 2560, 64, 0, 0}}, {"upsample", up, {1, 8, 12, 32, 32, 0, 0}}, {"upsample odd", up, {2, 5, 3, 16, 20, 0, 0}}, {"upsample one pixel", up, {3, 1, 1, 32, 16, 0, 0}},
    {"upsample deep", up, {1, 4, 6, 1280, 66, 0, 0}}, {"upsample strips", up, {2, 40, 30, 48, 36, 0, 0}},
    {"res block", res_block, {2, 8, 8, 32, 48, 8, 16}}, {"res block odd", res_block, {1, 5, 9, 16, 32, 4, 16}}, {"res block wide", res_block, {1, 20, 64, 64, 48, 16, 32}},
    {"guided", guided, {2, 8, 8, 32, 48, 8, 0}}, {"guided odd", guided, {3, 5, 7, 16, 20, 4, 0}}, {"guided wide", guided, {2, 20, 64, 48, 33, 4, 0}},
};

static const Target *target_here(const char *name) {
    const Target *t = target_for(name, true);
    if (!target_runs_here(t)) {
        print_message("skipped: this machine cannot run %s\n", name);
        skip();
    }
    return t;
}

static void all_cases(const char *target, unsigned fuse) {
    const Target *t = target_here(target);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) run_case(&cases[i], t, fuse, CONV_DIRECT, false);
}

static void all_winograd_cases(const char *target) {
    const Target *t = target_here(target);
    for (size_t i = 0; i < sizeof winograd_cases / sizeof winograd_cases[0]; i++)
        for (ConvMode mode = CONV_F23; mode <= CONV_F43S; mode++) {
            if (mode == CONV_UP && winograd_cases[i].build != up) continue;
            if (mode <= CONV_UP) run_case(&winograd_cases[i], t, FUSE_NONE, mode, false); /* streamed ones differ in nothing that fusing touches */
            run_case(&winograd_cases[i], t, FUSE_ALL, mode, false);
        }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) run_case(&cases[i], t, FUSE_ALL, CONV_AUTO, false);
}

static void all_bf16_cases(const char *target) {
    const Target *t = target_here(target);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int fuse = FUSE_NONE; fuse <= FUSE_ALL; fuse += FUSE_ALL) run_case(&cases[i], t, (unsigned)fuse, CONV_DIRECT, true);
    for (size_t i = 0; i < sizeof winograd_cases / sizeof winograd_cases[0]; i++) {
        run_case(&winograd_cases[i], t, FUSE_ALL, CONV_F23, true);
        run_case(&winograd_cases[i], t, FUSE_ALL, CONV_F23S, true);
        if (winograd_cases[i].build == up) run_case(&winograd_cases[i], t, FUSE_ALL, CONV_UP, true);
    }
}

#define TARGET_TESTS(id, name) \
    static void id##_unfused(void **state) { (void)state; all_cases(name, FUSE_NONE); } \
    static void id##_fused(void **state) { (void)state; all_cases(name, FUSE_ALL); } \
    static void id##_winograd(void **state) { (void)state; all_winograd_cases(name); } \
    static void id##_bf16(void **state) { (void)state; all_bf16_cases(name); }
TARGET_TESTS(sse2, "x86-64")
TARGET_TESTS(avx2, "x86-64-v3")
TARGET_TESTS(avx512, "x86-64-v4")
TARGET_TESTS(avx512bf16, "x86-64-v4-bf16")
TARGET_TESTS(neon, "aarch64")
static void amxmodel_bf16(void **state) { (void)state; all_bf16_cases("amx-model"); } /* the rest of it is AVX2 with lanes of 16 */
static void amx_bf16(void **state) { (void)state; all_bf16_cases("amx"); }
static void each_flag_alone(void **state) {
    (void)state;
    for (unsigned f = 1; f < FUSE_ALL; f *= 2) all_cases("host", f);
}

/* Sharing changes how often something is computed, never how: the same bits as when each batch element is computed. */
static void sharing_keeps_bits(void **state) {
    (void)state;
    static const Size sizes[] = {{2, 8, 8, 32, 48, 8, 0}, {3, 5, 7, 16, 20, 4, 0}, {2, 20, 64, 48, 33, 4, 0}};
    static const ConvMode modes[] = {CONV_DIRECT, CONV_F23, CONV_F43};
    WeightSource *w = weights_open("synthetic:7", "diffusion_model");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0] * 6; i++) {
        const Case c = {"guided", guided, sizes[i / 6]};
        float *got[2];
        int64_t bytes = 0;
        for (int k = 0; k < 2; k++) {
            Graph *g = make(&c);
            const void *in[2] = {random_input(tensor(g, g->inputs[0]), 1), random_input(tensor(g, g->inputs[1]), 2)};
            bytes = shape_count(&tensor(g, g->outputs[0])->shape) * 4;
            got[k] = malloc((size_t)bytes);
            jit_run_graph(g, w, program_new(target_for("host", i / 3 % 2), k ? FUSE_ALL : FUSE_ALL & ~FUSE_GUIDANCE, modes[i % 3], i / 3 % 2), 2, in, &got[k], 0, NULL);
            free((void *)(uintptr_t)in[0]);
            free((void *)(uintptr_t)in[1]);
            graph_free(g);
        }
        if (memcmp(got[0], got[1], (size_t)bytes)) fail_msg("size %zu, conv %s, bf16 %zu: other bits", i / 6, conv_names[modes[i % 3]], i / 3 % 2);
        free(got[0]);
        free(got[1]);
    }
    weights_close(w);
}

/* One batch element alone: the bits that it has when all are computed, and no more work than its share. */
static void check_first(const Case *c, unsigned fuse, ConvMode mode, bool bf16, WeightSource *w) {
    Graph *g = make(c);
    Program *p = program_new(target_for("host", bf16), fuse, mode, bf16);
    program_add(p, g);
    Engine *e = engine_new(p, &w);
    const lrt_stage *s = engine_program(e)->stages[0];
    int64_t n = shape_count(&tensor(g, g->outputs[0])->shape), share = n / c->size.b, least = s->step.n_steps ? 1 : 0;
    float *out[2];
    void *in[8];
    for (uint32_t i = 0; i < g->n_inputs; i++) in[i] = (void *)(uintptr_t)random_input(tensor(g, g->inputs[i]), i + 1);
    for (int k = 0; k < 2; k++) {
        const char *failed;
        lrt_instance *x = lrt_instance_new(s, engine_weights(e, 0), 2, &failed);
        out[k] = malloc((size_t)n * 4);
        for (int64_t i = 0; i < n; i++) out[k][i] = -77;
        for (uint32_t i = 0; i < g->n_inputs; i++) lrt_set_input(x, i, in[i]);
        lrt_set_output(x, 0, out[k]);
        lrt_set_single(x, k);
        lrt_run_all(x);
        lrt_instance_free(x);
    }
    if (memcmp(out[0], out[1], (size_t)share * 4)) fail_msg("%s, conv %s, bf16 %d: other bits alone", c->name, conv_names[mode], bf16);
    int64_t fewer = 0;
    for (uint32_t i = 0; i < s->step.n_steps; i++) fewer += s->step.steps[i].first < s->step.steps[i].round;
    assert_true(fewer >= least);
    for (uint32_t i = 0; i < g->n_inputs; i++) free(in[i]);
    free(out[0]);
    free(out[1]);
    engine_free(e);
    graph_free(g);
}

static void one_batch_element_alone(void **state) {
    (void)state;
    static const Case many[] = {
        {"guided", guided, {2, 8, 8, 32, 48, 8, 0}}, {"guided odd", guided, {3, 5, 7, 16, 20, 4, 0}}, {"guided wide", guided, {2, 20, 64, 48, 33, 4, 0}},
        {"transformer", transformer, {2, 6, 6, 64, 0, 4, 0}}, {"transformer wide", transformer, {2, 24, 24, 64, 0, 4, 0}},
        {"res block", res_block, {2, 8, 6, 24, 32, 8, 16}}, {"res block wide", res_block, {3, 20, 64, 64, 48, 16, 32}},
    };
    static const ConvMode modes[] = {CONV_DIRECT, CONV_F23, CONV_F43};
    WeightSource *w = weights_open("synthetic:7", "diffusion_model");
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        check_first(&many[i], FUSE_NONE, CONV_DIRECT, false, w);
        for (int k = 0; k < 6; k++) check_first(&many[i], FUSE_ALL, modes[k / 2], k % 2, w);
    }
    weights_close(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sse2_unfused), cmocka_unit_test(sse2_fused), cmocka_unit_test(sse2_winograd), cmocka_unit_test(sse2_bf16), cmocka_unit_test(avx2_unfused), cmocka_unit_test(avx2_fused), cmocka_unit_test(avx2_winograd), cmocka_unit_test(avx2_bf16),
        cmocka_unit_test(avx512_unfused), cmocka_unit_test(avx512_fused), cmocka_unit_test(avx512_winograd), cmocka_unit_test(avx512_bf16), cmocka_unit_test(avx512bf16_unfused), cmocka_unit_test(avx512bf16_fused), cmocka_unit_test(avx512bf16_winograd), cmocka_unit_test(avx512bf16_bf16),
        cmocka_unit_test(neon_unfused), cmocka_unit_test(neon_fused), cmocka_unit_test(neon_winograd), cmocka_unit_test(neon_bf16),
        cmocka_unit_test(amxmodel_bf16), cmocka_unit_test(amx_bf16), cmocka_unit_test(each_flag_alone), cmocka_unit_test(sharing_keeps_bits),
        cmocka_unit_test(one_batch_element_alone),
    };
    if (getenv("FILTER")) cmocka_set_test_filter(getenv("FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
