/* Attention on vectors whose scores stay in registers. */
#ifndef LATENTC_EMIT_ATTENTION_WEIGHTS_H
#define LATENTC_EMIT_ATTENTION_WEIGHTS_H
#include "emit_attention_vectors.h"

/* Does it pay? There are several blocks of keys, and each query sees all of them. */
bool attention_keeps_scale(const Attention *a);
/* How many units of its scores are a factor of 2: queries are scaled by it. */
double attention_unit(const Attention *a, const Target *t);
/* What scores begin with, from the maxima in x->max, in their place. */
void attention_start(Emit *e, const VectorAttention *x);
/* A RowTile of Scores: P and its sums, from Q. */
void attention_weights_tile(Emit *e, const void *scores, V row, int rows);
/* Sets x->sum. Returns whether one is too large: then r was too small. */
V attention_totals(Emit *e, const VectorAttention *x);
#endif
