/* ddim and relax against a plain loop in double and the equation that both come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "plans.h"
#include "spacing.h"

/* keras-cv's loop in double, from its definition. */
static void test_ddim_against_double(void **state)
{
    enum { STEPS = 25 };
    double alpha_bar[1000], product = 1, y[N];
    lrt_schedule c = schedule(0.00085, 0.012, true);
    lrt_sampling s = plan("ddim", &c, STEPS, LRT_SPACING_LINSPACE, NAN);
    float x[N], noise[N];
    (void)state;
    for (int t = 0; t < 1000; t++) {
        double root = sqrt(0.00085) + t * (sqrt(0.012) - sqrt(0.00085)) / 999;
        product *= 1 - root * root;
        alpha_bar[t] = (float)product;
        assert_true(fabs(alpha_bar[t] - c.alpha_bar[t]) < 1e-7);
    }
    for (int i = 0; i < N; i++)
        y[i] = x[i] = (float)sin(i);
    lrt_sampling_set(&s, x);
    for (int k = 0; k < STEPS; k++) {
        lrt_sampling_get(&s, x);
        int t = (int)rint((STEPS - 1 - k) * (999.0 / (STEPS - 1)));
        double a = alpha_bar[t],
               next = k + 1 < STEPS ? alpha_bar[(int)rint((STEPS - 2 - k) * (999.0 / (STEPS - 1)))]
                                    : 1;
        assert_true(s.point[k].t == t);
        for (int i = 0; i < N; i++) {
            double e = cos(3 * y[i]), picture = (y[i] - sqrt(1 - a) * e) / sqrt(a);
            y[i] = sqrt(next) * picture + sqrt(1 - next) * e;
            noise[i] = (float)cos(3 * (double)x[i]);
        }
        lrt_sampling_answer(&s, k, noise);
        lrt_sampling_move(&s, k, NULL);
    }
    lrt_sampling_get(&s, x);
    double difference = 0, size = 0;
    for (int i = 0; i < N; i++) {
        difference += (x[i] - y[i]) * (x[i] - y[i]);
        size += y[i] * y[i];
    }
    assert_true(sqrt(difference / size) < 1e-4); /* the test's model amplifies rounding */
    lrt_sampling_free(&s);
    lrt_schedule_free(&c);
}

static void test_relax(void **state)
{
    lrt_schedule c = schedule(0.00085, 0.012, true);
    lrt_error e;
    (void)state;
    /* alpha chosen: from the schedule's largest sigma to its smallest, always the same share. */
    lrt_sampling s = plan("relax", &c, 20, LRT_SPACING_LINSPACE, NAN);
    assert_true(s.point[0].t == 999 && s.point[19].t == 0 && s.point[20].sigma == 0);
    for (int k = 0; k < 19; k++)
        assert_true(fabs(lrt_sampling_alpha(&s, k) - lrt_sampling_alpha(&s, 0)) < 1e-9);
    assert_true(lrt_sampling_alpha(&s, 19) == 1);
    lrt_sampling_free(&s);
    /* With a perfect estimate, every step takes alpha of the deviation away, and the last one the
     * rest. */
    s = plan("relax", &c, 6, LRT_SPACING_LINSPACE, 0.25);
    for (int i = 0; i < N; i++) {
        s.x0[i] = cos(i);
        s.x[i] = sqrt(s.point[0].a) * cos(i) + sqrt(1 - s.point[0].a) * sin(7 * i);
    }
    double before = lrt_sampling_deviation(&s, 0);
    for (int k = 0; k < 6; k++) {
        double now = lrt_sampling_deviation(&s, k);
        assert_true(fabs(now / (before * pow(0.75, k)) - 1) < 1e-5);
        lrt_sampling_move(&s, k, NULL);
    }
    for (int i = 0; i < N; i++)
        assert_true(fabs(s.x[i] - s.x0[i]) < 1e-6);
    lrt_sampling_free(&s);
    s.alpha = 1.5;
    assert_false(lrt_sampling_plan(&s, &e));
    lrt_schedule_free(&c);
}

/* In exact arithmetic a ddim step is the equation with alpha = 1 - sigma'/sigma. */
static void test_ddim_is_the_equation(void **state)
{
    lrt_schedule c = schedule(0.00085, 0.012, true);
    lrt_sampling s = plan("ddim", &c, 10, LRT_SPACING_LINSPACE, NAN);
    (void)state;
    for (int k = 0; k < 9; k++) {
        float x[N] = {0.7f}, noise[N] = {-0.4f};
        double y = x[0] / sqrt(s.point[k].a);
        lrt_sampling_set(&s, x);
        lrt_sampling_answer(&s, k, noise);
        y -= lrt_sampling_alpha(&s, k) * (y - s.x0[0]);
        lrt_sampling_move(&s, k, NULL);
        assert_true(fabs(s.x[0] - y * sqrt(s.point[k + 1].a)) < 1e-5);
    }
    lrt_sampling_free(&s);
    lrt_schedule_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ddim_against_double),
                                       cmocka_unit_test(test_relax),
                                       cmocka_unit_test(test_ddim_is_the_equation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
