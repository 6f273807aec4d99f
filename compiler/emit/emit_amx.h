/* The tile unit (AMX), the one place that knows its instructions. For CORE_AMX a function here is
 * one instruction; for CORE_AMX_MODEL it is a call of the C model (runtime/amx_model.h), so that
 * the kernels above are the same and can be compared on any machine with AVX2.
 *
 * A kernel that uses tiles configures them before the first one and releases them at its end:
 * between kernels there is no state.
 *
 *                     B tiles 6, 7: TILE_COLUMNS columns each, a row is a pair of channels of all
 * columns A tiles 4, 5      accumulators 0 1      a row is one pixel (or query, ...), a column one
 * output channel, in f32 rows x channels                2 3
 *
 * Four products for four loads of 1 KiB: with one operand in L1 and the other in L2 the loads hide
 * behind the products. */
#ifndef LATENTC_EMIT_AMX_H
#define LATENTC_EMIT_AMX_H
#include "emit.h"
#include "tile_unit.h"

static inline int tile_sum(int i, int j)
{
    return TILE_MOST * i + j;
} /* number of accumulator (i, j) */
static inline int tile_a(int i) { return 4 + i; }
static inline int tile_b(int j) { return 6 + j; }

/* Accumulators rows x TILE_COLUMNS f32, A tiles rows x channels bf16 (an even number), B tiles
 * channels/2 pairs x TILE_COLUMNS. */
void tile_configure(Emit *e, int rows, int channels);
void tile_release(Emit *e);
void tile_zero(Emit *e, int tile);
void tile_load(Emit *e, int tile, V p, V stride);   /* stride: bytes between rows, an i64 */
void tile_stream(Emit *e, int tile, V p, V stride); /* the same, of data that need not stay in L1 */
void tile_store(Emit *e, int tile, V p, V stride);
void tile_dot(Emit *e, int sum, int a,
              int b); /* sum[m][n] += a[m] . b[.][n], in f32, each row's pairs in order */

/* m x n accumulators += A tiles times B tiles, `steps` times: one loop of loads and products. */
typedef struct {
    int m, n;                             /* 1 or 2 */
    V a[TILE_MOST], b[TILE_MOST];         /* of the first step */
    V lda, ldb;                           /* bytes between the rows of an A tile, of a B tile */
    int64_t a_step, b_step;               /* bytes from one step's tile to the next one's */
    bool stream_a, stream_b;              /* which operand passes by while the other stays in L1 */
    int unroll;                           /* steps of the loop's body; divides `steps` */
    void (*overlap)(Emit *e, void *user); /* may be NULL; emits what stands between products: the
                                            vector units wait while the tile unit works */
    int apart; /* products from one to the next; divides the m * n * unroll of the body. Few: what a
                * core has in hand at once, half of it where two threads share the core, should be
                * both tiles' and vectors' instructions */
    void *user;
} TileProduct;
void tile_products(Emit *e, const TileProduct *p, V steps);
#endif
