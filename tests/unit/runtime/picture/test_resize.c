/* Scaling and cropping against the filter's own definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "made_pixels.h"
#include "resize.h"

static double lanczos(double x)
{
    const double pi = acos(-1);
    return x == 0 ? 1 : fabs(x) >= 3 ? 0 : 3 * sin(pi * x) * sin(pi * x / 3) / (pi * pi * x * x);
}

/* Value x, y of the result by the definition: one sum over the whole picture. */
static double direct(const uint8_t *in, int w, int h, int out_w, int out_h, int x, int y)
{
    double sx = (double)w / out_w, sy = (double)h / out_h, scale = sx < sy ? sx : sy,
           widen = scale > 1 ? scale : 1;
    double cx = (w - scale * out_w) / 2 + (x + 0.5) * scale,
           cy = (h - scale * out_h) / 2 + (y + 0.5) * scale, sum = 0, all = 0;
    for (int j = 0; j < h; j++)
        for (int i = 0; i < w; i++) {
            double weight = lanczos((i + 0.5 - cx) / widen) * lanczos((j + 0.5 - cy) / widen);
            sum += weight * in[j * w + i];
            all += weight;
        }
    sum /= all;
    return sum < 0 ? 0 : sum > 255 ? 255 : sum;
}

static void test_resize(void **state)
{
    static const int sizes[][4] = {
        {24, 16, 24, 16}, {24, 16, 12, 8},  {24, 16, 9, 9},  {24, 16, 5, 16}, {24, 16, 64, 64},
        {1, 1, 7, 3},     {200, 1, 16, 16}, {3, 90, 16, 64}, {90, 70, 8, 8},  {7, 5, 8, 8}};
    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        int w = sizes[k][0], h = sizes[k][1], out_w = sizes[k][2], out_h = sizes[k][3];
        uint8_t *in = malloc((size_t)(w * h)), *out = malloc((size_t)(out_w * out_h));
        for (int i = 0; i < w * h; i++)
            in[i] = noise(i);
        lrt_resize *r = lrt_resize_new(w, h, out_w, out_h, 1);
        for (int y = 0; y < h; y++)
            assert_true(lrt_resize_row(r, in + y * w, out));
        lrt_resize_free(r);
        for (int y = 0; y < out_h; y++)
            for (int x = 0; x < out_w;
                 x++) /* rounded, from weights in float: half a step and a little */
                assert_float_equal(out[y * out_w + x], direct(in, w, h, out_w, out_h, x, y), 0.501);
        if (w == out_w && h == out_h)
            assert_memory_equal(in, out, w * h);
        free(in);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_resize)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
