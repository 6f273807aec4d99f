/* The vector functions of compiler/emit/emit_math.c against libm in double, on every target that
 * runs here, for pairs of registers, single registers and single values (a row has 2*lanes + lanes
 * + 3 channels' worth of each).
 *
 * Bound: |error| <= relative * |true value| + absolute * |x|. Derivation for the sigmoids: 2^t has
 * the rounding of t, |t| * 2^-24 * ln 2 <= 2e-6 for t <= 50, which counts in full only where the
 * value itself has become 2^-t of x; where the value is of x's size up to seven roundings are left
 * (2^t: 1, or 2 without FMA; 1 + 2^t; the shared division: 3; times x), 4.2e-7. So: 4.2e-7 relative
 * plus 3e-8 of |x|, which covers t e^-t * 6e-8 at its largest. */
#include "interp.h"
#include "construct.h"
#include "attr.h"
#include "jit.h"
#include "safetensors.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>

enum {
    WIDTH = 67,
    ROWS = 4096
}; /* 67 = 2*16 + 2*16 + 3 = 8*8 + 3: pairs, and a tail on every target; 51 tested too */

typedef double Reference(double x);
static double swish(double x) { return x / (1 + exp(-x)); }
static double relu(double x) { return x < 0 ? 0 : x; }
static double soft_clamp(double x) { return 3 * tanh(x / 3); }
static double gelu_tanh(double x)
{
    return 0.5 * x * (1 + tanh(0.7978845608 * (x + 0.044715 * x * x * x)));
}
static double gelu_quick(double x) { return x / (1 + exp(-1.702 * x)); }
static double gelu_erf(double x) { return 0.5 * x * erfc(-x * sqrt(0.5)); }

typedef struct {
    OpKind op;
    GeluKind gelu;
    Reference *want;
} Function;
static const Function functions[] = {{OP_SWISH, 0, swish},
                                     {OP_RELU, 0, relu},
                                     {OP_TANH, 0, tanh},
                                     {OP_SOFT_CLAMP, 0, soft_clamp},
                                     {OP_GELU, GELU_TANH, gelu_tanh},
                                     {OP_GELU, GELU_ERF, gelu_erf},
                                     {OP_GELU, GELU_QUICK, gelu_quick}};

/* Both signs, from 1e-30 to 1e4 evenly in the logarithm, and the special values. */
static float argument(int64_t i, int64_t n)
{
    static const float special[] = {0,   -0.0f,  1e38f,  -1e38f, INFINITY, -88, 88,
                                    -43, -42.9f, -1e20f, 1e20f,  -7.5f,    7.5f};
    int64_t n_special = (int64_t)(sizeof special / sizeof special[0]);
    if (i < n_special)
        return special[i];
    double magnitude = i % 4 == 0 ? pow(10, -30 + 34.0 * (double)i / (double)n)
                                  : 50.0 * (double)i / (double)n;
    return (float)(i & 1 ? -magnitude : magnitude);
}

static void check(const Function *f, const Target *t, int64_t width)
{
    Graph *g = graph_new("diffusion_model");
    Op o = op_make(f->op, "f");
    o.in[0] = graph_add_input(g, "x", DT_F32, shape3(1, ROWS, width), BIND_STEP);
    if (f->op == OP_GELU)
        o.attr.gelu.kind = f->gelu;
    graph_add_output(g, "output", graph_add_op(g, o));
    WeightSource *w = weights_open("synthetic:1", "diffusion_model");
    int64_t n = ROWS * width;
    float *x = malloc((size_t)n * 4), *y = malloc((size_t)n * 4);
    for (int64_t i = 0; i < n; i++)
        x[i] = argument(i * 7919 % n, n);
    x[11] = NAN;
    const void *in[] = {x};
    jit_run_graph(g, w, program_new(t, FUSE_NONE, CONV_DIRECT, false),
                  &(GraphRun){.threads = 1, .inputs = in, .outputs = &y});
    double worst = 0, worst_x = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i == 11) {
            assert_true(isnan(y[i]));
            continue;
        }
        double want = f->want(x[i]);
        if (isinf(want)) {
            assert_true(y[i] == want);
            continue;
        }
        double error = fabs(y[i] - want) /
                       (4.2e-7 * fabs(want) + 3e-8 * fabs((double)x[i]) + 1e-37);
        if (!(error <= worst))
            worst = error, worst_x = x[i];
    }
    if (!(worst <= 1))
        fail_msg("%s, op %d: error %.2f of the bound at x = %g", t->name, (int)f->op, worst,
                 worst_x);
    weights_close(w);
    graph_free(g);
    free(x);
    free(y);
}

static void test_functions(void **state)
{
    (void)state;
    int n;
    const Target *table = target_table(&n);
    for (int i = 0; i < n; i++) {
        if (!target_runs_here(&table[i]) || target_int8_alone(&table[i]))
            continue;
        for (size_t f = 0; f < sizeof functions / sizeof functions[0]; f++) {
            check(&functions[f], &table[i], WIDTH);
            check(&functions[f], &table[i], 51); /* 3*16 + 3: a pair, one register, a tail */
        }
    }
}

/* The short forms that bf16 operands get, where only they are used: a swish in the load of a
 * product, whose result is then rounded to bf16 (2^-8 relative), and the gelu of a GEGLU, here with
 * values of 1, so that nothing is rounded after it. The kernel is the unit matrix. */
enum { SHORT = 64 };

static Graph *short_graph(bool geglu)
{
    Graph *g = graph_new("diffusion_model");
    Op o = op_make(OP_DENSE, "d");
    o.in[SLOT_X] = graph_add_input(g, "x", DT_F32, shape3(1, ROWS, SHORT), BIND_STEP);
    o.in[SLOT_KERNEL] = graph_add_weight(g, "k", shape2(SHORT, SHORT));
    if (geglu)
        o.attr.contract.act = ACT_GEGLU_TANH;
    else
        o.attr.contract.pre = PRE_SWISH;
    graph_add_output(g, "output", graph_add_op(g, o));
    return g;
}

static void check_short(bool geglu, const Target *t, const char *weights)
{
    static float x[ROWS * SHORT], y[ROWS * SHORT];
    Graph *g = short_graph(geglu);
    WeightSource *w = weights_open(weights, "diffusion_model");
    int64_t n = ROWS * SHORT, width = geglu ? SHORT / 2 : SHORT;
    for (int64_t i = 0; i < n; i++) { /* numbers that bf16 holds, within +-60 */
        float v = argument(13 + i * 7919 % n, 2 * n);
        uint32_t bits;
        if (fabsf(v) > 60)
            v = 0.25f;
        memcpy(&bits, &v, 4);
        if (geglu)
            bits &= 0xffff0000u;
        memcpy(&x[i], &bits, 4);
        if (geglu && i % SHORT < SHORT / 2)
            x[i] = 1;
    }
    const void *in[] = {x};
    float *out = y;
    jit_run_graph(g, w, program_new(t, FUSE_NONE, CONV_DIRECT, true),
                  &(GraphRun){.threads = 1, .inputs = in, .outputs = &out});
    for (int64_t i = 0; i < ROWS * width; i++) {
        float at = geglu ? x[i / width * SHORT + SHORT / 2 + i % width] : x[i];
        double want = geglu ? gelu_tanh(at) : swish(at),
               bound = (geglu ? 1.5e-4 : 1.5e-4 + 1. / 256) * fabs(want) + 3e-8 * fabs((double)at) +
                       1e-37;
        if (!(fabs(y[i] - want) <= bound))
            fail_msg("%s, %s of %g: %g, expected %g", t->name, geglu ? "gelu" : "swish", at, y[i],
                     want);
    }
    weights_close(w);
    graph_free(g);
}

static void test_short_functions(void **state)
{
    (void)state;
    static float unit[SHORT * SHORT];
    for (int i = 0; i < SHORT; i++)
        unit[i * SHORT + i] = 1;
    const char *path = "test_math.safetensors";
    st_write(path, &(StOut){"k", DT_F32, shape2(SHORT, SHORT), unit}, 1, NULL, 0);
    int n;
    const Target *table = target_table(&n);
    for (int i = 0; i < n; i++) {
        if (!target_runs_here(&table[i]) || target_int8_alone(&table[i]))
            continue;
        check_short(false, &table[i], path);
        check_short(true, &table[i], path);
    }
    remove(path);
}

/* Every function of activations.def is among the functions above: a row whose vector form computes
 * something else must fail. */
static Activation activation_computed(const Function *f)
{
    Op o = op_make(f->op, "f");
    if (f->op == OP_GELU)
        o.attr.gelu.kind = f->gelu;
    return op_activation(&o);
}

static void test_none_is_missing(void **state)
{
    (void)state;
    static const struct {
        Activation activation;
        const char *function;
    } rows[] = {
#define ACTIVATION(e, name, function, ...) {ACT_##e, #function},
#include "activations.def"
    };
    enum {
        N_ROWS = sizeof rows / sizeof rows[0],
        N_FUNCTIONS = sizeof functions / sizeof functions[0]
    };
    for (int i = 0; i < N_ROWS; i++) {
        bool tested = !strcmp(rows[i].function, "none");
        for (int f = 0; f < N_FUNCTIONS && !tested; f++)
            for (int k = 0; k < N_ROWS; k++)
                tested |= rows[k].activation == activation_computed(&functions[f]) &&
                          !strcmp(rows[k].function, rows[i].function);
        if (!tested)
            fail_msg("functions[] of test_math.c lacks %s", rows[i].function);
    }
}

/* Attention of 64 queries to 64 keys, of one head. */
enum { HEAD = 64 };

static Graph *attention_graph(void)
{
    Graph *g = graph_new("diffusion_model");
    TensorId in[3];
    static const char *const names[] = {"q", "k", "v"};
    for (int i = 0; i < 3; i++)
        in[i] = graph_add_input(g, names[i], DT_F32, shape3(1, HEAD, HEAD), BIND_STEP);
    Op o = op_make(OP_ATTN_QK, "qk");
    o.in[0] = in[0];
    o.in[1] = in[1];
    o.attr.attn.heads = 1;
    o.attr.attn.head_size = HEAD;
    o.attr.attn.scale = 0.125;
    Op s = op_make(OP_SOFTMAX, "softmax");
    s.in[0] = graph_add_op(g, o);
    Op a = op_make(OP_ATTN_AV, "av");
    a.in[0] = graph_add_op(g, s);
    a.in[1] = in[2];
    a.attr.attn.heads = 1;
    a.attr.attn.head_size = HEAD;
    graph_add_output(g, "output", graph_add_op(g, a));
    return g;
}

/* A NaN in query 7 makes its result NaN and no other; one in a key makes all of them NaN. */
static void check_attention(const Target *t, uint32_t fuse, bool bf16, bool in_key)
{
    enum { N = HEAD * HEAD, QUERY = 7 };
    static float x[3][N], y[N];
    for (int i = 0; i < 3 * N; i++)
        x[i / N][i % N] = (float)((i * 7919) % 1000) / 500 - 1;
    x[in_key][QUERY * HEAD + 3] = NAN;
    const void *in[] = {x[0], x[1], x[2]};
    float *out = y;
    Graph *g = attention_graph();
    WeightSource *w = weights_open("synthetic:1", "diffusion_model");
    jit_run_graph(g, w, program_new(t, fuse, CONV_DIRECT, bf16),
                  &(GraphRun){.threads = 1, .inputs = in, .outputs = &out});
    for (int i = 0; i < N; i++)
        if (isnan(y[i]) != (in_key || i / HEAD == QUERY))
            fail_msg("%s, bf16 %d, fuse %x: query %d: found %g", t->name, bf16, (unsigned)fuse,
                     i / HEAD, y[i]);
    weights_close(w);
    graph_free(g);
}

static void test_attention_nan(void **state)
{
    (void)state;
    int n;
    const Target *table = target_table(&n);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 8 && target_runs_here(&table[i]) && !target_int8_alone(&table[i]); k++)
            check_attention(&table[i], k & 1 ? FUSE_ALL : FUSE_NONE, k & 2, k & 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions), cmocka_unit_test(test_short_functions),
        cmocka_unit_test(test_attention_nan), cmocka_unit_test(test_none_is_missing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
