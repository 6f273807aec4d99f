/* Generators of noise: published vectors, and PyTorch's numbers as recorded. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_philox), cmocka_unit_test(test_normal),
                                       cmocka_unit_test(test_mt19937),
                                       cmocka_unit_test(test_recorded_noise)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
