/* Signs that something else ran on the machine while it was measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench_trust.h"

static Bench b;

/* A quiet machine with two threads: 100 GFLOP/s and 190; reading at 50, 30 and 10 GB/s. */
static int quiet(void **state)
{
    (void)state;
    b = (Bench){
        .arena = arena_new(),
        .machine = {
            .threads = 2,
            .units = {{"fma_f32", "multiply-adds, f32", 100e9, 190e9}},
            .reads = {{"L2", 1, 50e9, 99e9}, {"L3", 1, 30e9, 50e9}, {"memory", 1, 10e9, 12e9}},
            .n_units = 1,
            .n_reads = 3}};
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(b.arena);
    return 0;
}

static void noticed(int n, const char *text)
{
    assert_int_equal(b.n_notices, n);
    if (n && !strstr(b.notices[n - 1], text))
        fail_msg("found: %s; expected: %s", b.notices[n - 1], text);
}

static void test_machine(void **state)
{
    (void)state;
    trust_machine(&b);
    trust_end(&b, 180e9);
    noticed(0, "");
    b.machine.units[0].all = 40e9;
    trust_machine(&b);
    noticed(1, "multiply-adds, f32: 2 threads together do 0.40 times as much as one");
    b.machine.units[0].all = 250e9;
    trust_machine(&b);
    noticed(2, "do 2.50 times");
    b.machine.units[0].all = 190e9;
    b.machine.reads[2].all = 5e9;
    trust_machine(&b);
    noticed(3, "reading from memory: 2 threads together read 0.50 times as fast as one");
    b.machine.reads[2] = (ReadRate){"memory", 1, 45e9, 90e9};
    trust_machine(&b);
    noticed(4, "memory is read 1.50 times as fast as L3");
    trust_end(&b, 100e9);
    noticed(5, "measured again at the end: 53 % of the beginning");
}

static void test_timing(void **state)
{
    (void)state;
    double runs[] = {0.100, 0.105, 0.110};
    Region region = {.path = "conv", .seconds = 0.01, .done = 1.8e9};
    Timing t = {.set = {.name = "fused"},
                .runs = runs,
                .n_runs = 3,
                .median = 0.105,
                .share = 1.7, /* as written: Winograd's forms do less */
                .share_done = 0.9,
                .preemptions = 3,
                .regions = &region,
                .n_regions = 1};
    trust_timing(&b, "decoder", &t);
    noticed(0, "");
    runs[2] = 0.150;
    trust_timing(&b, "decoder", &t);
    noticed(1, "decoder, fused: its runs took from 100.0 to 150.0 ms");
    runs[2] = 0.110;
    t.preemptions = 200;
    trust_timing(&b, "decoder", &t);
    noticed(2, "each thread was interrupted 200 times a second");
    t.preemptions = 0;
    t.share_done = 1.2;
    trust_timing(&b, "decoder", &t);
    noticed(3, "at 120 % of the peak");
    t.share_done = 0.9;
    region.done = 3.8e9;
    trust_timing(&b, "decoder", &t);
    noticed(4, "1 operations are beyond the peak, conv at 200 %");
    region.seconds = 1e-5; /* too short for the clock */
    trust_timing(&b, "decoder", &t);
    noticed(4, "conv");
}

static void test_kernels(void **state)
{
    (void)state;
    KernelRow rows[2] = {
        {.kind = "dense", .shape = "8", .seconds = 1e-3, .best = 0.95e-3, .done = 1e8},
        {.kind = "conv", .shape = "9", .seconds = 1e-3, .best = 0.95e-3, .done = 1e8}};
    b.kernels = rows;
    b.n_kernels = 2;
    trust_kernels(&b);
    noticed(0, "");
    rows[1].done = 1e9;
    trust_kernels(&b);
    noticed(1, "1 of 2 kernels do their products beyond the peak: conv 9 at 526 %");
    rows[1].done = 1e8;
    rows[0].seconds = 2e-3;
    trust_kernels(&b);
    noticed(2, "dense 8 2.1 times as long");
}

static void test_ratios(void **state)
{
    (void)state;
    assert_true(times_as_fast(0.2, 0.1) == 2);
    assert_true(times_as_fast(0.1, 0.2) == 0.5);
    assert_true(times_as_fast(0.2894, 1e-4) == 0); /* "2894 times as fast" */
    assert_true(times_as_fast(1e-4, 1e-8) == 0 && times_as_fast(0, 1) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_machine, quiet, end),
                                       cmocka_unit_test_setup_teardown(test_timing, quiet, end),
                                       cmocka_unit_test_setup_teardown(test_kernels, quiet, end),
                                       cmocka_unit_test(test_ratios)};
    int null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO); /* each notice is printed */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
