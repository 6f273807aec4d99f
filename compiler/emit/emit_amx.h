/* The tile unit (AMX), the one place that knows its instructions. For CORE_AMX a function here is
 * one instruction. For CORE_AMX_MODEL it is a call of the C model (runtime/walk/amx_model.h), so
 * the kernels are the same and can be compared on any machine with AVX2.
 *
 * A kernel that uses tiles configures them before the first one and releases them at its end:
 * between kernels there is no state. tile_unit.h has the sizes.
 *
 *                                        B tiles 6, 7: a row is a pair of channels of all columns
 *                                         6     7
 *   A tiles 4, 5: a row is one pixel   4  0     1    accumulators, in f32: a row is one pixel (or
 *   (or query, ...), all channels      5  2     3    query, ...), a column one output channel
 *
 * Four loads of 1 KiB for four products: with one operand in L1 and the other in L2 the products
 * hide the loads. */
#ifndef LATENTC_EMIT_AMX_H
#define LATENTC_EMIT_AMX_H
#include "emit.h"
#include "tile_unit.h"

/* Numbers of accumulator (i, j), of A tile i and of B tile j. */
static inline int tile_sum(int i, int j) { return TILE_MOST * i + j; }
static inline int tile_a(int i) { return 4 + i; }
static inline int tile_b(int j) { return 6 + j; }

/* Accumulators rows x TILE_COLUMNS f32, A tiles rows x channels bf16 (an even number), B tiles
 * channels/2 pairs x TILE_COLUMNS. */
void tile_configure(Emit *e, int rows, int channels);
void tile_release(Emit *e);
void tile_zero(Emit *e, int tile);
/* stride: bytes between rows, an i64. tile_stream: the same, of data that need not stay in L1. */
void tile_load(Emit *e, int tile, V p, V stride);
void tile_stream(Emit *e, int tile, V p, V stride);
void tile_store(Emit *e, int tile, V p, V stride);
/* sum[m][n] += a[m] . b[.][n], in f32, each row's pairs in order. */
void tile_dot(Emit *e, int sum, int a, int b);

/* m x n accumulators += A tiles times B tiles, `steps` times: one loop of loads and products. */
typedef struct {
    int m, n; /* 1 or 2 */
    /* Tiles of the first step. */
    V a[TILE_MOST], b[TILE_MOST];
    /* Bytes between the rows of an A tile, of a B tile. */
    V lda, ldb;
    /* Bytes from one step's tile to the next one's. */
    int64_t a_step, b_step;
    /* Which operand is streamed while the other stays in L1. */
    bool stream_a, stream_b;
    /* Steps of the loop's body; divides `steps`. */
    int unroll;
    /* May be NULL. Emits a share of other work after every `apart` products; apart divides the m *
     * n * unroll of the body. A core looks ahead over some hundred operations, half as many where
     * two threads share it; with few products from share to share these are both tiles' and
     * vectors'. */
    void (*overlap)(Emit *e, void *user);
    void *user;
    int apart;
} TileProduct;
/* Emits the products of all steps: sums += A . B. */
void tile_products(Emit *e, const TileProduct *p, V steps);
#endif
