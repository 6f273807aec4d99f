/* The steps of attention on the tile unit, for its plain and its pipelined form: scores, softmax,
 * products with values. emit_attention_tiles.c has the algorithm. A strip is ATTENTION_STRIP
 * queries, a step ATTENTION_STEP keys. */
#ifndef LATENTC_EMIT_ATTENTION_STEPS_H
#define LATENTC_EMIT_ATTENTION_STEPS_H
#include "emit_amx.h"
#include "emit_attention_task.h"

/* The parts of a task's scratch are those of AttentionTiles. */
typedef struct {
    const AttentionTask *task;
    const Attention *a;
    V queries, start, masked, scores, weights, results, sums, totals;
} TileAttention;

/* Address of a tile, counted from `base`. */
static inline V tile_at(Emit *e, V base, V index)
{
    return at(e, base, mulc(e, index, TILE_FLOATS));
}
/* The same of a constant index. */
static inline V tile_atc(Emit *e, V base, int64_t index)
{
    return atc(e, base, index * TILE_FLOATS);
}

/* Where the tiles of the four sums of a product lie. */
typedef struct {
    V p[TILE_MOST][TILE_MOST];
} Four;
/* i_step, j_step: tiles from one to the next. */
Four four_at(Emit *e, V base, int64_t i_step, int64_t j_step);

/* Q of a strip times the keys of a step. */
TileProduct score_product(Emit *e, const TileAttention *t, V strip, V step);
/* P times `n` tiles of columns of the values, from pair `pair` on. weights: P of the chunk whose
 * first step is `step`. */
TileProduct value_product(Emit *e, const TileAttention *t, V weights, V step, V pair, int n);
/* The strip's parts: -r, sums of rows, O. */
V strip_start(Emit *e, const TileAttention *t, V strip);
V strip_sums(Emit *e, const TileAttention *t, V strip);
V strip_results(Emit *e, const TileAttention *t, V strip);
/* S of a strip and a step, to one of the two places for it. */
void attention_scores(Emit *e, const TileAttention *t, V strip, V step, V to);
/* One row: S from two tiles, P, and its sum added to the row's. */
void softmax_row(Emit *e, V s0, V s1, V p, V sum);
/* All rows of a step. weights: where the step's two tiles of P go. */
void attention_softmax(Emit *e, V scores, V weights, V sums);
/* O += P . values for `count` steps from `step` on. */
void attention_values(Emit *e, const TileAttention *t, V strip, V weights, V step, V count);
#endif
