/* Quantised products against the reference interpreter, on every target of this machine: shapes
 * with edges, operands that are all zero or no numbers, and columns of zeros. Bounds in compiled.c.
 */
#include "attention.h"
#include "compiled.h"
#include "construct.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static TensorId weight(Graph *g, const char *name, Shape s) { return graph_add_weight(g, name, s); }

static Op product(Graph *g, const char *path, TensorId x, int64_t columns)
{
    Op o = op_make(OP_DENSE, path);
    o.in[SLOT_X] = x;
    o.in[SLOT_KERNEL] = weight(g, arena_printf(g->arena, "%s.kernel", path),
                               shape2(shape_channels(&tensor(g, x)->shape), columns));
    o.attr.contract.quant = QUANT_ROWS;
    return o;
}

/* Whole sums are exact: nothing but their scales is rounded. */
static TensorId plain(Graph *g, TensorId x, Size s)
{
    return graph_add_op(g, product(g, "plain", x, s.co));
}

static TensorId biased(Graph *g, TensorId x, Size s)
{
    Op o = product(g, "biased", x, s.co);
    o.in[SLOT_BIAS] = weight(g, "biased.bias", shape1(s.co));
    o.in[SLOT_RES] = graph_add_op(g, product(g, "res", x, s.co));
    return graph_add_op(g, o);
}

/* Columns in the middle whose weights are all zero. */
static TensorId with_dead(Graph *g, TensorId kernel)
{
    return graph_add_weight_parts(g, (const TensorId[]){kernel, kernel, kernel}, 3,
                                  (double[]){1, 0, -1});
}

static TensorId dead_columns(Graph *g, TensorId x, Size s)
{
    Op o = product(g, "dead", x, s.co);
    o.in[SLOT_KERNEL] = with_dead(g, o.in[SLOT_KERNEL]);
    return graph_add_op(g, o);
}

/* Rows of a LayerNorm; a result of two halves; and what another product reads as bf16 in a program
 * of that type. */
static TensorId gated(Graph *g, TensorId x, Size s)
{
    Op o = product(g, "gated", x, 2 * s.co);
    o.in[SLOT_LN_GAMMA] = weight(g, "ln.gamma", shape1(s.c));
    o.in[SLOT_LN_BETA] = weight(g, "ln.beta", shape1(s.c));
    o.attr.contract.pre = PRE_LAYER_NORM;
    o.attr.contract.eps = 1e-5;
    o.in[SLOT_BIAS] = weight(g, "gated.bias", shape1(2 * s.co));
    o.attr.contract.act = ACT_GEGLU_ERF;
    return graph_add_op(g, product(g, "second", graph_add_op(g, o), s.c));
}

/* The two operands of a concat, one of them the same for the whole batch. */
static TensorId joined(Graph *g, TensorId x, Size s)
{
    Op o = op_make(OP_CONV2D, "joined");
    o.in[SLOT_X] = x;
    o.in[SLOT_X2] = graph_add_input(g, "shared", DT_F32, shape4(1, s.h, s.w, 3), BIND_STEP);
    o.in[SLOT_KERNEL] = weight(g, "joined.kernel", shape4(1, 1, s.c + 3, s.co));
    o.attr.contract.pre = PRE_SWISH;
    o.attr.contract.act = ACT_SWISH;
    o.attr.contract.quant = QUANT_ROWS;
    return graph_add_op(g, o);
}

/* ---- convolutions: one range per batch element ---- */

static TensorId range_of(Graph *g, const Op *conv)
{
    Op o = op_make(OP_RANGE, conv->path);
    o.in[SLOT_X] = conv->in[SLOT_X];
    o.in[SLOT_X2] = conv->in[SLOT_X2];
    o.in[SLOT_NORM] = conv->in[SLOT_NORM];
    o.attr.range.pre = conv->attr.contract.pre;
    return graph_add_op(g, o);
}

static Op window(Graph *g, const char *path, TensorId x, int64_t channels, int64_t columns)
{
    Op o = op_make(OP_CONV2D, path);
    o.in[SLOT_X] = x;
    o.in[SLOT_KERNEL] = weight(g, arena_printf(g->arena, "%s.kernel", path),
                               shape4(3, 3, channels, columns));
    ContractAttr *a = &o.attr.contract;
    a->pad_top = a->pad_bottom = a->pad_left = a->pad_right = 1;
    a->quant = QUANT_IMAGE;
    return o;
}

static TensorId quantised(Graph *g, Op o)
{
    o.in[SLOT_RANGE] = range_of(g, &o);
    return graph_add_op(g, o);
}

static TensorId conv(Graph *g, TensorId x, Size s)
{
    return quantised(g, window(g, "conv", x, s.c, s.co));
}

static TensorId dead_windows(Graph *g, TensorId x, Size s)
{
    Op o = window(g, "dead", x, s.c, s.co);
    o.in[SLOT_KERNEL] = with_dead(g, o.in[SLOT_KERNEL]);
    return quantised(g, o);
}

static TensorId down(Graph *g, TensorId x, Size s)
{
    Op o = window(g, "down", x, s.c, s.co);
    o.attr.contract.stride = 2;
    o.attr.contract.pad_top = o.attr.contract.pad_left = 0;
    return quantised(g, o);
}

static TensorId upsampled(Graph *g, TensorId x, Size s)
{
    Op o = window(g, "up", x, s.c, s.co);
    o.attr.contract.upsample = 2;
    return quantised(g, o);
}

/* norm(concat(x, x2)) with factors of both signs, and so large that swish turns among the numbers.
 */
static TensorId scales_of(Graph *g, const char *path, TensorId x, TensorId x2)
{
    Op norm = op_make(OP_GROUP_SCALE, arena_printf(g->arena, "%s.norm", path));
    int64_t c = shape_channels(&tensor(g, x)->shape) +
                (tensor_ok(x2) ? shape_channels(&tensor(g, x2)->shape) : 0);
    const TensorId gamma[] = {
        weight(g, arena_printf(g->arena, "%s.first.gamma", path), shape1(c / 2)),
        weight(g, arena_printf(g->arena, "%s.second.gamma", path), shape1(c - c / 2))};
    norm.in[0] = x;
    norm.in[1] = graph_add_weight_parts(g, gamma, 2, (double[]){-1.5, 2});
    norm.in[2] = weight(g, arena_printf(g->arena, "%s.beta", path), shape1(c));
    norm.in[3] = x2;
    norm.attr.norm.groups = c % 2 ? 1 : 2;
    norm.attr.norm.eps = 1e-5;
    return graph_add_op(g, norm);
}

/* conv(swish(norm(concat(x, x2)))) */
static TensorId normed(Graph *g, const char *path, TensorId x, TensorId x2, int64_t columns)
{
    TensorId scales = scales_of(g, path, x, x2);
    Op o = window(g, path, x, tensor(g, scales)->shape.dim[2], columns);
    o.in[SLOT_X2] = x2;
    o.in[SLOT_NORM] = scales;
    o.attr.contract.pre = PRE_AFFINE_SWISH;
    return quantised(g, o);
}

/* Bounds of results that kernels have just computed, in every way: large images with the results,
 * of both types of products; small ones by themselves; of an input that serves the whole batch. */
static TensorId chain(Graph *g, TensorId x, Size s)
{
    Op plain_window = window(g, "plain", x, s.c, s.co);
    plain_window.attr.contract.quant = QUANT_NONE;
    TensorId y = graph_add_op(g, plain_window);
    TensorId shared = graph_add_input(g, "shared", DT_F32, shape4(1, s.h, s.w, 6), BIND_STEP);
    y = normed(g, "first", y, shared, s.c);
    return normed(g, "second", y, NO_TENSOR, s.co);
}

/* The range of a batch element alone, through every prologue that has one. */
static TensorId ranges(Graph *g, TensorId x, Size s)
{
    Op o = op_make(OP_RANGE, "range");
    TensorId x2 = graph_add_input(g, "shared", DT_F32, shape4(1, s.h, s.w, 5), BIND_STEP);
    o.in[SLOT_X] = x;
    o.attr.range.pre = s.heads;
    if (s.m)
        o.in[SLOT_X2] = x2;
    if (prologues[s.heads].norm == AFFINE_NORM)
        o.in[SLOT_NORM] = scales_of(g, "range", x, o.in[SLOT_X2]);
    return graph_add_op(g, o);
}

/* ---- attention: scores of whole numbers ---- */

static TensorId attends(Graph *g, TensorId x, Size s, bool causal)
{
    Op o = op_make(OP_ATTENTION, "attention");
    for (int i = 0; i < 3; i++)
        o.in[i] = x;
    AttnAttr *a = &o.attr.attn;
    a->heads = s.heads;
    a->head_size = s.c / 3 / s.heads;
    a->scale = 1 / sqrt((double)a->head_size);
    a->causal = causal;
    a->k_off = s.c / 3;
    a->v_off = 2 * a->k_off;
    a->quant = QUANT_ROWS;
    return graph_add_op(g, o);
}

static TensorId attention(Graph *g, TensorId x, Size s) { return attends(g, x, s, false); }
static TensorId causal_attention(Graph *g, TensorId x, Size s) { return attends(g, x, s, true); }

/* clang-format off */
static const Case exact[] = {
    {"one number", plain, {.b = 1, .h = 1, .w = 1, .c = 1, .co = 1}},
    {"one channel", plain, {.b = 2, .h = 3, .w = 5, .c = 1, .co = 17}},
    {"a short word", plain, {.b = 1, .h = 7, .w = 9, .c = 19, .co = 3}},
    {"whole words", plain, {.b = 2, .h = 5, .w = 5, .c = 64, .co = 64}},
    {"several strips", plain, {.b = 1, .h = 40, .w = 17, .c = 32, .co = 40}},
    {"several chunks", plain, {.b = 1, .h = 1, .w = 13, .c = 5120, .co = 80}},
    {"few pixels, many columns", biased, {.b = 2, .h = 4, .w = 4, .c = 96, .co = 720}},
    {"odd columns", biased, {.b = 1, .h = 3, .w = 3, .c = 30, .co = 77}},
};
static const Case rounded[] = {
    {"layernorm, geglu", gated, {.b = 2, .h = 3, .w = 7, .c = 40, .co = 56}},
    {"layernorm, geglu, odd", gated, {.b = 1, .h = 5, .w = 3, .c = 27, .co = 19}},
    {"layernorm, geglu, staged", gated, {.b = 2, .h = 8, .w = 8, .c = 128, .co = 512}},
    {"swish, two operands", joined, {.b = 2, .h = 6, .w = 5, .c = 33, .co = 24}},
};
/* clang-format on */

/* clang-format off */
static const Case windows[] = {
    {"3x3", conv, {.b = 1, .h = 8, .w = 8, .c = 16, .co = 16}},
    {"3x3 odd", conv, {.b = 2, .h = 7, .w = 5, .c = 13, .co = 19}},
    {"3x3 of one pixel", conv, {.b = 3, .h = 1, .w = 1, .c = 5, .co = 70}},
    {"3x3 wide", conv, {.b = 1, .h = 9, .w = 131, .c = 6, .co = 4}},
    {"3x3 of both images, in chunks", conv, {.b = 2, .h = 4, .w = 4, .c = 1300, .co = 80}},
    {"3x3, strips left over", conv, {.b = 1, .h = 37, .w = 32, .c = 32, .co = 64}},
    {"stride 2", down, {.b = 2, .h = 12, .w = 10, .c = 24, .co = 36}},
    {"stride 2 odd", down, {.b = 1, .h = 7, .w = 9, .c = 17, .co = 5}},
    {"upsampled", upsampled, {.b = 2, .h = 5, .w = 6, .c = 18, .co = 20}},
};
static const Case bounded[] = {
    {"range", ranges, {.b = 2, .h = 9, .w = 7, .c = 21, .heads = PRE_NONE}},
    {"range, two operands", ranges, {.b = 3, .h = 20, .w = 31, .c = 16, .heads = PRE_NONE, .m = 1}},
    {"range, affine", ranges, {.b = 2, .h = 9, .w = 7, .c = 21, .heads = PRE_AFFINE, .m = 1}},
    {"range, affine and swish", ranges, {.b = 2, .h = 30, .w = 17, .c = 19, .heads = PRE_AFFINE_SWISH}},
    {"range, swish", ranges, {.b = 2, .h = 3, .w = 2, .c = 8, .heads = PRE_SWISH, .m = 1}},
    {"range, clamp", ranges, {.b = 1, .h = 9, .w = 7, .c = 3, .heads = PRE_SOFT_CLAMP}},
};
static const Case chains[] = {
    {"chain", chain, {.b = 2, .h = 6, .w = 5, .c = 24, .co = 32}},
    {"chain odd", chain, {.b = 3, .h = 5, .w = 7, .c = 13, .co = 19}},
    {"chain of large images", chain, {.b = 2, .h = 37, .w = 31, .c = 32, .co = 48}},
    {"chain of one pixel", chain, {.b = 2, .h = 1, .w = 1, .c = 30, .co = 16}},
};
static const Case attentions[] = {
    {"attention", attention, {.b = 2, .w = 96, .c = 3 * 64, .heads = 2}},
    {"attention in blocks of keys", attention, {.b = 1, .w = 1200, .c = 3 * 64, .heads = 1}},
    {"attention in blocks, masked", attention, {.b = 1, .w = 1003, .c = 3 * 32, .heads = 2}},
    {"attention, short words", attention, {.b = 2, .w = 67, .c = 3 * 30, .heads = 3}},
    {"attention of few keys", attention, {.b = 3, .w = 5, .c = 3 * 16, .heads = 2}},
    {"attention of one", attention, {.b = 2, .w = 1, .c = 3 * 16, .heads = 1}},
    {"attention, heads of 40", attention, {.b = 1, .w = 130, .c = 3 * 80, .heads = 2}},
    {"attention, a head of 160", attention, {.b = 1, .w = 130, .c = 3 * 160, .heads = 1}},
    {"attention, causal", causal_attention, {.b = 2, .w = 77, .c = 3 * 64, .heads = 2}},
};
/* clang-format on */

static void scores(const Target *t)
{
    for (size_t i = 0; i < sizeof attentions / sizeof attentions[0] && attention_int8_pays(t); i++)
        for (int bf16 = 0; bf16 < 2; bf16++)
            run_case(&attentions[i], t, FUSE_ALL, CONV_DIRECT, bf16);
}

static void images(const Target *t)
{
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++)
        run_case(&windows[i], t, FUSE_ALL, CONV_INT8, false);
    for (size_t i = 0; i < sizeof bounded / sizeof bounded[0]; i++)
        run_case(&bounded[i], t, FUSE_ALL, CONV_INT8, false);
    for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
        run_case(&chains[i], t, FUSE_ALL, CONV_INT8, false);
        run_case(&chains[i], t, FUSE_ALL, CONV_INT8, true);
    }
}

static void exact_sums(const Target *t)
{
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++)
        run_case(&exact[i], t, FUSE_ALL, CONV_DIRECT, false);
}

static void prologues_and_epilogues(const Target *t)
{
    for (size_t i = 0; i < sizeof rounded / sizeof rounded[0]; i++)
        run_case(&rounded[i], t, FUSE_ALL, CONV_DIRECT, false);
}

static void in_bf16_programs(const Target *t)
{
    for (size_t i = 0; i < sizeof rounded / sizeof rounded[0]; i++)
        run_case(&rounded[i], t, FUSE_ALL, CONV_DIRECT, true);
}

/* Rows that are zero give the bias, here 0. Rows that hold a number which is none, or infinite, are
 * NaN as a whole; all others are as if it was not there. */
static void odd_rows(const Target *t)
{
    enum { ROWS = 4, C = 24, CO = 20 };
    static const Case c = {"odd rows", plain, {.b = 1, .h = 1, .w = ROWS, .c = C, .co = CO}};
    WeightSource *w = weights_open("synthetic:7", "diffusion_model");
    Graph *g = make(&c);
    float *x = random_input(tensor(g, g->inputs[0]), 1), got[ROWS * CO];
    for (int i = 0; i < C; i++)
        x[C + i] = 0;
    x[2 * C + 7] = NAN;
    x[3 * C + C - 1] = -INFINITY;
    jit_run_graph(g, w, program_new(t, FUSE_ALL, CONV_DIRECT, false),
                  &(GraphRun){2, (const void *const[]){x}, (float *[]){got}, 1, NULL});
    for (int i = 0; i < CO; i++) {
        assert_true(isfinite(got[i]) && got[i] != 0);
        assert_true(got[CO + i] == 0);
        assert_true(isnan(got[2 * CO + i]) && isnan(got[3 * CO + i]));
    }
    free(x);
    graph_free(g);
    weights_close(w);
}

/* An image that holds a number which is none, or infinite, has no range, and all of its results are
 * NaN; the others are as if it was not there. One that is zero has the range 0, and results 0. */
static void odd_images(const Target *t)
{
    enum { H = 5, W = 4, C = 9, CO = 7 };
    static const Case c = {"odd images", conv, {.b = 4, .h = H, .w = W, .c = C, .co = CO}};
    WeightSource *w = weights_open("synthetic:7", "diffusion_model");
    Graph *g = make(&c);
    float *x = random_input(tensor(g, g->inputs[0]), 1), got[4 * H * W * CO];
    memset(x + 3 * H * W * C, 0, H * W * C * sizeof *x);
    x[7] = NAN;
    x[2 * H * W * C + 11] = INFINITY;
    jit_run_graph(g, w, program_new(t, FUSE_ALL, CONV_INT8, false),
                  &(GraphRun){2, (const void *const[]){x}, (float *[]){got}, 1, NULL});
    for (int i = 0; i < H * W * CO; i++) {
        assert_true(isnan(got[i]) && isnan(got[2 * H * W * CO + i]));
        assert_true(isfinite(got[H * W * CO + i]) && got[3 * H * W * CO + i] == 0);
    }
    free(x);
    graph_free(g);
    weights_close(w);
}

/* A query of zeros sees all keys alike. One that holds a number which is none is NaN in its head
 * alone; a key like that is seen by every query of its head. */
static void odd_tokens(const Target *t)
{
    enum { N = 48, SIZE = 16, HEADS = 2, C = HEADS * SIZE };
    static const Case c = {"odd tokens", attention, {.b = 1, .w = N, .c = 3 * C, .heads = HEADS}};
    WeightSource *w = weights_open("synthetic:7", "diffusion_model");
    for (int key = 0; key < 2 && attention_int8_pays(t); key++) {
        Graph *g = make(&c);
        float *x = random_input(tensor(g, g->inputs[0]), 1), got[N * C];
        for (int i = 0; i < SIZE; i++)
            x[i] = 0;
        x[3 * 3 * C + key * C + 7] = NAN;
        jit_run_graph(g, w, program_new(t, FUSE_ALL, CONV_DIRECT, false),
                      &(GraphRun){2, (const void *const[]){x}, (float *[]){got}, 1, NULL});
        for (int i = 0; i < N * C; i++)
            assert_int_equal(isnan(got[i]) != 0, i % C < SIZE && (key || i / C == 3));
        for (int i = 0; i < SIZE && !key; i++) {
            float mean = 0;
            for (int j = 0; j < N; j++)
                mean += x[(j * 3 + 2) * C + i] / N;
            assert_float_equal(got[i], mean, 1e-5);
        }
        free(x);
        graph_free(g);
    }
    weights_close(w);
}

/* The results of a graph of one input. */
static float *results(const Case *c, const Target *t, const float *x)
{
    WeightSource *w = weights_open("synthetic:7", "diffusion_model");
    Graph *g = make(c);
    float *got = malloc((size_t)shape_count(&tensor(g, g->outputs[0])->shape) * sizeof *got);
    jit_run_graph(g, w, program_new(t, FUSE_ALL, CONV_INT8, false),
                  &(GraphRun){2, (const void *const[]){x}, (float *[]){got}, 1, NULL});
    graph_free(g);
    weights_close(w);
    return got;
}

/* Columns whose weights are zero give 0, and no NaN: their scale is 0. */
static void dead_channels(const Target *t)
{
    enum { B = 2, H = 3, W = 2, C = 10, CO = 6, PIXELS = B * H * W };
    static const Case cases[] = {
        {"dead columns", dead_columns, {.b = B, .h = H, .w = W, .c = C, .co = CO}},
        {"dead columns of windows", dead_windows, {.b = B, .h = H, .w = W, .c = C, .co = CO}}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        Graph *g = make(&cases[k]);
        float *x = random_input(tensor(g, g->inputs[0]), 1), *got = results(&cases[k], t, x);
        for (int i = 0; i < PIXELS * CO; i++) {
            const float *pixel = got + i / CO * 3 * CO;
            assert_true(pixel[CO + i % CO] == 0);
            assert_true(pixel[i % CO] != 0 && pixel[i % CO] == -pixel[2 * CO + i % CO]);
        }
        free(x);
        free(got);
        graph_free(g);
    }
}

/* The first of two images has numbers 64 times as large, so its results are exactly that; those of
 * the second are the same bits. Where images are small, a strip has pixels of both. */
static void ranges_apart(const Target *t)
{
    static const Case cases[] = {
        {"both in a strip", conv, {.b = 2, .h = 3, .w = 3, .c = 20, .co = 24}},
        {"a strip and more", conv, {.b = 2, .h = 23, .w = 19, .c = 12, .co = 20}},
        {"stride 2", down, {.b = 2, .h = 8, .w = 6, .c = 12, .co = 20}},
        {"upsampled", upsampled, {.b = 2, .h = 5, .w = 6, .c = 18, .co = 20}}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        Graph *g = make(&cases[k]);
        const Tensor *in = tensor(g, g->inputs[0]), *out = tensor(g, g->outputs[0]);
        int64_t half_in = shape_count(&in->shape) / 2, half_out = shape_count(&out->shape) / 2;
        float *x = random_input(in, 1), *alike = results(&cases[k], t, x);
        for (int64_t i = 0; i < half_in; i++)
            x[i] *= 64;
        float *apart = results(&cases[k], t, x);
        for (int64_t i = 0; i < half_out; i++)
            assert_true(apart[i] == 64 * alike[i] && apart[half_out + i] == alike[half_out + i]);
        free(x);
        free(alike);
        free(apart);
        graph_free(g);
    }
}

int main(void)
{
    static const OnTarget what[] = {{"exact", exact_sums},
                                    {"rounded", prologues_and_epilogues},
                                    {"bf16", in_bf16_programs},
                                    {"odd rows", odd_rows},
                                    {"images", images},
                                    {"odd images", odd_images},
                                    {"dead channels", dead_channels},
                                    {"ranges apart", ranges_apart},
                                    {"scores", scores},
                                    {"odd tokens", odd_tokens}};
    return run_on_targets("compiled, int8", what, sizeof what / sizeof what[0], PRODUCTS_INT8);
}
