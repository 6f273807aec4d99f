/* Quantised products against the reference interpreter, on every target of this machine: shapes
 * with edges, and operands that are all zero or no numbers. Bounds in compiled.c. */
#include "compiled.h"
#include "construct.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
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

int main(void)
{
    static const OnTarget what[] = {{"exact", exact_sums},
                                    {"rounded", prologues_and_epilogues},
                                    {"bf16", in_bf16_programs},
                                    {"odd rows", odd_rows}};
    return run_on_targets("compiled, int8", what, 4, PRODUCTS_INT8);
}
