/* Guidance that keeps the standard deviation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "guidance.h"
#include "plans.h"

/* phi = 1: the standard deviation of the prediction with the prompt; phi = 0.5: the mean of both.
 */
static void test_guidance_rescale(void **state)
{
    float with[N], guided[N], half[N];
    double of_with = 0, of_guided = 0;
    (void)state;
    for (int i = 0; i < N; i++) {
        with[i] = (float)sin(i);
        guided[i] = half[i] = (float)(3 * sin(i) + 0.1);
    }
    lrt_guide_rescale(N, 1, with, guided);
    lrt_guide_rescale(N, 0.5, with, half);
    for (int i = 0; i < N; i++) {
        of_with += sin(i) / N;
        of_guided += guided[i] / N;
    }
    double a = 0, b = 0;
    for (int i = 0; i < N; i++) {
        a += pow(with[i] - of_with, 2);
        b += pow(guided[i] - of_guided, 2);
        assert_true(fabs(half[i] - (3 * sin(i) + 0.1 + guided[i]) / 2) < 1e-5);
    }
    assert_true(fabs(sqrt(b / a) - 1) < 1e-6);
}

/* The steps with guidance, as counted by hand: shares are rounded to the nearest whole step. */
static void test_guided_steps(void **state)
{
    static const struct {
        double start, stop;
        int n;
        const char *guided; /* 1 for each step that is */
    } cases[] = {{0, 1, 4, "1111"},           {0, 0, 4, "0000"},     {1, 1, 4, "0000"},
                 {0, 0.5, 4, "1100"},         {0.5, 1, 4, "0011"},   {0.25, 0.75, 4, "0110"},
                 {0, 0.4, 5, "11000"},        {0, 0.29, 5, "10000"}, {0, 0.3, 5, "11000"},
                 {0.7, 1, 5, "00001"},        {0, 0.4, 1, "0"},      {0, 0.5, 1, "1"},
                 {0.1, 0.9, 1, "1"},          {0.49, 1, 1, "1"},     {0.5, 1, 1, "0"},
                 {0.3, 0.9, 10, "0001111110"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lrt_guidance g = {.scale = 5, .start = cases[i].start, .stop = cases[i].stop};
        bool any = false;
        for (int k = 0; k < cases[i].n; k++) {
            bool guided = cases[i].guided[k] == '1';
            any |= guided;
            if (lrt_guides_step(&g, k, cases[i].n) != guided)
                fail_msg("%g to %g: step %d of %d", g.start, g.stop, k, cases[i].n);
        }
        assert_true(lrt_guides_any(&g, cases[i].n) == any);
        g.scale = 1;
        assert_false(lrt_guides_any(&g, cases[i].n));
    }
}

/* The embeddings that diffusers makes (data/guidance-embedding.txt). PyTorch's exp may round a
 * factor the other way: then its angle differs by a unit in its last place, which is all that is
 * allowed; else the numbers differ by the rounding of sine and cosine. */
static void test_guidance_embedding(void **state)
{
    enum { MOST = 256 };
    FILE *f = fopen(TEST_DATA_DIR "/guidance-embedding.txt", "r");
    double scale;
    int width, lines = 0;
    (void)state;
    assert_non_null(f);
    assert_int_equal(fscanf(f, "#%*[^\n]"), 0);
    for (; fscanf(f, "%lf %d", &scale, &width) == 2; lines++) {
        float out[MOST];
        int other = 0;
        assert_in_range(width, 1, MOST);
        lrt_guidance_embedding(scale, out, width);
        for (int i = 0, half = width / 2; i < width; i++) {
            double want, w = fabs(scale - 1) * 1000;
            double angle = w * exp(-log(10000) * (i % half) / (half - 1));
            assert_int_equal(fscanf(f, "%lf", &want), 1);
            double off = fabs(out[i] - want);
            if (off > angle * 0x1p-23 + 1e-7)
                fail_msg("%g, %d: %d: found %.9g, expected %.9g", scale, width, i, out[i], want);
            other += off > 1e-7;
        }
        if (other > 2) /* the sine and the cosine of one factor */
            fail_msg("%g, %d: %d numbers differ", scale, width, other);
    }
    fclose(f);
    assert_int_equal(lines, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_guidance_rescale),
                                       cmocka_unit_test(test_guided_steps),
                                       cmocka_unit_test(test_guidance_embedding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
