/* Numbers as files store them: little-endian, not aligned; conversion to and from f32. */
#ifndef LATENTC_STORED_H
#define LATENTC_STORED_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ST_OTHER: a type that no weight here can have; files may hold such tensors all the same. The two
 * types of 8 bits are PyTorch's float8_e4m3fn (no infinities, one NaN; the largest is 448) and
 * float8_e5m2 (the upper half of an F16). */
typedef enum {
    ST_F64,
    ST_F32,
    ST_F16,
    ST_BF16,
    ST_F8_E4M3,
    ST_F8_E5M2,
    ST_I64,
    ST_I32,
    ST_U8,
    ST_OTHER
} StDtype;

/* Bytes of one number; 0 for ST_OTHER. */
size_t stored_size(StDtype d);

/* Is it a type that weights may have: F64, F32, F16, BF16 or one of 8 bits? */
bool stored_is_real(StDtype d);

/* Is it a type of 8 bits? Its tensors may have scales (scales.h). */
bool stored_is_f8(StDtype d);

/* Number i of data, of a type that weights may have. */
float stored_value(StDtype dtype, const void *data, int64_t i);

/* Numbers of a type that weights may have, from number `first` of data on. */
typedef struct {
    StDtype dtype;
    const void *data;
    int64_t first;
} StoredNumbers;

/* A kernel: output channels, input channels, and the taps of a convolution (1: a dense kernel). */
typedef struct {
    int64_t out, in, taps;
} KernelShape;

/* Converts (rows, width) numbers to f32; rows of dst are `stride` floats apart. Returns the index
 * in data of the first number that is NaN or infinite, -1 when all are finite. In parallel
 * (OpenMP). */
int64_t stored_rows(const StoredNumbers *from, int64_t rows, int64_t width, float *dst,
                    int64_t stride);

/* The same for a kernel in the order (out, in, taps), which becomes (taps, in, out): rows of dst
 * have `out` numbers. */
int64_t stored_transpose(const StoredNumbers *from, KernelShape k, float *dst, int64_t stride);

/* An f32 kernel in the order (taps, in, out) back to (out, in, taps). In parallel. */
void stored_restore(const float *src, KernelShape k, float *dst);

/* Converts n finite numbers to F32, F16 or BF16, rounded to nearest even. Returns the index of the
 * first that is too large for the type, or -1. */
int64_t stored_encode(StDtype dtype, const float *src, int64_t n, void *dst);
#endif
