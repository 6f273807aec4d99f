/* Attention on vectors. */
#ifndef LATENTC_EMIT_ATTENTION_VECTORS_H
#define LATENTC_EMIT_ATTENTION_VECTORS_H
#include "emit_attention_task.h"
#include "emit_bf16.h"

/* The body of a task: y = softmax(scale q k') v for its queries. */
void emit_attention_vectors(Emit *e, const AttentionTask *task);

/* ---- for emit_attention_scores.c and emit_attention_weights.c ---- */

typedef struct {
    const Attention *a;
    /* Of the head: queries and results of the block; its first query; panels. */
    V q, y, first, keys, values;
    /* Scratch: Q [query][channel], S and P [query][key], O [query][channel], as operands or f32. */
    V queries, scores, results;
    /* Scratch, a number per query: m, m', l, 2^(m - m'); factor is NULL where O keeps its scale. */
    V old, max, sum, factor;
    /* Scratch, a vector per query: partial sums of l where O keeps its scale. */
    V sums;
} VectorAttention;

/* The scores of a panel of keys: nvec vectors, from `column` of the block's on. */
typedef struct {
    const VectorAttention *x;
    V panel, column;
    int nvec;
} Scores;

/* Row `row` of a matrix whose rows are `stride` words apart. */
static inline V attention_row(Emit *e, V base, V row, int64_t stride)
{
    return at(e, base, mulc(e, row, stride));
}
/* n floats. */
void attention_fill(Emit *e, V p, int64_t n, double value);
/* m->acc = m->acc + m->a . panel, for `count` words, a multiple of `multiple`. */
void attention_product(Emit *e, const VectorAttention *x, Micro *m, V panel, V count,
                       int64_t multiple);
/* Q of the block, scaled, for scores of which `unit` are a factor of 2; queries beyond n are zero.
 */
void attention_queries(Emit *e, const VectorAttention *x, double unit);
/* m->acc = Q . keys, queries from `row` on; start: plus a number of each row, or NULL. */
void attention_scores_product(Emit *e, const Scores *s, Micro *m, V row, V *start);
#endif
