/* Which timesteps a sampler visits, and numbers of steps that do not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plans.h"
#include "spacing.h"

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

/* Sigmas as stable-diffusion.cpp computes them, in float: recorded/record_spacings.py. */
static void check_recorded(const char *line)
{
    char name[32], *end;
    int steps, at;
    lrt_error e;
    lrt_schedule c = schedule(0.00085, 0.012, true);
    assert_int_equal(sscanf(line, "%31s %d :%n", name, &steps, &at), 2);
    int curve = lrt_curve_find(name);
    lrt_sampling s = {
        .sampler = lrt_sampler_find("euler"),
        .schedule = &c,
        .config = {.train_steps = 1000,
                   .spacing = curve < 0 ? lrt_spacing_find(name) : LRT_SPACING_LINSPACE,
                   .sigmas = curve < 0 ? LRT_SIGMAS_TIMESTEPS : curve},
        .steps = steps,
        .n = 4};
    assert_true(s.config.spacing >= 0);
    assert_true(lrt_sampling_plan(&s, &e));
    end = (char *)(uintptr_t)(line + at);
    for (int k = 0; k <= steps; k++) {
        double sigma = strtod(end, &end);
        if (!(fabs(s.point[k].sigma - sigma) <= 2e-5 * sigma))
            fail_msg("%s, %d steps: sigma %d is %.9g, recorded %.9g", name, steps, k,
                     s.point[k].sigma, sigma);
    }
    lrt_sampling_free(&s);
    lrt_schedule_free(&c);
}

static void test_recorded_sigmas(void **state)
{
    FILE *f = fopen(TEST_DATA_DIR "/spacings.txt", "r");
    char line[2048];
    int lines = 0;
    (void)state;
    assert_non_null(f);
    for (; fgets(line, sizeof line, f); lines++)
        if (*line != '#')
            check_recorded(line);
    fclose(f);
    assert_true(lines > 25);
}

/* Names are compared as those of samplers: without case, spaces, underscores and hyphens. */
static void test_names(void **state)
{
    (void)state;
    assert_int_equal(lrt_spacing_find("SGM Uniform"), LRT_SPACING_SGM_UNIFORM);
    assert_int_equal(lrt_spacing_find("Simple"), LRT_SPACING_SIMPLE);
    assert_int_equal(lrt_curve_find("Karras"), LRT_SIGMAS_KARRAS);
    assert_int_equal(lrt_spacing_find("sgm"), -1);
    assert_int_equal(lrt_spacing_find(""), -1);
    assert_int_equal(lrt_curve_find("timesteps"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names), cmocka_unit_test(test_recorded_sigmas),
        cmocka_unit_test(test_timesteps), cmocka_unit_test(test_steps_that_do_not_fit),
        cmocka_unit_test(test_own_spacing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
