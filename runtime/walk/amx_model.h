/* A model of Intel's tile unit (AMX-TILE, AMX-BF16, AMX-INT8; palette 1), instruction by
 * instruction, for code compiled for the target amx-model. Each thread has eight tiles. Where the
 * hardware raises an exception, the model prints the reason to standard error and aborts.
 *
 * It is linked into a program only if its code calls it. */
#ifndef LATENTRT_AMX_MODEL_H
#define LATENTRT_AMX_MODEL_H
#include <stdint.h>

/* The operand of ldtilecfg. A tile has `rows` rows of `bytes` bytes; both 0: the tile is unused. */
typedef struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes[8], reserved2[8];
    uint8_t rows[8], reserved3[8];
} lrt_tile_config;

/* ldtilecfg: sets the shapes of the tiles; all become zero. */
void lrt_amx_model_config(const lrt_tile_config *c);

/* tilerelease: no tile is configured after it. */
void lrt_amx_model_release(void);

/* tilezero: all elements of the tile become zero. */
void lrt_amx_model_zero(int32_t tile);

/* tileloadd, tilestored. stride: bytes from one row in memory to the next. */
void lrt_amx_model_load(int32_t tile, const void *p, int64_t stride);
void lrt_amx_model_store(int32_t tile, void *p, int64_t stride);

/* tdpbf16ps: c[m][n] += sum over k of a[m][2k] b[k][2n] + a[m][2k+1] b[k][2n+1] */
void lrt_amx_model_dot(int32_t c, int32_t a, int32_t b);

/* tdpbusd: c[m][n] += sum over k and h of a[m][4k+h] b[k][4n+h], h = 0..3, in i32; it wraps around.
 * Bytes of a are unsigned, those of b signed. */
void lrt_amx_model_dot_int8(int32_t c, int32_t a, int32_t b);
#endif
