/* Every sampler against diffusers' scheduler of that name: results that recorded/record_samplers.py
 * computed with diffusers' own source in double, and sums that diffusers' own tests publish. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "samplers.h"
#include "spacing.h"

enum { RECORDED = 16, MOST = 768 };

/* ---- recorded ---- */

/* Waves of record_samplers.py: number i of draw d, in PyTorch's order. */
static void waves(lrt_noise *s, float *out, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)(1.4 * sin(12.9898 * (double)(i + 1) + 78.233 * s->draw));
}
static const lrt_rng wave_rng = {"waves", "", waves};

/* The number in PyTorch's order (4, h, w) of the one at i of (h, w, 4). */
static int64_t in_planes(int64_t i, int64_t n) { return i % 4 * (n / 4) + i / 4; }

static void model(const float *x, double t, int64_t n, float *answer)
{
    for (int64_t i = 0; i < n; i++)
        answer[i] = (float)(0.6 * x[i] + 0.5 * cos(0.011 * t + 0.7 * (double)in_planes(i, n)));
}

typedef void Model(const float *x, double t, int64_t n, float *answer);
/* From x, noise of unit variance, to what comes out, in double. scaled_away: diffusers' tests of
 * samplers that go by sigma step on from what they give the model, which is y / sqrt(1 + sigma^2),
 * and not from y. */
static void run(lrt_sampling *s, lrt_noise *noise, Model *answer_of, bool scaled_away,
                const float *start, double *out)
{
    float x[MOST], answer[MOST];
    for (int64_t i = 0; i < s->n; i++)
        x[i] = (float)(start[i] * s->start);
    lrt_sampling_set(s, x);
    for (int64_t i = 0; i < s->n; i++)
        s->x[i] = start[i] * s->start;
    for (int k = 0; k < s->calls; k++) {
        lrt_sampling_get(s, x);
        answer_of(x, s->point[k].t, s->n, answer);
        for (int64_t i = 0; scaled_away && i < s->n; i++)
            s->x[i] /= sqrt(1 + s->point[k].sigma * s->point[k].sigma);
        lrt_sampling_answer(s, k, answer);
        lrt_sampling_move(s, k, noise);
    }
    memcpy(out, s->x, (size_t)s->n * sizeof *out);
}

static bool word(const char *line, const char *name, char *value)
{
    char key[40];
    snprintf(key, sizeof key, " %s=", name);
    const char *at = strstr(line, key);
    return at && sscanf(at + strlen(key), "%31s", value) == 1;
}

static double number(const char *line, const char *name)
{
    char value[32];
    assert_true(word(line, name, value));
    return strtod(value, NULL);
}

/* A member that lines have where it is not the default. */
static double other(const char *line, const char *name, double otherwise)
{
    char value[32];
    return word(line, name, value) ? strtod(value, NULL) : otherwise;
}

static void other_members(const char *line, lrt_schedule_config *c)
{
    c->beta_schedule = (int)other(line, "beta_schedule", LRT_BETAS_SCALED_LINEAR);
    c->sigma_min = other(line, "sigma_min", 0);
    c->sigma_max = other(line, "sigma_max", 0);
    c->log_linear = (int)other(line, "log_linear", 0);
    c->continuous = (int)other(line, "continuous", 0);
    c->solver_order = (int)other(line, "solver_order", 0);
    c->solver_type = (int)other(line, "solver_type", 0);
    c->noise_solver = (int)other(line, "noise_solver", 0);
    c->noise_unipc = (int)other(line, "noise_unipc", 0);
    c->euler_at_final = (int)other(line, "euler_at_final", 0);
    c->variance = (int)other(line, "variance", 0);
    c->original_steps = (int)other(line, "original_steps", 0);
    c->timestep_scaling = other(line, "timestep_scaling", 0);
    c->threshold_ratio = other(line, "threshold_ratio", 0);
    c->threshold_most = other(line, "threshold_most", 1);
    c->sigma_clipped = other(line, "sigma_clipped", 0);
    c->no_corrector = (int64_t)other(line, "no_corrector", 0);
}

/* The schedule and the settings that a line names. */
static lrt_sampling settings(const char *line)
{
    char text[32];
    lrt_sampling s = {.alpha = NAN, .n = RECORDED};
    lrt_schedule_config *c = &s.config;
    assert_true(word(line, "sampler", text));
    s.sampler = lrt_sampler_find(text);
    assert_non_null(s.sampler);
    s.steps = (int)number(line, "steps");
    s.eta = number(line, "eta");
    *c = (lrt_schedule_config){.train_steps = 1000,
                               .beta_start = 0.00085,
                               .beta_end = 0.012,
                               .previous = LRT_PREVIOUS_RATIO};
    assert_true(word(line, "spacing", text));
    c->spacing = lrt_spacing_find(text);
    assert_true(c->spacing >= 0);
    assert_true(word(line, "prediction", text));
    c->prediction = strcmp(text, "v") ? LRT_PREDICT_EPSILON : LRT_PREDICT_V;
    c->steps_offset = (int)number(line, "steps_offset");
    assert_true(word(line, "sigmas", text));
    c->sigmas = lrt_curve_find(text) < 0 ? LRT_SIGMAS_TIMESTEPS : lrt_curve_find(text);
    c->final_alpha = number(line, "final_alpha");
    c->final_sigma_least = (int)number(line, "final_sigma_least");
    c->full_order_last = (int)number(line, "full_order_last");
    c->clip = number(line, "clip");
    c->zero_snr = (int)number(line, "zero_snr");
    other_members(line, c);
    return s;
}

/* Root mean square of the difference, in shares of what was recorded. */
static double difference(const char *line, const double *x)
{
    double wrong = 0, size = 0;
    const char *at = strstr(line, " : ");
    assert_non_null(at);
    double recorded[RECORDED];
    char *end = (char *)(uintptr_t)(at + 3);
    for (int i = 0; i < RECORDED; i++)
        recorded[i] = strtod(end, &end);
    for (int i = 0; i < RECORDED; i++) {
        double r = recorded[in_planes(i, RECORDED)];
        wrong += (x[i] - r) * (x[i] - r);
        size += r * r;
    }
    return sqrt(wrong / size);
}

static double run_recorded(const char *line, lrt_sampling s)
{
    lrt_schedule c;
    lrt_error e;
    lrt_noise noise = {.rng = &wave_rng};
    float start[2 * RECORDED];
    double x[RECORDED];
    assert_true(lrt_schedule_init(&c, &s.config));
    s.schedule = &c;
    if (!lrt_sampling_plan(&s, &e))
        fail_msg("%s%s", line, e.text);
    lrt_noise_latent(&noise, start, RECORDED);
    run(&s, &noise, model, false, start, x);
    lrt_sampling_free(&s);
    lrt_schedule_free(&c);
    return difference(line, x);
}

/* pndm is one of two others, as the schedule says. */
static lrt_sampling by_schedule(lrt_sampling s)
{
    if (!strcmp(s.sampler->name, "pndm_prk")) {
        s.sampler = lrt_sampler_find("pndm");
        s.config.prk_steps = 1;
    } else if (!strcmp(s.sampler->name, "pndm")) {
        s.sampler = lrt_sampler_find("plms");
        s.config.prk_steps = 1; /* not its business */
    }
    return s;
}

static void test_recorded(void **state)
{
    FILE *f = fopen(TEST_DATA_DIR "/samplers.txt", "r");
    char line[4096] = " ";
    int cases = 0, wrong = 0;
    double worst = 0;
    (void)state;
    assert_non_null(f);
    while (fgets(line + 1, sizeof line - 1, f)) {
        if (line[1] == '#')
            continue;
        lrt_sampling s = settings(line);
        double d = fmax(run_recorded(line, s), run_recorded(line, by_schedule(s)));
        worst = fmax(worst, d);
        if (!(d < 1e-5)) {
            print_error("%.3g: %.*s\n", d, (int)(strstr(line, " : ") - line), line);
            wrong++;
        }
        cases++;
    }
    fclose(f);
    print_message("%d runs, largest difference %.2g\n", cases, worst);
    assert_int_equal(wrong, 0);
    assert_true(cases > 900);
}

/* ---- published: scheduler tests of diffusers at 58eb52c0 ---- */

/* Their dummy_model. */
static void dummy(const float *x, double t, int64_t n, float *answer)
{
    for (int64_t i = 0; i < n; i++)
        answer[i] = (float)(x[i] * t / (t + 1));
}

typedef struct {
    const char *test, *sampler;
    int steps, train_steps, scaled;
    double beta_start, beta_end;
    lrt_schedule_config more;
    double sum, mean; /* of |x|; 0: not published */
    double tolerance; /* of the sum; theirs */
    bool scaled_away;
} Published;
/* clang-format off */
static const Published published[] = {
    {"ddim no_noise", "ddim", 10, 1000, 0, 0.0001, 0.02, {.spacing = LRT_SPACING_LEADING, .final_alpha = 1, .clip = 1}, 172.0067, 0.223967, 1e-2, false},
    {"ddim set_alpha_to_one", "ddim", 10, 1000, 0, 0.01, 0.02, {.spacing = LRT_SPACING_LEADING, .final_alpha = 1, .clip = 1}, 149.8295, 0.1951, 1e-2, false},
    {"euler no_noise", "euler", 10, 1100, 0, 0.0001, 0.02, {.sigmas = 0}, 10.0807, 0.0131, 1e-2, true},
    {"euler karras", "euler", 10, 1100, 0, 0.0001, 0.02, {.sigmas = 1}, 124.52299499511719, 0.16213932633399963, 1e-2, true},
    {"pndm no_noise", "pndm_prk", 10, 1000, 0, 0.0001, 0.02, {.spacing = LRT_SPACING_LEADING}, 198.1318, 0.2580, 1e-2, false},
    {"dpm++2m no_noise", "dpm++2m", 10, 1000, 0, 0.0001, 0.02, {.final_sigma_least = 1, .full_order_last = 1}, 0, 0.3301, 1e-2, false},
    {"lcm onestep", "lcm", 1, 1000, 1, 0.00085, 0.012, {.spacing = LRT_SPACING_LEADING}, 18.7097, 0.0244, 1e-3, false},
    {"ddpm no_noise", "ddpm", 1000, 1000, 0, 0.0001, 0.02, {.spacing = LRT_SPACING_LEADING, .clip = 1}, 258.9606, 0.3372, 1e-2, false},
    {"lms no_noise", "lms", 10, 1100, 0, 0.0001, 0.02, {.sigmas = 0}, 1006.388, 1.31, 1e-2, true},
    {"heun no_noise", "heun", 10, 1100, 0, 0.0001, 0.02, {.sigmas = 0}, 0.1233, 0.0002, 1e-2, true},
    {"euler_ancestral no_noise", "euler_a", 10, 1100, 0, 0.0001, 0.02, {.sigmas = 0}, 152.3192, 0.1983, 1e-2, true},
    {"unipc no_noise", "unipc", 10, 1000, 0, 0.0001, 0.02, {.final_sigma_least = 1}, 0, 0.2464, 1e-2, false},
};
/* clang-format on */

/* Sum of |x| in the units of diffusers' scheduler, at whose end sigma is 0 or x is in ours anyway.
 * The noise is torch.manual_seed(0)'s on the CPU. */
static double published_sum(const Published *p)
{
    lrt_sampling s = {.sampler = lrt_sampler_find(p->sampler),
                      .config = p->more,
                      .steps = p->steps,
                      .alpha = NAN,
                      .n = MOST};
    lrt_schedule c;
    lrt_error e;
    lrt_noise noise;
    float start[MOST];
    double x[MOST], sum = 0;
    s.config.train_steps = p->train_steps;
    s.config.beta_start = p->beta_start;
    s.config.beta_end = p->beta_end;
    s.config.beta_schedule = p->scaled;
    assert_non_null(s.sampler);
    assert_true(lrt_schedule_init(&c, &s.config));
    s.schedule = &c;
    if (!lrt_sampling_plan(&s, &e))
        fail_msg("%s: %s", p->test, e.text);
    lrt_noise_seed(&noise, lrt_rng_find("cpu"), 0);
    for (int i = 0; i < MOST; i++)
        start[i] =
            (float)i /
            MOST; /* their dummy_sample_deter: its planes are ours, one number of each in turn */
    run(&s, &noise, dummy, p->scaled_away, start, x);
    for (int i = 0; i < MOST; i++)
        sum += fabs(x[i]);
    lrt_sampling_free(&s);
    lrt_schedule_free(&c);
    return sum;
}

static void test_published(void **state)
{
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        const Published *p = &published[i];
        double sum = published_sum(p);
        if ((!p->sum || fabs(sum - p->sum) < p->tolerance) && fabs(sum / MOST - p->mean) < 1e-3)
            continue;
        print_error("%s: sum %.6g, mean %.6g; published %.6g, %.6g\n", p->test, sum, sum / MOST,
                    p->sum, p->mean);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_recorded),
                                       cmocka_unit_test(test_published)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
