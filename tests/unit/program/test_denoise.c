/* Guidance for a part of the steps, in the loop that generators run: every sampler, compiled,
 * against a loop of this file whose model is the reference interpreter and whose steps with
 * guidance are counted by hand. */
#include "compiled.h"
#include "denoise.h"
#include "interp.h"
#include "samplers.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { H = 4, W = 6, N = H * W * 4, STEPS = 6 };
static const Case model = {"guided", guided, {2, H, W, 16, 4, 4, 0}};

/* An interval, and the steps, from 0, that have guidance. */
typedef struct {
    double start, stop, rescale;
    int from, to;
} Interval;
static const Interval intervals[] = {{0, 1, 0, 0, 6},     {0, 0.5, 0, 0, 3},
                                     {0.5, 1, 0.4, 3, 6}, {1. / 3, 2. / 3, 0, 2, 4},
                                     {0.2, 0.4, 0, 1, 2}, {0.3, 0.55, 0.7, 2, 3}};
enum { INTERVALS = sizeof intervals / sizeof *intervals };

static const lrt_schedule_config config = {.train_steps = 1000,
                                           .beta_start = 0.00085,
                                           .beta_end = 0.012,
                                           .beta_schedule = LRT_BETAS_SCALED_LINEAR,
                                           .prediction = LRT_PREDICT_V,
                                           .spacing = LRT_SPACING_SAMPLER};
static const double scale = 3;

/* What all runs share. */
typedef struct {
    Engine *engine;
    Graph *written, *lowered; /* for the interpreter, in the engine */
    WeightSource *weights;
    float *context, start[N];
    lrt_schedule schedule;
} World;

static int setup(void **state)
{
    World *w = calloc(1, sizeof *w);
    w->weights = weights_open("synthetic:7", "diffusion_model");
    Program *p = program_new(target_for("host", PRODUCTS_F32), FUSE_ALL, CONV_AUTO, false);
    w->lowered = make(&model);
    program_add(p, w->lowered);
    w->engine = engine_new(p, &w->weights);
    w->written = make(&model);
    w->context = random_input(tensor(w->written, w->written->inputs[0]), 1);
    float *start = random_input(tensor(w->written, w->written->inputs[1]), 2);
    memcpy(w->start, start, sizeof w->start);
    free(start);
    *state = w;
    return !lrt_schedule_init(&w->schedule, &config);
}

static int teardown(void **state)
{
    World *w = *state;
    engine_free(w->engine);
    graph_free(w->written);
    graph_free(w->lowered);
    weights_close(w->weights);
    lrt_schedule_free(&w->schedule);
    free(w->context);
    free(w);
    return 0;
}

static lrt_sampling planned(const World *w, const lrt_sampler *sampler, int first)
{
    lrt_error e;
    lrt_sampling s = {.sampler = sampler,
                      .schedule = &w->schedule,
                      .config = config,
                      .steps = STEPS,
                      .first = first,
                      .alpha = NAN,
                      .n = N};
    if (!lrt_sampling_plan(&s, &e))
        fail_msg("%s: %s", sampler->name, e.text);
    return s;
}

/* ---- the compiled loop ---- */

typedef struct {
    Interval part;
    int first, threads;
    bool single;
} Setting;

/* The finished latent. Returns how many tasks of kernels ran. */
static int64_t run(const World *w, const lrt_sampler *sampler, Setting set, float *out)
{
    enum { MOST = 20000 };
    static lrt_span spans[MOST];
    float x[N], x0[N], guided[N], predicted[2 * N];
    const char *failed;
    lrt_noise noise;
    lrt_error e;
    lrt_sampling s = planned(w, sampler, set.first);
    lrt_instance *instance = lrt_instance_new(engine_program(w->engine)->stages[0],
                                              engine_weights(w->engine, 0), set.threads, &failed);
    lrt_denoiser d = {.model = {instance},
                      .models = 1,
                      .single = set.single,
                      .n = N,
                      .copies = 1,
                      .x = x,
                      .predicted = predicted,
                      .guided = guided,
                      .x0 = x0,
                      .guidance = {scale, set.part.rescale, set.part.start, set.part.stop},
                      .noise = &noise};
    lrt_set_input(instance, 0, w->context);
    lrt_set_trace(instance, spans, MOST);
    lrt_noise_seed(&noise, lrt_rng_find("cpu"), 5);
    lrt_sampling_set(&s, w->start);
    for (int k = 0; k < s.calls; k++)
        assert_true(lrt_denoise_call(&d, &s, k, &e));
    lrt_sampling_get(&s, out);
    int64_t tasks = 0;
    assert_true(lrt_trace_count(instance) < MOST);
    for (size_t i = 0; i < lrt_trace_count(instance); i++)
        tasks += spans[i].tasks;
    lrt_sampling_free(&s);
    lrt_instance_free(instance);
    return tasks;
}

/* ---- the loop of this file ---- */

static double deviation(const double *x)
{
    double mean = 0, sum = 0;
    for (int i = 0; i < N; i++)
        mean += x[i] / N;
    for (int i = 0; i < N; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (N - 1));
}

/* The prediction at x: with the prompt alone, or moved away from the one without it. */
static void predict(const World *w, const float *x, bool guides, double rescale, float *out)
{
    float both[2 * N], *outputs[] = {both};
    const void *inputs[] = {w->context, x};
    double with[N], moved[N];
    interpret(w->written, w->weights, inputs, outputs, true);
    for (int i = 0; i < N; i++) {
        with[i] = both[i];
        moved[i] = scale * both[i] - (scale - 1) * both[N + i];
    }
    double factor = rescale * deviation(with) / deviation(moved) + 1 - rescale;
    for (int i = 0; i < N; i++)
        out[i] = (float)(guides ? moved[i] * factor : with[i]);
}

static void run_expected(const World *w, const lrt_sampler *sampler, const Interval *part,
                         int first, float *out)
{
    float x[N], answer[N];
    lrt_noise noise;
    lrt_sampling s = planned(w, sampler, first);
    lrt_noise_seed(&noise, lrt_rng_find("cpu"), 5);
    lrt_sampling_set(&s, w->start);
    for (int k = 0; k < s.calls; k++) {
        int step = s.point[k].step - first;
        lrt_sampling_get(&s, x);
        predict(w, x, step >= part->from && step < part->to, part->rescale, answer);
        lrt_sampling_answer(&s, k, answer);
        lrt_sampling_move(&s, k, &noise);
    }
    lrt_sampling_get(&s, out);
    lrt_sampling_free(&s);
}

static double difference(const float *a, const float *b)
{
    double d = 0, r = 0;
    for (int i = 0; i < N; i++) {
        d += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        r += (double)b[i] * b[i];
    }
    return sqrt(d / r);
}

/* A compiled graph is within 5e-6 of the interpreter (compiled.c). Guidance makes the errors of a
 * call up to 2 scale - 1 = 5 times as large. */
static const double bound = 2.5e-5;

static void every_sampler_guides_these_steps(void **state)
{
    const World *w = *state;
    double worst = 0;
    for (int i = 0; i < lrt_sampler_count; i++) {
        float plain[N] = {0};
        for (int k = 0; k < INTERVALS; k++) {
            float got[N], other[N], want[N];
            run(w, &lrt_samplers[i], (Setting){intervals[k], 0, 1, false}, got);
            run(w, &lrt_samplers[i], (Setting){intervals[k], 0, 3, false}, other);
            run_expected(w, &lrt_samplers[i], &intervals[k], 0, want);
            double d = difference(got, want);
            worst = fmax(worst, d);
            if (!(d < bound))
                fail_msg("%s, %g to %g: relative rms %.3g", lrt_samplers[i].name,
                         intervals[k].start, intervals[k].stop, d);
            if (memcmp(got, other, sizeof got))
                fail_msg("%s: bits depend on the number of threads", lrt_samplers[i].name);
            if (k && difference(got, plain) < 1e-2)
                fail_msg("%s, %g to %g: as with guidance everywhere", lrt_samplers[i].name,
                         intervals[k].start, intervals[k].stop);
            if (!k)
                memcpy(plain, got, sizeof plain);
        }
    }
    print_message("largest difference %.2g\n", worst);
}

/* Shares are of the steps that run: those that an init image skips do not count. */
static void skipped_steps_do_not_count(void **state)
{
    const World *w = *state;
    static const Interval half = {0, 0.5, 0, 0, 2};
    float got[N], want[N];
    for (int i = 0; i < lrt_sampler_count; i++) {
        if (!strcmp(lrt_samplers[i].name, "pndm_prk") || !strcmp(lrt_samplers[i].name, "pndm"))
            continue; /* begins with three steps of its own */
        run(w, &lrt_samplers[i], (Setting){half, 2, 1, false}, got);
        run_expected(w, &lrt_samplers[i], &half, 2, want);
        if (!(difference(got, want) < bound))
            fail_msg("%s: relative rms %.3g", lrt_samplers[i].name, difference(got, want));
    }
}

/* No step with guidance: the bits of a run that has one half alone, and as much work. */
static void nothing_guided_is_one_half(void **state)
{
    const World *w = *state;
    static const Interval none[] = {{0, 0, 0, 0, 0}, {0.5, 0.5, 0, 0, 0}, {1, 1, 0, 0, 0}};
    for (int i = 0; i < lrt_sampler_count; i++) {
        float one[N], got[N];
        int64_t all = run(w, &lrt_samplers[i], (Setting){intervals[0], 0, 2, false}, got),
                half = run(w, &lrt_samplers[i], (Setting){intervals[0], 0, 2, true}, one),
                some = run(w, &lrt_samplers[i], (Setting){intervals[2], 0, 2, false}, got);
        assert_true(half < some && some < all);
        for (int k = 0; k < 3; k++) {
            assert_int_equal(run(w, &lrt_samplers[i], (Setting){none[k], 0, 2, false}, got), half);
            assert_memory_equal(got, one, sizeof one);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_sampler_guides_these_steps),
                                       cmocka_unit_test(skipped_steps_do_not_count),
                                       cmocka_unit_test(nothing_guided_is_one_half)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
