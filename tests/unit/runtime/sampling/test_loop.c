/* Noise, schedule and samplers: published vectors, published results, and a plain reimplementation
 * in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guidance.h"
#include "rng.h"
#include "samplers.h"
#include "spacing.h"

/* Known-answer vectors of the Random123 library. */
static void test_philox(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
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

static void first_draw(const lrt_rng *rng, uint64_t seed, float *out, int64_t n)
{
    lrt_noise noise;
    lrt_noise_seed(&noise, rng, seed);
    lrt_noise_normal(&noise, out, n);
}

static void test_normal(void **state)
{
    enum { N = 1 << 16 };
    const lrt_rng *rng = lrt_rng_find("cuda");
    float *a = malloc(N * sizeof *a), *b = malloc(N * sizeof *b);
    double mean = 0, square = 0;
    lrt_noise noise;
    (void)state;
    assert_null(lrt_rng_find("dice"));
    first_draw(rng, 42, a, N);
    /* An element depends on the seed and its index alone. */
    first_draw(rng, 42, b, N / 2);
    assert_memory_equal(a, b, N / 2 * sizeof *a);
    first_draw(rng, 43, b, N);
    assert_memory_not_equal(a, b, N * sizeof *a);
    lrt_noise_seed(&noise, rng, 42);
    for (int i = 0; i < 2; i++)
        lrt_noise_normal(&noise, b, N);
    assert_memory_not_equal(a, b, N * sizeof *a);
    for (int i = 0; i < N; i++) {
        mean += a[i] / N;
        square += (double)a[i] * a[i] / N;
    }
    assert_true(fabs(mean) < 0.02 && fabs(square - 1) < 0.03);
    /* Seed 0, element 0: counter and key zero, so the first published vector. */
    first_draw(rng, 0, a, 1);
    double u = (0x6627e8d5 + 0.5) / 4294967296.0, v = (0xe169c58d + 0.5) / 4294967296.0;
    assert_true(fabs(a[0] - sqrt(-2 * log(u)) * sin(8 * atan(1) * v)) < 1e-6);
    /* The draw counts word 0 of the counter, the element word 2. */
    const uint32_t counter[4] = {3, 0, 5, 0}, key[2] = {7, 1};
    uint32_t out[4];
    lrt_philox4x32(counter, key, out);
    lrt_noise_seed(&noise, rng, (1ull << 32) + 7);
    for (int i = 0; i < 4; i++)
        lrt_noise_normal(&noise, a, 6);
    u = (out[0] + 0.5) / 4294967296.0, v = (out[1] + 0.5) / 4294967296.0;
    assert_true(fabs(a[5] - sqrt(-2 * log(u)) * sin(8 * atan(1) * v)) < 1e-6);
    free(a);
    free(b);
}

/* std::mt19937's own check: the 10,000th number of seed 5489 is 4123659995 ([rand.predef] of the
 * C++ standard). */
static void test_mt19937(void **state)
{
    lrt_mt19937 m;
    (void)state;
    lrt_mt19937_seed(&m, 5489);
    for (int i = 1; i < 10000; i++)
        lrt_mt19937_next(&m);
    assert_int_equal(lrt_mt19937_next(&m), 4123659995u);
}

/* torch.randn as recorded/record_samplers.py recorded it; returns how many numbers there are,
 * *worst how far ours are from them. */
static int compare_noise(const char *rng, const char *file, double *worst)
{
    enum { MOST = 262144 };
    FILE *f = fopen(file, "r");
    char line[2048], sizes[64];
    float *x = malloc(MOST * sizeof *x);
    unsigned long long seed;
    int draw, begin, used, values = 0, index;
    assert_non_null(f);
    *worst = 0;
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "seed=%llu sizes=%63s draw=%d : %n", &seed, sizes, &draw, &begin) != 3)
            continue;
        lrt_noise noise;
        lrt_noise_seed(&noise, lrt_rng_find(rng), seed);
        const char *at = sizes;
        for (int i = 0; i <= draw; i++, at = strchr(at, ',') ? strchr(at, ',') + 1 : at)
            lrt_noise_normal(&noise, x, atoi(at));
        double recorded;
        for (at = line + begin; sscanf(at, "%d:%lf%n", &index, &recorded, &used) == 2;
             at += used, values++)
            *worst = fmax(*worst, fabs(x[index] - recorded));
    }
    fclose(f);
    free(x);
    print_message("%s: %d numbers, largest difference %.2g\n", rng, values, *worst);
    return values;
}

/* PyTorch computes in float: an angle of up to 2 pi is off by 2^-24 of it, 3.7e-7; sine and cosine
 * by another 1e-7, those of CUDA, which are made for speed, by 4e-7; the logarithm and the root by
 * two roundings of their result, 2.4e-7 of it. That goes into lengths of up to sqrt(-2 log 2^-24)
 * = 5.8 on the CPU and sqrt(-2 log 2^-33) = 6.8 on CUDA. */
static void test_recorded_noise(void **state)
{
    double worst;
    (void)state;
    assert_true(compare_noise("cpu", TEST_DATA_DIR "/noise-cpu.txt", &worst) > 1000);
    assert_true(worst < 5.8 * 7.1e-7);
    assert_true(compare_noise("cuda", TEST_DATA_DIR "/noise-cuda.txt", &worst) > 1000);
    assert_true(worst < 6.8 * 1.01e-6);
}

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

static lrt_schedule schedule(double start, double end, bool scaled)
{
    lrt_schedule s;
    const lrt_schedule_config c = {
        .train_steps = 1000, .beta_start = start, .beta_end = end, .beta_scaled_linear = scaled};
    assert_true(lrt_schedule_init(&s, &c));
    return s;
}

/* sqrt(a) is shifted and stretched: its first value stays, its last is 0, which nothing may be
 * divided by. */
static void test_zero_snr(void **state)
{
    lrt_schedule_config config = {
        .train_steps = 1000, .beta_start = 0.00085, .beta_end = 0.012, .beta_scaled_linear = 1};
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

enum { N = 768 };
static lrt_sampling plan(const char *name, const lrt_schedule *c, int steps, int spacing,
                         double alpha)
{
    lrt_sampling s = {
        .sampler = lrt_sampler_find(name),
        .schedule = c,
        .config = {.train_steps = c->train_steps, .spacing = spacing, .final_alpha = 1},
        .steps = steps,
        .alpha = alpha,
        .n = N};
    lrt_error e;
    assert_non_null(s.sampler);
    assert_true(lrt_sampling_plan(&s, &e));
    return s;
}

static void test_timesteps(void **state)
{
    lrt_schedule c = schedule(0.00085, 0.012, true);
    (void)state;
    lrt_sampling s = plan("ddim", &c, 31, LRT_SPACING_LINSPACE, NAN);
    assert_true(s.point[0].t == 999 && s.point[30].t == 0 &&
                s.point[15].t == 499); /* 15 * 33.3 is below 499.5 in double */
    lrt_sampling_free(&s);
    s = plan("ddim", &c, 1, LRT_SPACING_LINSPACE, NAN);
    assert_true(s.point[0].t == 0 && s.point[1].a == 1);
    lrt_sampling_free(&s);
    lrt_error e;
    s.steps = 1001;
    assert_false(lrt_sampling_plan(&s, &e));
    s.steps = 0;
    assert_false(lrt_sampling_plan(&s, &e));
    lrt_schedule_free(&c);
}

static void check_unfit(const char *name, int steps, lrt_schedule_config config,
                        const char *message)
{
    lrt_schedule c;
    lrt_error e;
    config.train_steps = 1000;
    config.beta_start = 0.00085;
    config.beta_end = 0.012;
    assert_true(lrt_schedule_init(&c, &config));
    lrt_sampling s = {.sampler = lrt_sampler_find(name),
                      .schedule = &c,
                      .config = config,
                      .steps = steps,
                      .alpha = NAN,
                      .n = N};
    assert_false(lrt_sampling_plan(&s, &e));
    assert_string_equal(e.text, message);
    assert_null(s.point);
    lrt_schedule_free(&c);
}

static void test_steps_that_do_not_fit(void **state)
{
    (void)state;
    check_unfit("dpm++2m", 1000, (lrt_schedule_config){0},
                "steps: 1000 steps of dpm++2m do not fit into 1000 timesteps spaced linspace");
    check_unfit(
        "euler", 1000, (lrt_schedule_config){.spacing = LRT_SPACING_LEADING, .steps_offset = 1},
        "steps: 1000 steps of euler do not fit into 1000 timesteps spaced leading with an offset");
    check_unfit("pndm_prk", 3, (lrt_schedule_config){0},
                "steps: pndm_prk needs at least 4, found 3");
    check_unfit("lcm", 51, (lrt_schedule_config){0},
                "steps: lcm takes 1 to 50, and a model with at least as many timesteps; found 51");
    check_unfit(
        "ddim", 5, (lrt_schedule_config){.zero_snr = 1},
        "prediction: this model's steps start from pure noise, where epsilon carries no information: expected v");
}

/* Where a scheduler config names no spacing, each of diffusers' schedulers takes its own: 999,
 * 957.4, ... or 960, 920, ... */
static void test_own_spacing(void **state)
{
    static const struct {
        const char *sampler;
        double first;
    } cases[] = {{"ddim", 960}, {"pndm", 960}, {"ddpm", 960}, {"euler", 999}, {"unipc", 999}};
    lrt_schedule c = schedule(0.00085, 0.012, true);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lrt_sampling s = plan(cases[i].sampler, &c, 25, LRT_SPACING_SAMPLER, NAN);
        assert_true(s.point[0].t == cases[i].first);
        lrt_sampling_free(&s);
    }
    lrt_schedule_free(&c);
}

/* As stable-diffusion-webui, ComfyUI and stable-diffusion.cpp write them. */
/* clang-format off */
static const struct { const char *theirs, *ours; bool karras; } other_names[] = {
    {"DPM++ 2M Karras", "dpm++2m", true}, {"DPM++ 2M", "dpm++2m", false}, {"DPM++ 2M SDE Karras", "dpm++2m_sde", true},
    {"DPM++ 2M SDE", "dpm++2m_sde", false}, {"Euler a", "euler_a", false}, {"Euler", "euler", false}, {"DDIM", "ddim", false},
    {"UniPC", "unipc", false}, {"LMS", "lms", false}, {"LMS Karras", "lms", true}, {"Heun", "heun", false}, {"PLMS", "plms", false},
    {"LCM", "lcm", false}, {"DDPM", "ddpm", false}, {"k_dpmpp_2m", "dpm++2m", false}, {"dpmpp_2m_sde", "dpm++2m_sde", false},
    {"uni_pc_bh2", "unipc", false}, {"euler_ancestral", "euler_a", false}, {"euler_a karras", "euler_a", true}, {"dpm++2m karras", "dpm++2m", true},
    {"euler_a", "euler_a", false}, {"EULER A", "euler_a", false}, {"DPM++ 3M SDE", NULL, false}, {"DPM++ 2S a", NULL, false}, {"DPM2", NULL, false},
    {"DPM++ SDE Karras", NULL, false}, {"dpm++2mv2", NULL, false}, {"ipndm", NULL, false}, {"Karras", NULL, false}, {" Karras", NULL, false},
    {"eulerkarras", NULL, false}, {"euler,", NULL, false}, {"_", NULL, false}, {"euler Karras Karras", NULL, false},
};
/* clang-format on */

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < lrt_sampler_count; i++)
        assert_ptr_equal(lrt_sampler_find(lrt_samplers[i].name), &lrt_samplers[i]);
    assert_string_equal(lrt_sampler_find("euler_ancestral")->name, "euler_a");
    assert_string_equal(lrt_sampler_find("k_euler_a")->name, "euler_a");
    assert_string_equal(lrt_sampler_find("dpm++2m sde")->name, "dpm++2m_sde");
    for (int i = 0; i < lrt_sampler_count; i++)
        if (lrt_samplers[i].title)
            assert_ptr_equal(lrt_sampler_find(lrt_samplers[i].title), &lrt_samplers[i]);
    for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++) {
        bool karras;
        const lrt_sampler *found = lrt_sampler_find_spaced(other_names[i].theirs, &karras);
        if (!other_names[i].ours) {
            assert_null(found);
            continue;
        }
        assert_non_null(found);
        assert_string_equal(found->name, other_names[i].ours);
        assert_int_equal(karras, other_names[i].karras);
    }
    assert_null(lrt_sampler_find("euler_anc"));
    assert_null(lrt_sampler_find("k_euler_a,"));
    assert_null(lrt_sampler_find(""));
}

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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_philox),
                                       cmocka_unit_test(test_normal),
                                       cmocka_unit_test(test_mt19937),
                                       cmocka_unit_test(test_recorded_noise),
                                       cmocka_unit_test(test_zero_snr),
                                       cmocka_unit_test(test_timestep_embedding),
                                       cmocka_unit_test(test_timesteps),
                                       cmocka_unit_test(test_steps_that_do_not_fit),
                                       cmocka_unit_test(test_own_spacing),
                                       cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_guidance_rescale),
                                       cmocka_unit_test(test_ddim_against_double),
                                       cmocka_unit_test(test_relax),
                                       cmocka_unit_test(test_ddim_is_the_equation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
