/* The micro-kernel on vectors, for f32 operands (emit_micro.c) and for bf16 (emit_bf16.c). */
#ifndef LATENTC_EMIT_MICRO_H
#define LATENTC_EMIT_MICRO_H
#include "emit.h"

/* acc[i][v] += sum over k of a[i][k] * b[k * ldb + offset[v] .. + lanes]. rows * nvec
 * accumulators live in registers. */
typedef struct {
    int rows, nvec;
    /* Words from vector 0 of a row of b to vector v: v * lanes unless the caller changes it. */
    int64_t offset[4];
    V a[16];      /* one pointer a row */
    bool wide;    /* micro_run_bf16: rows of a are f32 */
    V acc[16][4]; /* variables of vector type */
    /* May be NULL. Emits what overlaps with each `unroll` steps of micro_run. */
    void (*overlap)(Emit *e, const void *user);
    const void *user;
} Micro;
/* Makes the variables and sets them to zero; sets offset. */
void micro_init(Emit *e, Micro *m, int rows, int nvec);
/* ldb: words between rows of b. unroll divides count. */
void micro_run(Emit *e, Micro *m, V b, V ldb, V count, int unroll);
/* tile(e, user, first row, rows) for all of `count` rows, at most `most` (and at most what the
 * registers hold) at a time: in as few tiles as that takes, of two sizes that differ by one, so
 * that none is nearly empty. */
typedef void RowTile(Emit *e, const void *user, V row, int rows);
void row_tiles(Emit *e, int64_t count, int most, RowTile *tile, const void *user);
#endif
