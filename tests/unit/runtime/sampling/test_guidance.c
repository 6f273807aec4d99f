/* Guidance that keeps the standard deviation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_guidance_rescale)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
