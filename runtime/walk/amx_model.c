/* See amx_model.h. This follows the pseudocode of the architecture manual ("Intel AMX instruction
 * reference": LDTILECFG, TILELOADD, TILESTORED, TILEZERO, TILERELEASE, TDPBF16PS, TDPBUSD). Two
 * things are not modelled: resuming at start_row after a page fault, and the payload of a NaN that
 * results from several. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amx_model.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { TILES = 8, ROWS = 16, ROW_BYTES = 64, COLUMNS = ROW_BYTES / 4 };

typedef struct {
    int rows, bytes;
    _Alignas(64) uint8_t data[ROWS][ROW_BYTES]; /* zero beyond rows and bytes */
} Tile;

static _Thread_local struct {
    bool configured;
    Tile tile[TILES];
} unit;

static void fault(const char *instruction, const char *why)
{
    fprintf(stderr, "model of the tile unit: %s: %s\n", instruction, why);
    abort();
}

static Tile *tile_of(int32_t t, const char *instruction)
{
    if (!unit.configured)
        fault(instruction, "tiles are not configured");
    if (t < 0 || t >= TILES || !unit.tile[t].rows)
        fault(instruction, "no such tile in the configuration");
    return &unit.tile[t];
}

void lrt_amx_model_release(void) { memset(&unit, 0, sizeof unit); }

static bool all_zero(const void *p, size_t n)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++)
        if (b[i])
            return false;
    return true;
}

void lrt_amx_model_config(const lrt_tile_config *c)
{
    lrt_amx_model_release();
    if (c->palette == 0)
        return;
    if (c->palette != 1 || c->start_row >= ROWS)
        fault("ldtilecfg", "palette or start row");
    if (!all_zero(c->reserved, sizeof c->reserved) ||
        !all_zero(c->reserved2, sizeof c->reserved2) ||
        !all_zero(c->reserved3, sizeof c->reserved3))
        fault("ldtilecfg", "reserved bytes are not zero");
    for (int i = 0; i < TILES; i++) {
        if (c->rows[i] > ROWS || c->bytes[i] > ROW_BYTES || !c->rows[i] != !c->bytes[i])
            fault("ldtilecfg", "shape of a tile");
        unit.tile[i].rows = c->rows[i];
        unit.tile[i].bytes = c->bytes[i];
    }
    unit.configured = true;
}

void lrt_amx_model_zero(int32_t t)
{
    Tile *x = tile_of(t, "tilezero");
    memset(x->data, 0, sizeof x->data);
}

void lrt_amx_model_load(int32_t t, const void *p, int64_t stride)
{
    Tile *x = tile_of(t, "tileloadd");
    if (x->bytes % 4)
        fault("tileloadd", "bytes of a row are no multiple of 4");
    for (int i = 0; i < x->rows; i++)
        memcpy(x->data[i], (const char *)p + i * stride, (size_t)x->bytes);
}

void lrt_amx_model_store(int32_t t, void *p, int64_t stride)
{
    const Tile *x = tile_of(t, "tilestored");
    if (x->bytes % 4)
        fault("tilestored", "bytes of a row are no multiple of 4");
    for (int i = 0; i < x->rows; i++)
        memcpy((char *)p + i * stride, x->data[i], (size_t)x->bytes);
}

/* The two numbers of a pair, as f32: the first in the lower half of the word. */
static float lower(uint32_t pair)
{
    float x;
    pair <<= 16;
    memcpy(&x, &pair, 4);
    return x;
}
static float upper(uint32_t pair)
{
    float x;
    pair &= 0xffff0000u;
    memcpy(&x, &pair, 4);
    return x;
}

/* The manual's loops. Even and odd members of the pairs have sums of their own, which start at
 * zero; they are added to each other and then to the tile. Every multiplication is fused with its
 * addition. Not inlined, so that no operation moves out of the rounding mode that its caller sets.
 */
__attribute__((target("avx2,fma"), noinline)) static void products(Tile *c, const Tile *a,
                                                                   const Tile *b)
{
    float even_b[ROWS][COLUMNS], odd_b[ROWS][COLUMNS];
    for (int k = 0; k < ROWS; k++)
        for (int n = 0; n < COLUMNS; n++) {
            uint32_t pair;
            memcpy(&pair, &b->data[k][4 * n], 4);
            even_b[k][n] = lower(pair);
            odd_b[k][n] = upper(pair);
        }
    for (int m = 0; m < c->rows; m++) {
        float even[COLUMNS] = {0}, odd[COLUMNS] = {0}, sum[COLUMNS];
        for (int k = 0; k < b->rows; k++) {
            uint32_t pair;
            memcpy(&pair, &a->data[m][4 * k], 4);
            float even_a = lower(pair), odd_a = upper(pair);
            for (int n = 0; n < COLUMNS; n++) {
                even[n] = __builtin_fmaf(even_a, even_b[k][n], even[n]);
                odd[n] = __builtin_fmaf(odd_a, odd_b[k][n], odd[n]);
            }
        }
        memcpy(sum, c->data[m], sizeof sum);
        for (int n = 0; n < COLUMNS; n++)
            sum[n] += even[n] + odd[n];
        memcpy(c->data[m], sum, (size_t)c->bytes);
    }
}

/* The same loops, of whole numbers: products of one tile fit i32, their sum with c may wrap around.
 */
__attribute__((target("avx2"))) static void products_int8(Tile *c, const Tile *a, const Tile *b)
{
    int32_t numbers[ROWS][4][COLUMNS];
    for (int k = 0; k < ROWS; k++)
        for (int n = 0; n < COLUMNS; n++)
            for (int h = 0; h < 4; h++)
                numbers[k][h][n] = (int8_t)b->data[k][4 * n + h];
    for (int m = 0; m < c->rows; m++) {
        int32_t sum[COLUMNS] = {0};
        for (int k = 0; k < b->rows; k++)
            for (int h = 0; h < 4; h++)
                for (int n = 0; n < COLUMNS; n++)
                    sum[n] += a->data[m][4 * k + h] * numbers[k][h][n];
        for (int n = 0; n < c->bytes / 4; n++) {
            uint32_t all;
            memcpy(&all, &c->data[m][4 * n], 4);
            all += (uint32_t)sum[n];
            memcpy(&c->data[m][4 * n], &all, 4);
        }
    }
}

typedef struct {
    Tile *c, *a, *b;
} Operands;
/* The tiles of a product, whose instruction may use them so. */
static Operands operands_of(int32_t c, int32_t a, int32_t b, const char *name)
{
    Operands o = {tile_of(c, name), tile_of(a, name), tile_of(b, name)};
    if (o.c == o.a || o.c == o.b || o.a == o.b)
        fault(name, "a tile twice");
    if (o.c->bytes % 4 || o.a->bytes % 4 || o.c->rows != o.a->rows || o.c->bytes != o.b->bytes ||
        o.a->bytes / 4 != o.b->rows)
        fault(name, "shapes of the tiles do not match");
    return o;
}

void lrt_amx_model_dot(int32_t c, int32_t a, int32_t b)
{
    Operands o = operands_of(c, a, b, "tdpbf16ps");
    /* The unit ignores the thread's mode: it rounds to nearest even, treats denormals as zero and
     * masks exceptions. */
    unsigned mode = _mm_getcsr();
    _mm_setcsr(_MM_MASK_MASK | _MM_ROUND_NEAREST | _MM_FLUSH_ZERO_ON |
               0x40 /* denormals are zero */);
    products(o.c, o.a, o.b);
    _mm_setcsr(mode);
}

void lrt_amx_model_dot_int8(int32_t c, int32_t a, int32_t b)
{
    Operands o = operands_of(c, a, b, "tdpbusd");
    products_int8(o.c, o.a, o.b);
}
#endif
