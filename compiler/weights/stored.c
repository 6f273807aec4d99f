/* Stored numbers to f32 and back, transposed where the writer's layout differs: see stored.h. */
#include "stored.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "numbers.h"

size_t stored_size(StDtype d)
{
    switch (d) {
    case ST_F64:
    case ST_I64: return 8;
    case ST_F32:
    case ST_I32: return 4;
    case ST_F16:
    case ST_BF16: return 2;
    case ST_F8_E4M3:
    case ST_F8_E5M2:
    case ST_U8: return 1;
    case ST_OTHER: return 0;
    }
    die("weights: no such type");
}

bool stored_is_f8(StDtype d) { return d == ST_F8_E4M3 || d == ST_F8_E5M2; }

bool stored_is_real(StDtype d)
{
    return d == ST_F64 || d == ST_F32 || d == ST_F16 || d == ST_BF16 || stored_is_f8(d);
}

static float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Exact, and without branches, so that compilers vectorise its loops: a multiplication corrects the
 * exponent and normalises subnormals; infinities and NaN get their exponent back. */
static float from_f16(uint16_t h)
{
    uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13, sign = (uint32_t)(h & 0x8000) << 16, bits;
    float f = from_bits(magnitude) * 0x1p112f;
    memcpy(&bits, &f, sizeof bits);
    bits |= magnitude >= 0x1fu << 23 ? 0x7f800000u : 0;
    return from_bits(bits | sign);
}

/* Sign, 4 bits of exponent, 3 of mantissa; exact. Where F16 has infinities this type has numbers,
 * and all ones is NaN. */
static float from_e4m3(uint8_t b)
{
    float f = from_bits((uint32_t)(b & 0x7f) << 20) * 0x1p120f;
    return (b & 0x7f) == 0x7f ? NAN : b & 0x80 ? -f : f;
}

/* Data in files is little-endian and not aligned to its size: read byte by byte (compilers make one
 * load of it). */
static uint64_t little_endian(const unsigned char *p, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

static uint16_t two(const unsigned char *p) { return (uint16_t)(p[0] | p[1] << 8); }

static float from_f64(const unsigned char *p)
{
    uint64_t bits = little_endian(p, 8);
    double d;
    memcpy(&d, &bits, sizeof d);
    return (float)d;
}

static void convert(StDtype dtype, const unsigned char *p, int64_t n, float *dst)
{
    switch (dtype) {
    case ST_F16:
        for (int64_t i = 0; i < n; i++)
            dst[i] = from_f16(two(p + 2 * i));
        break;
    case ST_BF16:
        for (int64_t i = 0; i < n; i++)
            dst[i] = from_bits((uint32_t)two(p + 2 * i) << 16);
        break;
    case ST_F8_E4M3:
        for (int64_t i = 0; i < n; i++)
            dst[i] = from_e4m3(p[i]);
        break;
    case ST_F8_E5M2:
        for (int64_t i = 0; i < n; i++)
            dst[i] = from_f16((uint16_t)(p[i] << 8));
        break;
    case ST_F64:
        for (int64_t i = 0; i < n; i++)
            dst[i] = from_f64(p + 8 * i);
        break;
    case ST_F32:
        if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
            memcpy(dst, p, (size_t)n * sizeof *dst);
        else
            for (int64_t i = 0; i < n; i++)
                dst[i] = from_bits((uint32_t)little_endian(p + 4 * i, 4));
        break;
    case ST_I64:
    case ST_I32:
    case ST_U8:
    case ST_OTHER: die("weights: integers are not converted");
    }
}

float stored_value(StDtype dtype, const void *data, int64_t i)
{
    float f;
    convert(dtype, (const unsigned char *)data + (size_t)i * stored_size(dtype), 1, &f);
    return f;
}

/* The address of number i of the data. */
static const unsigned char *number_at(const StoredNumbers *from, int64_t i)
{
    return (const unsigned char *)from->data + (size_t)i * stored_size(from->dtype);
}

/* The index of the first number that is NaN or infinite; -1: none. */
static int64_t not_finite(const float *x, int64_t n)
{
    uint32_t any = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        any |= (bits & 0x7f800000u) +
               0x00800000u; /* carries into the top bit where the exponent is all ones */
    }
    for (int64_t i = 0; i < n && any >> 31; i++)
        if (!isfinite(x[i]))
            return i;
    return -1;
}

enum { ROWS = 32, COLUMNS = 128, RUN = 1 << 16 };

/* Rows o0 and on of (out, in*taps) become columns of the result. This goes tile by tile, so that
 * reads and writes both cover whole cache lines. Stored column i*taps + t is row t*in + i of the
 * result. Returns the first bad index, or -1. */
static int64_t transpose_rows(const StoredNumbers *from, KernelShape k, int64_t o0, float *dst,
                              int64_t stride)
{
    float tile[ROWS][COLUMNS];
    int64_t columns = k.in * k.taps, rows = k.out - o0 < ROWS ? k.out - o0 : ROWS, bad = -1;
    for (int64_t c0 = 0; c0 < columns; c0 += COLUMNS) {
        int64_t n = columns - c0 < COLUMNS ? columns - c0 : COLUMNS;
        for (int64_t r = 0; r < rows; r++) {
            int64_t at = from->first + (o0 + r) * columns + c0;
            convert(from->dtype, number_at(from, at), n, tile[r]);
            int64_t wrong = not_finite(tile[r], n);
            if (wrong >= 0 && (bad < 0 || at + wrong < bad))
                bad = at + wrong;
        }
        int64_t i = c0 / k.taps, t = c0 % k.taps;
        for (int64_t c = 0; c < n; c++) {
            float *to = dst + (t * k.in + i) * stride + o0;
            if (rows == ROWS) /* a constant count: the loop becomes straight code */
                for (int64_t r = 0; r < ROWS; r++)
                    to[r] = tile[r][c];
            else
                for (int64_t r = 0; r < rows; r++)
                    to[r] = tile[r][c];
            if (++t == k.taps) {
                t = 0;
                i++;
            }
        }
    }
    return bad;
}

int64_t stored_transpose(const StoredNumbers *from, KernelShape k, float *dst, int64_t stride)
{
    int64_t bad = INT64_MAX;
#pragma omp parallel for schedule(static) reduction(min : bad) if (k.out * k.in * k.taps > RUN)
    for (int64_t o = 0; o < k.out; o += ROWS) {
        int64_t wrong = transpose_rows(from, k, o, dst, stride);
        if (wrong >= 0 && wrong < bad)
            bad = wrong;
    }
    return bad == INT64_MAX ? -1 : bad;
}

/* Columns o0 and on of (taps, in, out) become rows of (out, in, taps), tile by tile; tiles are wide
 * in the direction of reads. */
static void restore_rows(const float *src, KernelShape k, int64_t o0, float *dst)
{
    float tile[ROWS][COLUMNS];
    int64_t columns = k.in * k.taps, rows = k.out - o0 < COLUMNS ? k.out - o0 : COLUMNS;
    for (int64_t c0 = 0; c0 < columns; c0 += ROWS) {
        int64_t n = columns - c0 < ROWS ? columns - c0 : ROWS, i = c0 / k.taps, t = c0 % k.taps;
        for (int64_t c = 0; c < n; c++) {
            memcpy(tile[c], src + (t * k.in + i) * k.out + o0, (size_t)rows * sizeof **tile);
            if (++t == k.taps) {
                t = 0;
                i++;
            }
        }
        for (int64_t r = 0; r < rows; r++) {
            float *to = dst + (o0 + r) * columns + c0;
            if (n == ROWS)
                for (int64_t c = 0; c < ROWS; c++)
                    to[c] = tile[c][r];
            else
                for (int64_t c = 0; c < n; c++)
                    to[c] = tile[c][r];
        }
    }
}

void stored_restore(const float *src, KernelShape k, float *dst)
{
#pragma omp parallel for schedule(static) if (k.out * k.in * k.taps > RUN)
    for (int64_t o = 0; o < k.out; o += COLUMNS)
        restore_rows(src, k, o, dst);
}

/* Rounded to nearest, ties to even; values that are too large become infinite. */
static uint16_t to_f16(float x)
{
    uint32_t bits, sign, limit = 0x47800000u; /* 65536 */
    memcpy(&bits, &x, sizeof bits);
    sign = bits >> 16 & 0x8000;
    bits &= 0x7fffffffu;
    if (bits >= limit)
        return (uint16_t)(sign | 0x7c00);
    if (bits < 0x38800000u) {
        /* Below 2^-14: adding 0.5 rounds at the last bit of a subnormal. */
        float f = from_bits(bits) + 0.5f;
        memcpy(&bits, &f, sizeof bits);
        return (uint16_t)(sign | (bits - 0x3f000000u));
    }
    return (uint16_t)(sign | (bits - 0x38000000u + 0xfff + (bits >> 13 & 1)) >> 13);
}

int64_t stored_encode(StDtype dtype, const float *src, int64_t n, void *dst)
{
    uint16_t *half = dst;
    int64_t bad = -1;
    CHECK(dtype == ST_F32 || dtype == ST_F16 || dtype == ST_BF16);
    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
        die("checkpoints are written on little-endian machines only");
    if (dtype == ST_F32)
        memcpy(dst, src, (size_t)n * sizeof *src);
    for (int64_t i = 0; i < n && dtype == ST_F16; i++)
        half[i] = to_f16(src[i]);
    for (int64_t i = 0; i < n && dtype == ST_BF16; i++)
        half[i] = bf16_of(src[i]);
    uint16_t infinite = dtype == ST_F16 ? 0x7c00 : 0x7f80;
    for (int64_t i = 0; i < n && bad < 0 && dtype != ST_F32; i++)
        if ((half[i] & 0x7fff) == infinite)
            bad = i;
    return bad;
}

int64_t stored_rows(const StoredNumbers *from, int64_t rows, int64_t width, float *dst,
                    int64_t stride)
{
    int64_t bad = INT64_MAX;
    if (stride == width) { /* one long row, in runs */
        width *= rows;
        rows = 1;
    }
    int64_t runs = (width + RUN - 1) / RUN;
#pragma omp parallel for schedule(static) reduction(min : bad) if (rows * width > RUN)
    for (int64_t k = 0; k < rows * runs; k++) {
        int64_t row = k / runs, begin = k % runs * RUN,
                n = width - begin < RUN ? width - begin : RUN,
                at = from->first + row * width + begin;
        float *to = dst + row * stride + begin;
        convert(from->dtype, number_at(from, at), n, to);
        int64_t wrong = not_finite(to, n);
        if (wrong >= 0 && at + wrong < bad)
            bad = at + wrong;
    }
    return bad == INT64_MAX ? -1 : bad;
}
