/* Quantised products in the interpreter against the formulas of graph/quant.h, computed here in
 * another way: unsigned operands, padding that holds the zero point, and sums of columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp.h"
#include "numbers.h"
#include "parse_text.h"
#include "weights.h"
#include "verify.h"

static void run(const char *text, const float *x, const float *range, float *out)
{
    Graph *g = graph_parse_text(text, "test");
    graph_verify(g, "parse");
    WeightSource *w = weights_open("synthetic:3", g->name);
    interpret(g, w, (const void *const[]){x, range}, (float *const[]){out}, true);
    weights_close(w);
    graph_free(g);
}

static void kernel_of(const char *name, Shape s, float *out)
{
    synthetic_weight(3, "t", name, &s, out);
}

static void fill(float *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = (float)(sin(0.7 * i + 1.3) + 0.4);
}

/* The scale of n numbers, `stride` apart, and the numbers as whole ones. */
static float whole(const float *w, int n, int stride, int most, int *q)
{
    float greatest = 0;
    for (int i = 0; i < n; i++)
        greatest = fmaxf(greatest, fabsf(w[i * stride]));
    float scale = greatest / (float)most;
    if (most == 7)
        scale = f32_of_bf16(bf16_of(scale));
    for (int i = 0; i < n; i++)
        q[i] = (int)lrintf(w[i * stride] / scale);
    return scale;
}

/* sum of q_x q_w, less the zero point times the column's sum. q_x is unsigned. */
static double product(const int *x, const int *w, int n, int zero)
{
    int64_t sum = 0, column = 0;
    for (int i = 0; i < n; i++) {
        sum += x[i] * w[i];
        column += w[i];
    }
    return (double)(sum - zero * column);
}

static int unsigned_number(float x, float inverse, int zero)
{
    long q = lrintf(x * inverse) + zero;
    return (int)(q > 255 ? 255 : q);
}

static void rows(void **state)
{
    (void)state;
    enum { ROWS = 3, C = 6, COLUMNS = 5 };
    static const char text[] =
        "graph t\n"
        "input %1 x f32[1,3,6] step\n"
        "%2 = dense x=%1 kernel=w\"a.kernel\"[6,5] {quant=rows} : f32[1,3,5] @\"a\"\n"
        "output output %2\n";
    float x[ROWS * C], w[C * COLUMNS], got[ROWS * COLUMNS];
    fill(x, ROWS * C);
    for (int i = 0; i < C; i++) /* all of one sign: 0 belongs to the range all the same */
        x[C + i] = 3 + (float)i;
    kernel_of("a.kernel", shape2(C, COLUMNS), w);
    run(text, x, NULL, got);
    for (int r = 0; r < ROWS; r++) {
        float low = 0, high = 0;
        int q[C];
        for (int i = 0; i < C; i++) {
            low = fminf(low, x[r * C + i]);
            high = fmaxf(high, x[r * C + i]);
        }
        float scale = (high - low) / 255, inverse = 1 / scale;
        int zero = (int)lrintf(-low * inverse);
        for (int i = 0; i < C; i++)
            q[i] = unsigned_number(x[r * C + i], inverse, zero);
        for (int o = 0; o < COLUMNS; o++) {
            int k[C];
            double s = (double)whole(w + o, C, COLUMNS, 127, k) * (double)scale;
            assert_true(fabs(got[r * COLUMNS + o] - product(q, k, C, zero) * s) < 1e-6);
        }
    }
}

static void rows_of_zeros_and_nan(void **state)
{
    (void)state;
    static const char text[] =
        "graph t\n"
        "input %1 x f32[1,4,2] step\n"
        "%2 = dense x=%1 kernel=w\"a.kernel\"[2,3] {quant=rows} : f32[1,4,3] @\"a\"\n"
        "output output %2\n";
    const float x[] = {0, 0, 1, NAN, INFINITY, 1, 1, 2};
    float got[12];
    run(text, x, NULL, got);
    for (int o = 0; o < 3; o++) {
        assert_true(got[o] == 0 && isnan(got[3 + o]) && isnan(got[6 + o]) && isfinite(got[9 + o]));
    }
}

/* A column of zeros has the scale 0, and its results are 0. */
static void dead_columns(void **state)
{
    (void)state;
    static const char *const quants_tried[] = {"rows", "w8", "w4"};
    for (int k = 0; k < 3; k++) {
        char text[512];
        snprintf(text, sizeof text,
                 "graph t\n"
                 "input %%1 x f32[1,2,2] step\n"
                 "%%2 = dense x=%%1 kernel=w(\"a.kernel\"[1]+\"a.kernel\"[1]*0)[2,2] {quant=%s} : "
                 "f32[1,2,2] @\"a\"\n"
                 "output output %%2\n",
                 quants_tried[k]);
        float got[4];
        run(text, (const float[]){1, 2, -3, 4}, NULL, got);
        assert_true(got[0] != 0 && got[1] == 0 && got[2] != 0 && got[3] == 0);
    }
}

/* The border of a picture is padded with the zero point, which here is not 0. */
static void images(void **state)
{
    (void)state;
    enum { B = 2, N = 4, C = 2, COLUMNS = 3, TAPS = 9, WINDOW = TAPS * C };
    static const char text[] =
        "graph t\n"
        "input %1 x f32[2,4,4,2] step\n"
        "input %2 r f32[2,2] step\n"
        "%3 = conv2d x=%1 kernel=w\"a.kernel\"[3,3,2,3] range=%2 {pad=[1,1,1,1], quant=image} : "
        "f32[2,4,4,3] @\"a\"\n"
        "output output %3\n";
    const float range[] = {-1, 2, -0.25f, 1.5f};
    float x[B * N * N * C], w[WINDOW * COLUMNS], got[B * N * N * COLUMNS];
    fill(x, B * N * N * C);
    kernel_of("a.kernel", shape4(3, 3, C, COLUMNS), w);
    run(text, x, range, got);
    for (int p = 0; p < B * N * N; p++) {
        int b = p / (N * N), py = p / N % N, px = p % N, q[WINDOW];
        float scale = (range[2 * b + 1] - range[2 * b]) / 255, inverse = 1 / scale;
        int zero = (int)lrintf(-range[2 * b] * inverse);
        for (int i = 0; i < WINDOW; i++) {
            int y = py + i / C / 3 - 1, z = px + i / C % 3 - 1;
            bool in = y >= 0 && y < N && z >= 0 && z < N;
            float v = in ? x[((b * N + y) * N + z) * C + i % C] : 0;
            q[i] = in ? unsigned_number(v, inverse, zero) : zero;
            q[i] = q[i] < 0 ? 0 : q[i];
        }
        for (int o = 0; o < COLUMNS; o++) {
            int k[WINDOW];
            double s = (double)whole(w + o, WINDOW, COLUMNS, 127, k) * (double)scale;
            assert_true(fabs(got[p * COLUMNS + o] - product(q, k, WINDOW, zero) * s) < 1e-6);
        }
    }
}

/* 64 input channels share a scale; the last group has 6. */
static void weights_of_4_bits(void **state)
{
    (void)state;
    enum { C = 70, COLUMNS = 3, GROUP = 64 };
    static const char text[] =
        "graph t\n"
        "input %1 x f32[1,1,70] step\n"
        "%2 = dense x=%1 kernel=w\"a.kernel\"[70,3] {quant=w4} : f32[1,1,3] @\"a\"\n"
        "output output %2\n";
    float x[C], w[C * COLUMNS], got[COLUMNS];
    fill(x, C);
    kernel_of("a.kernel", shape2(C, COLUMNS), w);
    run(text, x, NULL, got);
    for (int o = 0; o < COLUMNS; o++) {
        double sum = 0;
        for (int first = 0; first < C; first += GROUP) {
            int q[GROUP], n = C - first < GROUP ? C - first : GROUP;
            double s = (double)whole(w + first * COLUMNS + o, n, COLUMNS, 7, q);
            for (int i = 0; i < n; i++)
                sum += (double)x[first + i] * q[i] * s;
        }
        assert_true(fabs(got[o] - sum) < 1e-5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(rows_of_zeros_and_nan),
        cmocka_unit_test(dead_columns),
        cmocka_unit_test(images),
        cmocka_unit_test(weights_of_4_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
