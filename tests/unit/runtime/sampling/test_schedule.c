/* The noise schedule and the embedding of timesteps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "samplers.h"

static void test_timestep_embedding(void **state)
{
    /* diffusers' own test of get_timestep_embedding, "ldm": t 23..25, columns 47..49 of 64. */
    /* clang-format off */
    static const double expected[3][3] = {
        {0.3019, 0.2280, 0.1716}, {0.3146, 0.2377, 0.1790}, {0.3272, 0.2474, 0.1864}};
    float e[64];
    (void)state;
    for (int t = 0; t < 3; t++) {
        lrt_timestep_embedding(23 + t, e, 64);
        for (int k = 0; k < 3; k++)
            assert_true(fabs(e[47 + k] - expected[t][k]) < 1e-3 * expected[t][k]);
    }
    /* clang-format on */
    lrt_timestep_embedding(999, e, 64);
    assert_true(e[0] == (float)cos(999) && e[32] == (float)sin(999));
}

/* sqrt(a) is shifted and stretched: its first value stays, its last is 0, which nothing may be
 * divided by. */
static void test_zero_snr(void **state)
{
    lrt_schedule_config config = {
        .train_steps = 1000, .beta_start = 0.00085, .beta_end = 0.012, .beta_schedule = 1};
    lrt_schedule plain, rescaled;
    (void)state;
    assert_true(lrt_schedule_init(&plain, &config));
    config.zero_snr = 1;
    assert_true(lrt_schedule_init(&rescaled, &config));
    assert_true(fabs(rescaled.alpha_bar[0] - plain.alpha_bar[0]) < 1e-7 &&
                rescaled.alpha_bar[999] == 0);
    assert_true(lrt_schedule_alpha(&rescaled, 999) == 0x1p-24 &&
                fabs(lrt_schedule_sigma(&rescaled, 999) - 4096) < 1);
    double first = sqrt(plain.alpha_bar[0]), last = sqrt(plain.alpha_bar[999]);
    double middle = (sqrt(plain.alpha_bar[500]) - last) * first / (first - last);
    assert_true(fabs(rescaled.alpha_bar[500] - middle * middle) < 1e-6);
    lrt_schedule_free(&plain);
    lrt_schedule_free(&rescaled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_timestep_embedding),
                                       cmocka_unit_test(test_zero_snr)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
