/* The plan walker on hand-made kernels, with one to three threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "instance.h"
#include "progress.h"

enum { TASKS = 37, PER = 11, N = TASKS * PER, ROW = 8 };

/* args: x (N), y (N): y = 2 x + 1, through scratch. */
static void twice_plus_one(void *const *args, int64_t task, void *scratch)
{
    const float *x = args[0];
    float *y = args[1], *s = scratch;
    for (int i = 0; i < PER; i++)
        s[i] = 2 * x[task * PER + i];
    for (int i = 0; i < PER; i++)
        y[task * PER + i] = s[i] + 1;
}

/* args: x (N), y (N): y[i] = x[N-1-i]: reads what another thread wrote in the step before. */
static void reverse(void *const *args, int64_t task, void *scratch)
{
    const float *x = args[0];
    float *y = args[1];
    (void)scratch;
    for (int i = 0; i < PER; i++)
        y[task * PER + i] = x[N - 1 - (task * PER + i)];
}

/* args: time row (ROW), context product (ROW), weights (1), x (N), y (N): y = x + sum of the first
 * two + weight. */
static void add_all(void *const *args, int64_t task, void *scratch)
{
    const float *time = args[0], *prompt = args[1], *weight = args[2], *x = args[3];
    float *y = args[4], sum = *weight;
    (void)scratch;
    for (int i = 0; i < ROW; i++)
        sum += time[i] + prompt[i];
    for (int i = 0; i < PER; i++)
        y[task * PER + i] = x[task * PER + i] + sum;
}

/* args: in (ROW), out (ROW): out = in * in. One task. */
static void square(void *const *args, int64_t task, void *scratch)
{
    const float *in = args[0];
    float *out = args[1];
    (void)scratch;
    assert_int_equal(task, 0);
    for (int i = 0; i < ROW; i++)
        out[i] = in[i] * in[i];
}

/* Inputs x, context, timestep; output y. */
enum { X = LRT_BUF_IO, CONTEXT, TIMESTEP, Y };
static const lrt_arg prompt_args[] = {{0, CONTEXT, 0}, {32, LRT_BUF_PROMPT, 0}};
static const lrt_arg time_args[] = {{0, TIMESTEP, 0}, {0, LRT_BUF_TIME, 0}};
static const lrt_arg first_args[] = {{0, X, 0}, {64, LRT_BUF_ARENA, 0}};
static const lrt_arg second_args[] = {{64, LRT_BUF_ARENA, 0}, {64 + 4 * N, LRT_BUF_ARENA, 0}};
static const lrt_arg third_args[] = {{0, LRT_BUF_TIME, 0},
                                     {32, LRT_BUF_PROMPT, 0},
                                     {4, LRT_BUF_WEIGHTS, 0},
                                     {64 + 4 * N, LRT_BUF_ARENA, 0},
                                     {0, Y, 0}};
static const lrt_step prompt_steps[] = {
    {square, prompt_args, 2, 1, "context", "square", 0, 0, 1, 1}};
static const lrt_step time_steps[] = {{square, time_args, 2, 1, "time", "square", 0, 0, 1, 1}};
static const lrt_step steps[] = {
    {twice_plus_one, first_args, 2, TASKS, "a", "map", 0, 0, TASKS, TASKS},
    {reverse, second_args, 2, TASKS, "b", "map", 0, 0, TASKS, TASKS},
    {add_all, third_args, 5, TASKS, "c", "map", 0, 0, TASKS, TASKS}};
/* clang-format off */
static const lrt_io inputs[] = {
    {"x", LRT_F32, 1, {N}}, {"context", LRT_F32, 2, {1, ROW}}, {"timestep", LRT_F32, 2, {1, ROW}}};
/* clang-format on */
static const lrt_io outputs[] = {{"y", LRT_F32, 1, {N}}};
static const lrt_stage stage = {.name = "test",
                                .prompt = {prompt_steps, 1, 0},
                                .time = {time_steps, 1, 0},
                                .step = {steps, 3, 0},
                                .inputs = inputs,
                                .outputs = outputs,
                                .n_inputs = 3,
                                .n_outputs = 1,
                                .time_rows = 1,
                                .weights_bytes = 8,
                                .arena_bytes = 64 + 8 * N,
                                .prompt_bytes = 32 + 4 * ROW,
                                .time_row_bytes = 4 * ROW,
                                .scratch_bytes = 4 * PER};

/* What y must be with context all c and timestep all t. */
static void check(const float *x, const float *y, float c, float t)
{
    for (int i = 0; i < N; i++)
        assert_true(y[i] == 2 * x[N - 1 - i] + 1 + ROW * (c * c + t * t) + 0.5f);
}

static void test_walk(void **state)
{
    const float weights[2] = {100, 0.5f};
    float x[N], y[N], context[ROW], embeddings[5][ROW];
    (void)state;
    for (int i = 0; i < N; i++)
        x[i] = (float)i;
    for (int k = 0; k < 5; k++)
        for (int i = 0; i < ROW; i++)
            embeddings[k][i] = (float)k;
    for (int threads = 1; threads <= 3; threads++) {
        const char *error;
        double seconds[5] = {0};
        lrt_instance *m = lrt_instance_new(&stage, weights, threads, &error);
        assert_non_null(m);
        for (int i = 0; i < ROW; i++)
            context[i] = 3;
        lrt_set_timing(m, seconds);
        lrt_set_input(m, 0, x);
        lrt_set_input(m, 1, context);
        lrt_set_output(m, 0, y);
        lrt_run_prompt(m);
        assert_int_equal(lrt_run_time(m, embeddings[0], 5, ROW), 0);
        for (int k = 4; k >= 0; k--) {
            memset(y, 0, sizeof y);
            lrt_run_step(m, k);
            check(x, y, 3, (float)k);
            /* what the other two plans made is elsewhere */
            memset(m->work->arena.p, 0xff, stage.arena_bytes);
        }
        for (int i = 0; i < 5; i++)
            assert_true(seconds[i] > 0);
        context[0] = 0;
        for (int i = 0; i < ROW; i++)
            context[i] = 1;
        lrt_set_input(m, 2, embeddings[2]);
        lrt_run_all(m);
        check(x, y, 1, 2);
        lrt_instance_free(m);
    }
}

/* Every thread's share of every step, in order, steps one after the other; full buffers stay full.
 */
static void test_trace(void **state)
{
    const float weights[2] = {100, 0.5f};
    float x[N] = {0}, y[N], context[ROW] = {0}, row[ROW] = {0};
    lrt_span spans[64];
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        const char *error;
        lrt_instance *m = lrt_instance_new(&stage, weights, threads, &error);
        assert_non_null(m);
        lrt_set_input(m, 0, x);
        lrt_set_input(m, 1, context);
        lrt_set_input(m, 2, row);
        lrt_set_output(m, 0, y);
        lrt_run_all(m);
        assert_int_equal(lrt_trace_count(m), 0);
        lrt_set_trace(m, spans, 64);
        lrt_run_all(m);
        lrt_run_step(m, 0);
        size_t n = lrt_trace_count(m), k = 0;
        assert_int_equal(n,
                         2 + 3 * threads +
                             3 * threads); /* one task in each of the first two plans: one thread */
        double barrier = 0, last = 0;
        for (int run = 0; run < 2; run++)
            for (uint32_t step = run ? 2 : 0; step < 5; step++, barrier = last) {
                assert_int_equal(spans[k].step, step);
                for (uint32_t before = 0; k < n && spans[k].step == step; k++) {
                    assert_true(spans[k].begin >= barrier && spans[k].begin <= spans[k].end);
                    assert_true(step >= 2 ? spans[k].thread == before++
                                          : spans[k].thread < (uint32_t)threads);
                    last = spans[k].end > last ? spans[k].end : last;
                }
            }
        assert_int_equal(k, n);
        lrt_set_trace(m, spans, 4);
        spans[4].step = 77;
        lrt_run_all(m);
        assert_int_equal(lrt_trace_count(m), 4);
        assert_int_equal(spans[4].step, 77);
        lrt_set_trace(m, NULL, 0);
        lrt_run_all(m);
        assert_int_equal(lrt_trace_count(m), 0);
        lrt_instance_free(m);
    }
}

/* args: a number for each task, counted up; how many are over. The first task waits for all others,
 * for ten seconds at most: the thread whose it is does not come to the rest of its own. */
static void wait_for_others(void *const *args, int64_t task, void *scratch)
{
    _Atomic int *ran = args[0], *over = args[1];
    (void)scratch;
    ran[task]++;
    for (int i = 0; task == 0 && i < 10000 && *over < TASKS - 1; i++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    ++*over;
}

/* Where a step takes long, threads that are done take over the tasks of one that is held up; each
 * is run once. */
static void test_help(void **state)
{
    static const lrt_arg args[] = {{0, LRT_BUF_IO, 0}, {0, LRT_BUF_IO + 1, 0}};
    static const lrt_step step = {wait_for_others, args, 2, TASKS, "a",
                                  "long",          1e12, 0, TASKS, TASKS};
    static const lrt_stage alone = {
        .name = "test", .step = {&step, 1, 0}, .n_inputs = 2, .scratch_bytes = 64};
    (void)state;
    for (int threads = 2; threads <= 5; threads++) {
        const char *error;
        _Atomic int ran[TASKS] = {0}, over = 0;
        lrt_span spans[8];
        lrt_instance *m = lrt_instance_new(&alone, NULL, threads, &error);
        assert_non_null(m);
        lrt_set_input(m, 0, ran);
        lrt_set_input(m, 1, &over);
        lrt_set_trace(m, spans, 8);
        double begin = lrt_now();
        lrt_run_step(m, 0);
        assert_true(lrt_now() - begin < 9); /* else the first task gave up waiting */
        uint32_t tasks = 0;
        for (size_t i = 0; i < lrt_trace_count(m); i++)
            tasks += spans[i].tasks;
        assert_int_equal(tasks, TASKS);
        for (int i = 0; i < TASKS; i++)
            assert_int_equal(ran[i], 1);
        lrt_instance_free(m);
    }
}

static void test_no_memory(void **state)
{
    lrt_stage big = stage;
    const char *error = NULL;
    (void)state;
    big.arena_bytes = UINT64_C(1) << 60;
    assert_null(lrt_instance_new(&big, NULL, 1, &error));
    assert_non_null(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_walk), cmocka_unit_test(test_trace),
                                       cmocka_unit_test(test_help),
                                       cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
