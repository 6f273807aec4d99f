/* Noise, schedule and samplers: published vectors, published results, and a plain reimplementation in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "sampler.h"

/* Known-answer vectors of the Random123 library. */
static void test_philox(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } cases[] = {{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
                 {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
                 {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                  {0xa4093822, 0x299f31d0},
                  {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t out[4];
        lrt_philox4x32(cases[i].counter, cases[i].key, out);
        assert_memory_equal(out, cases[i].out, sizeof out);
    }
}

static void test_normal(void **state)
{
    enum { N = 1 << 16 };
    const lrt_rng *rng = lrt_rng_find("cuda");
    float *a = malloc(N * sizeof *a), *b = malloc(N * sizeof *b);
    double mean = 0, square = 0;
    (void)state;
    assert_null(lrt_rng_find("dice"));
    rng->normal(42, 0, a, N);
    /* An element depends on the seed and its index alone. */
    rng->normal(42, 0, b, N / 2);
    assert_memory_equal(a, b, N / 2 * sizeof *a);
    rng->normal(43, 0, b, N);
    assert_memory_not_equal(a, b, N * sizeof *a);
    rng->normal(42, 1, b, N);
    assert_memory_not_equal(a, b, N * sizeof *a);
    for (int i = 0; i < N; i++) {
        mean += a[i] / N;
        square += (double)a[i] * a[i] / N;
    }
    assert_true(fabs(mean) < 0.02 && fabs(square - 1) < 0.03);
    /* Seed 0, element 0: counter and key zero, so the first published vector. */
    rng->normal(0, 0, a, 1);
    double u = (0x6627e8d5 + 0.5) / 4294967296.0, v = (0xe169c58d + 0.5) / 4294967296.0;
    assert_true(fabs(a[0] - sqrt(-2 * log(u)) * sin(8 * atan(1) * v)) < 1e-6);
    free(a);
    free(b);
}

static void test_timestep_embedding(void **state)
{
    /* diffusers' own test of get_timestep_embedding, "ldm": t 23..25, columns 47..49 of 64. */
    static const double expected[3][3] = {
        {0.3019, 0.2280, 0.1716}, {0.3146, 0.2377, 0.1790}, {0.3272, 0.2474, 0.1864}};
    float e[64];
    (void)state;
    for (int t = 0; t < 3; t++) {
        lrt_timestep_embedding(23 + t, e, 64);
        for (int k = 0; k < 3; k++)
            assert_true(fabs(e[47 + k] - expected[t][k]) < 1e-3 * expected[t][k]);
    }
    lrt_timestep_embedding(999, e, 64);
    assert_true(e[0] == (float)cos(999) && e[32] == (float)sin(999));
}

static lrt_schedule schedule(double start, double end, bool scaled)
{
    lrt_schedule s;
    assert_true(lrt_schedule_init(&s, 1000, start, end, scaled));
    return s;
}

static lrt_sampling plan(const char *name, const lrt_schedule *c, int steps, int spacing, double alpha,
                         double clip)
{
    lrt_sampling s = {.sampler = lrt_sampler_find(name),
                      .schedule = c,
                      .steps = steps,
                      .spacing = spacing,
                      .alpha = alpha,
                      .final_alpha = 1,
                      .clip = clip};
    lrt_error e;
    assert_non_null(s.sampler);
    assert_true(lrt_sampling_plan(&s, &e));
    return s;
}

static void test_timesteps(void **state)
{
    lrt_schedule c = schedule(0.00085, 0.012, true);
    (void)state;
    lrt_sampling s = plan("ddim", &c, 31, LRT_SPACING_LINSPACE, NAN, 0);
    assert_true(s.point[0].t == 999 && s.point[30].t == 0 &&
                s.point[15].t == 499); /* 15 * 33.3 is below 499.5 in double */
    lrt_sampling_free(&s);
    s = plan("ddim", &c, 1, LRT_SPACING_LINSPACE, NAN, 0);
    assert_true(s.point[0].t == 0 && s.point[1].a == 1);
    lrt_sampling_free(&s);
    lrt_error e;
    s.steps = 1001;
    assert_false(lrt_sampling_plan(&s, &e));
    s.steps = 0;
    assert_false(lrt_sampling_plan(&s, &e));
    lrt_schedule_free(&c);
}

enum { N = 768 };
/* diffusers' dummy model: sample * t / (t + 1). */
static double dummy(double x, double t)
{
    return x * t / (t + 1);
}

/* ddim as diffusers' tests run it; returns sum |x|. */
static double run_published(double start, double end)
{
    lrt_schedule c = schedule(start, end, false);
    lrt_sampling s = plan("ddim", &c, 10, LRT_SPACING_LEADING, NAN, 1);
    float x[N], x0[N], noise[N];
    double sum = 0;
    for (int i = 0; i < N; i++)
        x[i] = (float)i / N;
    for (int k = 0; k < s.steps; k++) {
        for (int i = 0; i < N; i++)
            noise[i] = (float)dummy(x[i], s.point[k].t);
        lrt_sampling_estimate(&s, k, N, x, noise, x0);
        s.sampler->step(&s, k, N, x, x0, noise);
    }
    for (int i = 0; i < N; i++)
        sum += fabs(x[i]);
    lrt_sampling_free(&s);
    lrt_schedule_free(&c);
    return sum;
}

static void test_published_ddim(void **state)
{
    (void)state;
    double sum = run_published(0.0001, 0.02);
    assert_true(fabs(sum - 172.0067) < 0.01 && fabs(sum / N - 0.223967) < 0.001);
    sum = run_published(0.01, 0.02); /* set_alpha_to_one: what is after the last step is free of noise */
    assert_true(fabs(sum - 149.8295) < 0.01 && fabs(sum / N - 0.1951) < 0.001);
}

/* keras-cv's loop in double, from its definition. */
static void test_ddim_against_double(void **state)
{
    enum { STEPS = 25 };
    double alpha_bar[1000], product = 1, y[N];
    lrt_schedule c = schedule(0.00085, 0.012, true);
    lrt_sampling s = plan("ddim", &c, STEPS, LRT_SPACING_LINSPACE, NAN, 0);
    float x[N], x0[N], noise[N];
    (void)state;
    for (int t = 0; t < 1000; t++) {
        double root = sqrt(0.00085) + t * (sqrt(0.012) - sqrt(0.00085)) / 999;
        product *= 1 - root * root;
        alpha_bar[t] = (float)product;
        assert_true(fabs(alpha_bar[t] - c.alpha_bar[t]) < 1e-7);
    }
    for (int i = 0; i < N; i++)
        y[i] = x[i] = (float)sin(i);
    for (int k = 0; k < STEPS; k++) {
        int t = (int)rint((STEPS - 1 - k) * (999.0 / (STEPS - 1)));
        double a = alpha_bar[t],
               next = k + 1 < STEPS ? alpha_bar[(int)rint((STEPS - 2 - k) * (999.0 / (STEPS - 1)))] : 1;
        assert_true(s.point[k].t == t);
        for (int i = 0; i < N; i++) {
            double e = cos(3 * y[i]), picture = (y[i] - sqrt(1 - a) * e) / sqrt(a);
            y[i] = sqrt(next) * picture + sqrt(1 - next) * e;
            noise[i] = (float)cos(3 * (double)x[i]);
        }
        lrt_sampling_estimate(&s, k, N, x, noise, x0);
        s.sampler->step(&s, k, N, x, x0, noise);
    }
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
    lrt_sampling s = plan("relax", &c, 20, LRT_SPACING_LINSPACE, NAN, 0);
    assert_true(s.point[0].t == 999 && s.point[19].t == 0 && s.point[20].sigma == 0);
    for (int k = 0; k < 19; k++)
        assert_true(fabs(lrt_sampling_alpha(&s, k) - lrt_sampling_alpha(&s, 0)) < 1e-9);
    assert_true(lrt_sampling_alpha(&s, 19) == 1);
    lrt_sampling_free(&s);
    /* With a perfect estimate, every step takes alpha of the deviation away, and the last one the rest. */
    s = plan("relax", &c, 6, LRT_SPACING_LINSPACE, 0.25, 0);
    float x[N], x0[N], noise[N];
    for (int i = 0; i < N; i++) {
        x0[i] = (float)cos(i);
        x[i] = (float)(sqrt(s.point[0].a) * cos(i) + sqrt(1 - s.point[0].a) * sin(7 * i));
        noise[i] = 0;
    }
    double before = lrt_sampling_deviation(&s, 0, N, x, x0);
    for (int k = 0; k < 6; k++) {
        double now = lrt_sampling_deviation(&s, k, N, x, x0);
        assert_true(fabs(now / (before * pow(0.75, k)) - 1) < 1e-5);
        s.sampler->step(&s, k, N, x, x0, noise);
    }
    for (int i = 0; i < N; i++)
        assert_true(fabs(x[i] - x0[i]) < 1e-6);
    lrt_sampling_free(&s);
    s.alpha = 1.5;
    assert_false(lrt_sampling_plan(&s, &e));
    lrt_schedule_free(&c);
}

/* In exact arithmetic a ddim step is the equation with alpha = 1 - sigma'/sigma. */
static void test_ddim_is_the_equation(void **state)
{
    lrt_schedule c = schedule(0.00085, 0.012, true);
    lrt_sampling s = plan("ddim", &c, 10, LRT_SPACING_LINSPACE, NAN, 0);
    (void)state;
    for (int k = 0; k < 9; k++) {
        float x = 0.7f, noise = -0.4f, x0;
        double y = x / sqrt(s.point[k].a);
        lrt_sampling_estimate(&s, k, 1, &x, &noise, &x0);
        y -= lrt_sampling_alpha(&s, k) * (y - x0);
        s.sampler->step(&s, k, 1, &x, &x0, &noise);
        assert_true(fabs(x - y * sqrt(s.point[k + 1].a)) < 1e-5);
    }
    lrt_sampling_free(&s);
    lrt_schedule_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_philox),
                                       cmocka_unit_test(test_normal),
                                       cmocka_unit_test(test_timestep_embedding),
                                       cmocka_unit_test(test_timesteps),
                                       cmocka_unit_test(test_published_ddim),
                                       cmocka_unit_test(test_ddim_against_double),
                                       cmocka_unit_test(test_relax),
                                       cmocka_unit_test(test_ddim_is_the_equation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
