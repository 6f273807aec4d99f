/* Attention with an online softmax, in two kernels. One packs keys and values into panels. The
 * other attends: a task is one block of queries of one head. Without fusion: AttnPart below. */
#ifndef LATENTC_ATTENTION_H
#define LATENTC_ATTENTION_H
#include <stdbool.h>
#include "arith.h"
#include "target.h"
#include "tile_unit.h"

/* The description of fused attention. */
typedef struct {
    /* q (batch, n, ldq), k (batch, m, ldk), v (batch, m, ldv), y (batch, n, ldy); the heads'
     * channels, heads * head_size, start at the given offsets. */
    int64_t batch, n, m, heads, head_size, ldq, ldk, ldv, ldy, q_off, k_off, v_off;
    /* Floats between the batch elements of q, k, v; 0: one serves all. */
    int64_t sq, sk, sv;
    double scale;
    int causal;
    /* Operands of both products are rounded to bfloat16. */
    int bf16;
    /* Scores are products of whole numbers, which quant.h defines. */
    int int8;
    /* The result is a tensor of bf16. */
    int y_bf16;

    /* ---- chosen by attention_plan ---- */
    int lanes, nr;
    /* Vectors of keys in a panel. */
    int panel_vectors;
    /* Queries of a task; panels of keys whose scores it holds at once. */
    int64_t query_block, block_panels;
    /* The tile unit computes it (emit_attention_tiles.c). */
    int tiles;
} Attention;

/* Do scores of whole numbers pay? Where an instruction multiplies them, but for the tile unit,
 * which is as fast with bf16 as vectors are with bytes. */
bool attention_int8_pays(const Target *t);
/* Sets the fields that it chooses, from all others. */
void attention_plan(Attention *a, const Target *t);
/* Tasks of the attending kernel, bytes of scratch for one; tasks of the packing kernel. */
int64_t attention_tasks(const Attention *a);
int64_t attention_scratch(const Attention *a);
int64_t attention_pack_tasks(const Attention *a);
int64_t attention_pack_scratch(const Attention *a);
/* Floats of the packed keys, and of the packed values. */
int64_t attention_key_floats(const Attention *a);
int64_t attention_value_floats(const Attention *a);

/* ---- packed keys and values ----
 * A word is an f32 number or a pair of bf16. */
static inline int64_t attention_words(const Attention *a, int64_t n)
{
    return a->bf16 ? ceil_div(n, 2) : n;
}
/* The same of channels of queries and keys, four of which are a word in int8. */
static inline int64_t attention_score_words(const Attention *a, int64_t n)
{
    return a->int8 ? ceil_div(n, 4) : attention_words(a, n);
}
/* On the tile unit: tiles of channels of a head's keys. */
static inline int64_t tiles_of_keys(const Attention *a)
{
    return ceil_div(a->head_size, TILE_CHANNELS);
}
/* Tiles of columns of a head's values. */
static inline int64_t tiles_of_values(const Attention *a)
{
    return ceil_div(a->head_size, TILE_COLUMNS);
}
/* Keys as stored: in whole vectors, or on the tile unit in whole panels. */
static inline int64_t keys_stored(const Attention *a)
{
    return round_up(a->m, a->tiles ? a->panel_vectors * a->lanes : a->lanes);
}
/* Channels of a head as stored: in whole vectors. */
static inline int64_t channels_stored(const Attention *a)
{
    return round_up(a->head_size, a->lanes);
}
/* Words behind the channels of a key in int8: its scale; what its sums begin with, as queries are
 * stored with 128 added. */
enum { KEY_SCALE, KEY_START, KEY_EXTRA };
/* Words of a key. */
static inline int64_t key_words(const Attention *a)
{
    if (a->tiles)
        return tiles_of_keys(a) * TILE_COLUMNS;
    return attention_score_words(a, a->head_size) + (a->int8 ? KEY_EXTRA : 0);
}
/* Keys of a panel. */
static inline int64_t panel_keys(const Attention *a)
{
    return (int64_t)a->panel_vectors * a->lanes;
}
/* Panels of keys of a head. */
static inline int64_t key_panels(const Attention *a)
{
    return ceil_div(keys_stored(a), panel_keys(a));
}
/* Blocks of such panels. */
static inline int64_t key_blocks(const Attention *a)
{
    return ceil_div(key_panels(a), a->block_panels);
}
/* Blocks of queries of a head. */
static inline int64_t query_blocks(const Attention *a) { return ceil_div(a->n, a->query_block); }
/* Channels of a panel of values. */
static inline int64_t value_width(const Attention *a) { return (int64_t)a->nr * a->lanes; }
/* Batch elements of the packed keys and values. */
static inline int64_t kv_batch(const Attention *a) { return a->sk || a->sv ? a->batch : 1; }
/* Words of a head's packed keys, and of its values. */
static inline int64_t head_key_words(const Attention *a) { return key_words(a) * keys_stored(a); }
static inline int64_t head_value_words(const Attention *a)
{
    return attention_words(a, keys_stored(a)) * channels_stored(a);
}

/* ---- scratch of a task ---- */
/* Floats between rows of queries. A row is a vector longer than it needs to
 * be: rows at a distance of a power of two share few sets of L1. */
static inline int64_t query_stride(const Attention *a)
{
    return round_up(attention_score_words(a, channels_stored(a)), a->lanes) + a->lanes;
}
/* Where a row of int8 has its scale. */
static inline int64_t query_scale(const Attention *a) { return query_stride(a) - 1; }
/* The same of scores. */
static inline int64_t score_stride(const Attention *a)
{
    return a->block_panels * panel_keys(a) + a->lanes;
}
/* The same of results. */
static inline int64_t result_stride(const Attention *a) { return channels_stored(a) + a->lanes; }
/* Queries of a task, in whole vectors. */
static inline int64_t query_rows(const Attention *a) { return round_up(a->query_block, a->lanes); }

/* The tile unit takes queries in strips and keys in steps; a product has ATTENTION_SUMS
 * accumulators. */
enum {
    ATTENTION_STRIP = TILE_MOST * TILE_ROWS,
    ATTENTION_STEP = TILE_MOST * TILE_COLUMNS,
    ATTENTION_SUMS = TILE_MOST * TILE_MOST
};
/* Strips of queries of a task. */
static inline int64_t attention_strips(const Attention *a)
{
    return a->query_block / ATTENTION_STRIP;
}
/* Steps of all keys. */
static inline int64_t attention_steps(const Attention *a) { return ceil_div(a->m, ATTENTION_STEP); }
/* Pairs of tiles of columns that a head's values have. */
static inline int64_t value_pairs(const Attention *a)
{
    return ceil_div(tiles_of_values(a), TILE_MOST);
}
/* Some key of some step does not exist, or a query must not see it. */
static inline bool has_hidden(const Attention *a)
{
    return a->causal || a->m % ATTENTION_STEP != 0;
}
/* Chunks of keys that the software-pipelined form computes; 0: none, it does not fit. */
int64_t pipelined_chunks(const Attention *a);
/* Offsets of the parts of a task's scratch on the tile unit, and its size, in floats. */
typedef struct {
    /* Q: [strip][2][tile of channels]. */
    int64_t queries;
    /* First values of the scores' sums: [strip][2]; where keys are hidden: [2][2]. */
    int64_t start, masked;
    /* S: two times [2][2]. */
    int64_t scores;
    /* P: two times [step of the chunk][2]. */
    int64_t weights;
    /* O: [strip][pair of columns][2][2]. */
    int64_t results;
    /* Sums of rows of P: [query], a vector each; and in total: [query]. */
    int64_t sums, totals;
    int64_t floats;
} AttentionTiles;
/* Of an attention with `tiles`. */
AttentionTiles attention_tiles(const Attention *a);

/* ---- unfused: one of the two products; scores (batch, heads, n, m) are stored ---- */
typedef struct {
    /* ld1, ld2, ldy: floats between rows of the operands and the result. off1, off2: where the
     * heads' channels start. s1, s2: floats between batch elements; 0: one serves all. */
    int64_t batch, n, m, heads, head_size, ld1, ld2, off1, off2, s1, s2, ldy;
    double scale;
    int causal;
    /* Rows of a task. */
    int64_t rows;
    /* 0: q, k to scores. 1: scores, v to the result. */
    int av;
} AttnPart;
/* Sets a->rows. */
void attn_part_plan(AttnPart *a, const Target *t);
/* Tasks, and bytes of scratch for one. */
int64_t attn_part_tasks(const AttnPart *a, const Target *t);
int64_t attn_part_scratch(const AttnPart *a, const Target *t);
#endif
