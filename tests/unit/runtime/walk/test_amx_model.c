/* The model of the tile unit (AMX), bit for bit against tdpbf16ps and tdpbusd as the architecture
 * manual defines them. */
#include "amx_model.h"
#include "random_bf16.h"
#include "target.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#if defined(__x86_64__)
#include <immintrin.h>

enum { ROWS = 16, PAIRS = 16, COLUMNS = 16, C = 0, A = 4, B = 6 };
typedef struct {
    uint16_t a[ROWS][2 * PAIRS], b[PAIRS][COLUMNS][2];
    float c[ROWS][COLUMNS];
} Tiles;
/* Whole numbers: `PAIRS` words of four. */
typedef struct {
    uint8_t a[ROWS][4 * PAIRS];
    int8_t b[PAIRS][COLUMNS][4];
    int32_t c[ROWS][COLUMNS];
} Bytes;

static bool have_model(void) { return target_runs_here(target_for("amx-model", PRODUCTS_BF16)); }

static void configure(int rows, int pairs, int columns)
{
    lrt_tile_config t = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        t.rows[i] = (uint8_t)(i >= B ? pairs : rows);
        t.bytes[i] = (uint16_t)(4 * (i == A || i == A + 1 ? pairs : columns));
    }
    lrt_amx_model_config(&t);
}

typedef void Dot(int32_t c, int32_t a, int32_t b);
/* Rows of operands and sums are as long as the unit's. */
static void run(Dot *dot, void *c, const void *a, const void *b)
{
    enum { ROW = 4 * COLUMNS };
    lrt_amx_model_load(C, c, ROW);
    lrt_amx_model_load(A, a, ROW);
    lrt_amx_model_load(B, b, ROW);
    dot(C, A, B);
    lrt_amx_model_store(C, c, ROW);
    lrt_amx_model_release();
}

static void multiply(Tiles *t, int rows, int pairs, int columns)
{
    configure(rows, pairs, columns);
    run(lrt_amx_model_dot, t->c, t->a, t->b);
}

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}

/* The manual's order in double: exact before each rounding, as exponents span less than what a
 * double holds beyond a float. */
static void expect_products(Tiles *t, int rows, int pairs, int columns)
{
    for (int m = 0; m < rows; m++)
        for (int n = 0; n < columns; n++) {
            float sum[2] = {0};
            for (int k = 0; k < pairs; k++)
                for (int h = 0; h < 2; h++)
                    sum[h] = (float)((double)sum[h] + (double)bf16(t->a[m][2 * k + h]) *
                                                          (double)bf16(t->b[k][n][h]));
            t->c[m][n] += sum[0] + sum[1];
        }
}

/* Rows, pairs or words, columns. */
static const int shapes[][3] = {{16, 16, 16}, {1, 16, 16}, {16, 1, 16},
                                {7, 13, 16},  {16, 16, 3}, {5, 2, 1}};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static void random_products(void **state)
{
    (void)state;
    if (!have_model())
        skip();
    uint32_t seed = 1;
    for (size_t s = 0; s < 6 * SHAPES; s++) {
        const int *n = shapes[s % SHAPES];
        Tiles got;
        for (int i = 0; i < ROWS; i++)
            for (int k = 0; k < COLUMNS; k++) {
                got.c[i][k] = bf16(random_bf16(&seed)) * 1.2345f;
                for (int h = 0; h < 2; h++) {
                    got.a[i][2 * k + h] = random_bf16(&seed);
                    got.b[i][k][h] = random_bf16(&seed);
                }
            }
        Tiles want = got; /* what the tiles do not cover stays */
        expect_products(&want, n[0], n[1], n[2]);
        multiply(&got, n[0], n[1], n[2]);
        assert_memory_equal(&got, &want, sizeof got);
    }
}

/* c + a0 b0 + a1 b1, all by their bits. */
static uint32_t one_pair(uint32_t c, uint16_t a0, uint16_t b0, uint16_t a1, uint16_t b1)
{
    Tiles t = {.a = {{a0, a1}}, .b = {{{b0, b1}}}};
    memcpy(&t.c[0][0], &c, 4);
    multiply(&t, 1, 1, 1);
    return bits_of(t.c[0][0]);
}

static void rounding(void **state)
{
    (void)state;
    if (!have_model())
        skip();
    /* TINY: 2^-24, half a unit in the last place of 1; LEAST: 2^-126 */
    enum {
        ONE = 0x3f80,
        HALF = 0x3f00,
        TINY = 0x3380,
        LEAST = 0x0080,
        DENORMAL = 0x007f,
        INF = 0x7f80
    };
    const uint32_t one = 0x3f800000;
    unsigned mode = _mm_getcsr();
    for (int m = 0; m < 4; m++) { /* the thread's own mode and flags neither matter nor change */
        unsigned set = _MM_MASK_MASK | (unsigned)m << 13;
        _mm_setcsr(set);
        uint32_t tie_to_even = one_pair(one, ONE, TINY, 0, 0),
                 tie_to_odd = one_pair(one + 1, ONE, TINY, 0, 0);
        uint32_t both = one_pair(one, ONE, TINY, ONE, TINY),
                 denormal_operand = one_pair(0, DENORMAL, INF - 0x80, ONE, ONE);
        uint32_t denormal_product = one_pair(0, LEAST, HALF, 0, 0),
                 denormal_sum = one_pair(1, 0, 0, 0, 0);
        uint32_t least = one_pair(0, LEAST, ONE, 0, 0),
                 infinite = one_pair(one, INF, ONE, ONE, ONE);
        assert_int_equal(_mm_getcsr(), set);
        _mm_setcsr(mode);
        assert_int_equal(tie_to_even, one);
        assert_int_equal(tie_to_odd, one + 2);
        assert_int_equal(both, one + 1); /* the pair is added up before it meets c */
        assert_int_equal(denormal_operand, one);
        assert_int_equal(denormal_product, 0);
        assert_int_equal(denormal_sum, 0);
        assert_int_equal(least, 0x00800000);
        assert_int_equal(infinite, 0x7f800000);
        uint32_t nan = one_pair(one, INF, 0, ONE, ONE);
        assert_true((nan & 0x7fffffff) > 0x7f800000);
    }
}

/* Exact sums, modulo 2^32. */
static void expect_int8(Bytes *t, const int *n)
{
    for (int i = 0; i < n[0]; i++)
        for (int j = 0; j < n[2]; j++) {
            int64_t sum = t->c[i][j];
            for (int k = 0; k < 4 * n[1]; k++)
                sum += (int64_t)t->a[i][k] * t->b[k / 4][j][k % 4];
            uint32_t low = (uint32_t)sum;
            memcpy(&t->c[i][j], &low, 4);
        }
}

static void int8_products(void **state)
{
    (void)state;
    if (!have_model())
        skip();
    uint32_t seed = 1;
    for (size_t s = 0; s < 6 * SHAPES; s++) {
        const int *n = shapes[s % SHAPES];
        Bytes got;
        uint8_t *bytes = (uint8_t *)&got;
        for (size_t i = 0; i < sizeof got; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(seed >> 24); /* of sums: some wrap around */
        }
        if (s < SHAPES) { /* the largest products of either sign */
            memset(got.a, 255, sizeof got.a);
            memset(got.b, s % 2 ? -128 : 127, sizeof got.b);
        }
        Bytes want = got;
        expect_int8(&want, n);
        configure(n[0], n[1], n[2]);
        run(lrt_amx_model_dot_int8, got.c, got.a, got.b);
        assert_memory_equal(&got, &want, sizeof got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_products),
                                       cmocka_unit_test(rounding), cmocka_unit_test(int8_products)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void) { return 77; }
#endif
