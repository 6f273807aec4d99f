/* What the attention kernels share: where packed keys and values lie (emit_attention.c), and the
 * kernel for the tile unit (emit_attn_tiles.c). */
#ifndef LATENTC_EMIT_ATTENTION_H
#define LATENTC_EMIT_ATTENTION_H
#include "emit_amx.h"
#include "kernels.h"

/* Of the tile unit: tiles of channels that the keys of a head have, and of columns that its values
 * have. */
static inline int64_t tiles_of_keys(const Attention *a)
{
    return ceil_div(a->head_size, TILE_CHANNELS);
}
static inline int64_t tiles_of_values(const Attention *a)
{
    return ceil_div(a->head_size, TILE_COLUMNS);
}

/* What a task attends to: one head, the queries from `first` on. q, y: of the first of them; keys,
 * values: packed, of the head. */
typedef struct {
    const Attention *a;
    V first, q, y, keys, values;
} AttentionTask;
V lanes_below(Emit *e, V limit, int lanes); /* a vector of i1: lane i is i < limit */
void attention_tiles_plan(Attention *a);
int64_t attention_tiles_scratch(const Attention *a); /* bytes */
void emit_attention_tiles(Emit *e, const AttentionTask *task);
#endif
