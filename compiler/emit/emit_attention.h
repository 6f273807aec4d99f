/* What the attention kernels share: where packed keys and values lie (emit_attention.c), and the
 * kernel for the tile unit (emit_attn_tiles.c). */
#ifndef LATENTC_EMIT_ATTENTION_H
#define LATENTC_EMIT_ATTENTION_H
#include "attention.h"
#include "emit.h"

/* What a task attends to: one head, the queries from `first` on. q, y: of the first of them; keys,
 * values: packed, of the head. */
typedef struct {
    const Attention *a;
    V first, q, y, keys, values;
} AttentionTask;
V lanes_below(Emit *e, V limit, int lanes); /* a vector of i1: lane i is i < limit */
void emit_attention_tiles(Emit *e, const AttentionTask *task);
#endif
