/* The reference interpreter: small cases worked out by hand, and every fused slot against the chain
 * of plain ops that it stands for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "interp.h"
#include "parse_text.h"
#include "verify.h"
#include "err.h"
#include "buf.h"

#define MAX_VALUES 4096

/* The graph text with a path for every operation, its line's number: the cases below leave them
 * out. */
static const char *with_paths(const char *text)
{
    static Buf b;
    b.len = 0;
    for (int line = 1; *text; line++) {
        size_t n = strcspn(text, "\n");
        bool op = *text == '%' && !memchr(text, '@', n);
        buf_add(&b, text, n);
        if (op)
            buf_printf(&b, " @\"op%d\"", line);
        buf_printf(&b, "\n");
        text += n + 1;
    }
    return b.data;
}

/* Runs the graph on inputs that are given, or (NULL) made from their index; returns the count of
 * its output. */
static int64_t run_text(const char *text, const float *const *given, float *out, bool in_double)
{
    Graph *g = graph_parse_text(with_paths(text), "test");
    graph_verify(g, "parse");
    WeightSource *w = weights_open("synthetic:3", g->name);
    const void *inputs[16];
    static float made[16][MAX_VALUES];
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        int64_t n = shape_count(&tensor(g, g->inputs[i])->shape);
        assert_true(n <= MAX_VALUES);
        for (int64_t k = 0; k < n; k++)
            made[i][k] = (float)sin(0.7 * (double)k + 1.3 * (i + 1));
        inputs[i] = given && given[i] ? given[i] : made[i];
    }
    interpret(g, w, inputs, (float *const[]){out}, in_double);
    int64_t n = shape_count(&tensor(g, g->outputs[0])->shape);
    weights_close(w);
    graph_free(g);
    return n;
}

static void expect_values(const char *text, const float *const *inputs, const float *expected,
                          int n)
{
    float out[MAX_VALUES];
    assert_int_equal(run_text(text, inputs, out, true), n);
    for (int i = 0; i < n; i++)
        if (fabsf(out[i] - expected[i]) > 1e-6f)
            fail_msg("value %d is %g, expected %g, of\n%s", i, out[i], expected[i], text);
}

#define EXPECT(text, inputs, ...)                             \
    expect_values(text, inputs, (const float[]){__VA_ARGS__}, \
                  (int)(sizeof((float[]){__VA_ARGS__}) / sizeof(float)))

static void elementwise(void **state)
{
    (void)state;
    const float x[] = {-1, 0, 1, 2}, y[] = {10, 20}, xy[] = {-1, 0, 1, 2};
    EXPECT("graph t\ninput %1 x f32[1,2,2] step\n%2 = swish %1 : f32[1,2,2]\noutput output %2\n",
           ((const float *[]){x}), -0.26894142f, 0, 0.73105858f, 1.76159416f);
    EXPECT(
        "graph t\ninput %1 x f32[1,2,2] step\n%2 = gelu %1 {kind=erf} : f32[1,2,2]\noutput output %2\n",
        ((const float *[]){x}), -0.15865525f, 0, 0.84134475f, 1.95449974f);
    EXPECT(
        "graph t\ninput %1 x f32[1,2,2] step\n%2 = gelu %1 {kind=tanh} : f32[1,2,2]\noutput output %2\n",
        ((const float *[]){x}), -0.15880801f, 0, 0.84119199f, 1.95459769f);
    EXPECT(
        "graph t\ninput %1 x f32[1,2,2] step\n%2 = geglu %1 {kind=erf} : f32[1,2,1]\noutput output %2\n",
        ((const float *[]){x}), 0, 1.95449974f);
    EXPECT(
        "graph t\ninput %1 x f32[1,2,2] step\n%2 = scale %1 {factor=-2.5} : f32[1,2,2]\noutput output %2\n",
        ((const float *[]){x}), 2.5f, 0, -2.5f, -5);
    EXPECT(
        "graph t\ninput %1 x f32[2,1,2] step\ninput %2 y f32[1,2] step\n%3 = add %1 %2 : f32[2,1,2]\n"
        "output output %3\n",
        ((const float *[]){xy, y}), 9, 20, 11, 22);
    EXPECT("graph t\ninput %1 x f32[1,2,2] step\n%2 = softmax %1 : f32[1,2,2]\noutput output %2\n",
           ((const float *[]){x}), 0.26894142f, 0.73105858f, 0.26894142f, 0.73105858f);
}

static void movement(void **state)
{
    (void)state;
    const float x[] = {1, 2, 3, 4}, y[] = {5, 6};
    EXPECT(
        "graph t\ninput %1 x f32[1,2,2] step\ninput %2 y f32[1,2,1] step\n%3 = concat %1 %2 : f32[1,2,3]\n"
        "output output %3\n",
        ((const float *[]){x, y}), 1, 2, 5, 3, 4, 6);
    const float z[] = {7, 8, 9, 10};
    EXPECT(
        "graph t\ninput %1 x f32[1,2,2] step\ninput %2 z f32[2,2,1] step\n%3 = concat %1 %2 : f32[2,2,3]\n"
        "output output %3\n",
        ((const float *[]){x, z}), 1, 2, 7, 3, 4, 8, 1, 2, 9, 3, 4, 10);
    EXPECT(
        "graph t\ninput %1 y f32[1,2] step\n%2 = broadcast %1 {batch=3} : f32[3,2]\noutput output %2\n",
        ((const float *[]){y}), 5, 6, 5, 6, 5, 6);
    EXPECT(
        "graph t\ninput %1 x f32[1,2,2] step\n%2 = slice %1 {begin=1, end=2} : f32[1,2,1]\noutput output %2\n",
        ((const float *[]){x}), 2, 4);
    EXPECT(
        "graph t\ninput %1 x f32[1,1,2,2] step\n%2 = upsample %1 : f32[1,2,4,2]\noutput output %2\n",
        ((const float *[]){x}), 1, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4);
}

static void norms(void **state)
{
    (void)state;
    const float x[] = {1, 3, 10, 20,
                       5, 7, 30, 40}; /* two pixels, channels 0,1 and 2,3 are groups */
    const float gamma[] = {1, 1, 1, 2}, beta[] = {0, 0, 0, 1};
    EXPECT("graph t\ninput %1 x f32[1,2,4] step\ninput %2 g f32[4] never\ninput %3 b f32[4] never\n"
           "%4 = group_norm %1 %2 %3 {groups=2, eps=0} : f32[1,2,4]\noutput output %4\n",
           ((const float *[]){x, gamma, beta}), -1.34164079f, -0.4472136f, -1.34164079f,
           0.10557281f, 0.4472136f, 1.34164079f, 0.4472136f, 3.68328157f);
    EXPECT("graph t\ninput %1 x f32[1,4,2] step\ninput %2 g f32[2] never\ninput %3 b f32[2] never\n"
           "%4 = layer_norm %1 %2 %3 {eps=1} : f32[1,4,2]\noutput output %4\n",
           ((const float *[]){x, gamma, beta}), -0.70710678f, 0.70710678f, -0.98058068f,
           0.98058068f, -0.70710678f, 0.70710678f, -0.98058068f, 0.98058068f);
}

static void products(void **state)
{
    (void)state;
    const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, k[] = {1, 10, 100, 1000}, bias[] = {0.5f};
    EXPECT(
        "graph t\ninput %1 x f32[1,3,3,1] step\ninput %2 k f32[2,2,1,1] never\ninput %3 b f32[1] never\n"
        "%4 = conv2d x=%1 kernel=%2 bias=%3 : f32[1,2,2,1]\noutput output %4\n",
        ((const float *[]){x, k, bias}), 5421.5f, 6532.5f, 8754.5f, 9865.5f);
    EXPECT(
        "graph t\ninput %1 x f32[1,3,3,1] step\ninput %2 k f32[2,2,1,1] never\n"
        "%3 = conv2d x=%1 kernel=%2 {stride=2, pad=[0,1,0,1]} : f32[1,2,2,1]\noutput output %3\n",
        ((const float *[]){x, k}), 5421, 603, 87, 9);
    const float m[] = {1, 2, 3, 4, 5, 6};
    EXPECT("graph t\ninput %1 x f32[1,2,2] step\ninput %2 k f32[2,3] never\n"
           "%3 = dense x=%1 kernel=%2 : f32[1,2,3]\noutput output %3\n",
           ((const float *[]){x, m}), 9, 12, 15, 19, 26, 33);
}

static void attention_cases(void **state)
{
    (void)state;
    const float q[] = {0, 0, 1, 0}, k[] = {0, 0, 0.69314718f, 5},
                v[] = {3, 1, 6, 4}; /* exp(ln 2) = 2 */
    EXPECT(
        "graph t\ninput %1 q f32[1,2,2] step\ninput %2 k f32[1,2,2] step\ninput %3 v f32[1,2,2] step\n"
        "%4 = attention %1 %2 %3 {heads=1, head_size=2, scale=1} : f32[1,2,2]\noutput output %4\n",
        ((const float *[]){q, k, v}), 4.5f, 2.5f, 5, 3);
    EXPECT(
        "graph t\ninput %1 q f32[1,2,2] step\ninput %2 k f32[1,2,2] step\ninput %3 v f32[1,2,2] step\n"
        "%4 = attention %1 %2 %3 {heads=1, head_size=2, scale=1, causal=1} : f32[1,2,2]\noutput output %4\n",
        ((const float *[]){q, k, v}), 3, 1, 5, 3);
}

/* Two graphs that must give the same values. */
typedef struct {
    const char *name, *fused, *plain;
} Same;
/* clang-format off */
static const Same same[] = {
    {"attention is qk, softmax, av",
     "input %1 q f32[2,5,12] step\ninput %2 k f32[1,7,6] step\ninput %3 v f32[2,7,9] step\n"
     "%4 = attention %1 %2 %3 {heads=2, head_size=3, scale=0.3, q_off=4, v_off=2} : f32[2,5,6]\noutput output %4\n",
     "input %1 q f32[2,5,12] step\ninput %2 k f32[1,7,6] step\ninput %3 v f32[2,7,9] step\n"
     "%4 = slice %1 {begin=4, end=10} : f32[2,5,6]\n%5 = slice %3 {begin=2, end=8} : f32[2,7,6]\n"
     "%6 = attn_qk %4 %2 {heads=2, head_size=3, scale=0.3} : f32[2,2,5,7]\n%7 = softmax %6 : f32[2,2,5,7]\n"
     "%8 = attn_av %7 %5 {heads=2, head_size=3} : f32[2,5,6]\noutput output %8\n"},
    {"causal attention is causal qk, softmax, av",
     "input %1 q f32[1,6,8] step\ninput %2 k f32[1,6,8] step\ninput %3 v f32[1,6,8] step\n"
     "%4 = attention %1 %2 %3 {heads=4, head_size=2, scale=0.7, causal=1} : f32[1,6,8]\noutput output %4\n",
     "input %1 q f32[1,6,8] step\ninput %2 k f32[1,6,8] step\ninput %3 v f32[1,6,8] step\n"
     "%4 = attn_qk %1 %2 {heads=4, head_size=2, scale=0.7, causal=1} : f32[1,4,6,6]\n"
     "%5 = softmax %4 : f32[1,4,6,6]\n%6 = attn_av %5 %3 {heads=4, head_size=2} : f32[1,6,8]\noutput output %6\n"},
    {"conv2d with every slot",
     "input %1 x f32[2,3,4,6] step\ninput %2 y f32[2,3,4,2] step\ninput %3 t f32[2,9] step\ninput %4 r f32[2,6,8,5] step\n"
     "%5 = group_scale %1 w\"n.gamma\"[8] w\"n.beta\"[8] %2 {groups=2, eps=1e-05} : f32[2,2,8]\n"
     "%6 = conv2d x=%1 kernel=w\"c.kernel\"[3,3,8,5] bias=w\"c.bias\"[5] x2=%2 norm=%5 vec=%3 res=%4 "
     "{pad=[1,1,1,1], upsample=2, pre=affine_swish, act=gelu_tanh, vec_off=3} : f32[2,6,8,5]\noutput output %6\n",
     "input %1 x f32[2,3,4,6] step\ninput %2 y f32[2,3,4,2] step\ninput %3 t f32[2,9] step\ninput %4 r f32[2,6,8,5] step\n"
     "%5 = concat %1 %2 : f32[2,3,4,8]\n"
     "%6 = group_norm %5 w\"n.gamma\"[8] w\"n.beta\"[8] {groups=2, eps=1e-05} : f32[2,3,4,8]\n"
     "%7 = swish %6 : f32[2,3,4,8]\n%8 = upsample %7 : f32[2,6,8,8]\n"
     "%9 = conv2d x=%8 kernel=w\"c.kernel\"[3,3,8,5] bias=w\"c.bias\"[5] {pad=[1,1,1,1]} : f32[2,6,8,5]\n"
     "%10 = slice %3 {begin=3, end=8} : f32[2,5]\n%11 = add %9 %10 : f32[2,6,8,5]\n"
     "%12 = gelu %11 {kind=tanh} : f32[2,6,8,5]\n%13 = add %12 %4 : f32[2,6,8,5]\noutput output %13\n"},
    {"dense after layer_norm with GEGLU and a residual",
     "input %1 x f32[2,5,6] step\ninput %2 r f32[2,5,4] step\n"
     "%3 = dense x=%1 kernel=w\"d.kernel\"[6,8] bias=w\"d.bias\"[8] ln_gamma=w\"n.gamma\"[6] ln_beta=w\"n.beta\"[6] "
     "res=%2 {pre=layer_norm, act=geglu_erf, eps=0.001} : f32[2,5,4]\noutput output %3\n",
     "input %1 x f32[2,5,6] step\ninput %2 r f32[2,5,4] step\n"
     "%3 = layer_norm %1 w\"n.gamma\"[6] w\"n.beta\"[6] {eps=0.001} : f32[2,5,6]\n"
     "%4 = dense x=%3 kernel=w\"d.kernel\"[6,8] bias=w\"d.bias\"[8] : f32[2,5,8]\n"
     "%5 = geglu %4 {kind=erf} : f32[2,5,4]\n%6 = add %5 %2 : f32[2,5,4]\noutput output %6\n"},
    {"dense with affine and swish, over more rows than a block",
     "input %1 x f32[2,19,6] step\n"
     "%2 = group_scale %1 w\"n.gamma\"[6] w\"n.beta\"[6] {groups=3, eps=1e-06} : f32[2,2,6]\n"
     "%3 = dense x=%1 kernel=w\"d.kernel\"[6,7] norm=%2 {pre=affine, act=swish} : f32[2,19,7]\noutput output %3\n",
     "input %1 x f32[2,19,6] step\n"
     "%2 = group_norm %1 w\"n.gamma\"[6] w\"n.beta\"[6] {groups=3, eps=1e-06} : f32[2,19,6]\n"
     "%3 = dense x=%2 kernel=w\"d.kernel\"[6,7] : f32[2,19,7]\n%4 = swish %3 : f32[2,19,7]\noutput output %4\n"},
    {"swish at the load; a 1x1 conv2d is a dense",
     "input %1 x f32[2,3,3,6] step\n%2 = conv2d x=%1 kernel=w\"d.kernel\"[1,1,6,7] {pre=swish} : f32[2,3,3,7]\n"
     "output output %2\n",
     "input %1 x f32[2,3,3,6] step\n%2 = swish %1 : f32[2,3,3,6]\n"
     "%3 = dense x=%2 kernel=w\"d.kernel\"[6,7] : f32[2,3,3,7]\noutput output %3\n"},
    {"a weight of parts is the concatenation of its parts",
     "input %1 x f32[1,3,6] step\n"
     "%2 = dense x=%1 kernel=w(\"q.kernel\"[4]*0.125+\"k.kernel\"[3])[6,7] : f32[1,3,7]\noutput output %2\n",
     "input %1 x f32[1,3,6] step\n%2 = dense x=%1 kernel=w\"q.kernel\"[6,4] : f32[1,3,4]\n"
     "%3 = scale %2 {factor=0.125} : f32[1,3,4]\n%4 = dense x=%1 kernel=w\"k.kernel\"[6,3] : f32[1,3,3]\n"
     "%5 = concat %3 %4 : f32[1,3,7]\noutput output %5\n"},
};
/* clang-format on */

static void fused_slots(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        for (int in_double = 0; in_double < 2; in_double++) {
            char text[4096];
            float fused[MAX_VALUES], plain[MAX_VALUES];
            snprintf(text, sizeof text, "graph t\n%s", same[i].fused);
            int64_t n = run_text(text, NULL, fused, in_double);
            snprintf(text, sizeof text, "graph t\n%s", same[i].plain);
            assert_int_equal(run_text(text, NULL, plain, in_double), n);
            for (int64_t k = 0; k < n; k++)
                if (!(fabsf(fused[k] - plain[k]) <= 4e-6f))
                    fail_msg("%s: value %d is %g, plain %g", same[i].name, (int)k, fused[k],
                             plain[k]);
        }
}

static void embedding_range(void **state)
{
    (void)state;
    const char *text =
        "graph t\ninput %1 ids i32[1,2] prompt\n"
        "%2 = embedding %1 w\"e.embeddings\"[5,3] : f32[1,2,3] @\"e\"\noutput output %2\n";
    const int32_t good[] = {4, 0}, bad[] = {1, 5};
    float out[6], table[15];
    run_text(text, (const float *[]){(const void *)good}, out, true);
    synthetic_weight(3, "t", "e.embeddings", &(Shape){2, {5, 3}}, table);
    assert_memory_equal(out, table + 12, 12);
    assert_memory_equal(out + 3, table, 12);
    jmp_buf here;
    if (setjmp(here) == 0) {
        err_catch(&here);
        run_text(text, (const float *[]){(const void *)bad}, out, true);
        err_catch(NULL);
        fail_msg("an id outside of the table was accepted");
    }
    err_catch(NULL);
    assert_non_null(strstr(err_text(), "id 5 at position 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elementwise),     cmocka_unit_test(movement),
        cmocka_unit_test(norms),           cmocka_unit_test(products),
        cmocka_unit_test(attention_cases), cmocka_unit_test(fused_slots),
        cmocka_unit_test(embedding_range),
    };
    return cmocka_run_group_tests_name("interp", tests, NULL, NULL);
}
