/* The task of an attention kernel. */
#ifndef LATENTC_EMIT_ATTENTION_TASK_H
#define LATENTC_EMIT_ATTENTION_TASK_H
#include "attention.h"
#include "emit.h"

/* exp(x) is 2^(x * LOG2_E). Keys that a query must not see are scored with HIDDEN: 2^HIDDEN is
 * zero, and no infinity meets another. */
#define LOG2_E 1.4426950408889634
#define HIDDEN (-1e30)

/* One head and a block of queries, from `first` on. q, y: of the first of them, the head's
 * channels; keys, values: packed, of the head. */
typedef struct {
    const Attention *a;
    V first, q, y, keys, values;
} AttentionTask;
#endif
