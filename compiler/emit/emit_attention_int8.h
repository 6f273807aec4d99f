/* Scores of attention as products of whole numbers (quant.h). */
#ifndef LATENTC_EMIT_ATTENTION_INT8_H
#define LATENTC_EMIT_ATTENTION_INT8_H
#include "emit_attention_vectors.h"

/* One query as bytes, 128 added, and behind them its scale times `scale`. */
void load_query_int8(Emit *e, const Attention *a, V from, double scale, V to);
/* Sets m->acc, as attention_scores_product; m->a are set. */
void scores_int8(Emit *e, const Scores *s, Micro *m, V *start);

/* ---- packing ---- */

/* The mean of some keys of a head, from its first key on, to `mean`. */
void mean_of_keys(Emit *e, const Attention *a, V keys, V mean);
/* A key without the mean: where both lie, and its scale. */
typedef struct {
    V key, mean, scale;
} CentredKey;
/* Its scale, which need not be set. */
V scale_of_key(Emit *e, const Attention *a, const CentredKey *k);
/* `lanes` words of it, from channel `channel` on, `channels` of which exist. */
V key_row_int8(Emit *e, const Attention *a, const CentredKey *k, V channel, int64_t channels);
/* What the sums of `lanes` keys begin with: words are `width` words apart. */
V starts_of_keys(Emit *e, const Attention *a, V words, V width);
#endif
