/* What a task of an attention works on. */
#ifndef LATENTC_EMIT_ATTENTION_TASK_H
#define LATENTC_EMIT_ATTENTION_TASK_H
#include "attention.h"
#include "emit.h"

/* One head and a block of queries, from `first` on. q, y: of the first of them, the head's
 * channels; keys, values: packed, of the head. */
typedef struct {
    const Attention *a;
    V first, q, y, keys, values;
} AttentionTask;
#endif
