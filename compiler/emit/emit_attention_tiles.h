/* Attention on the tile unit. */
#ifndef LATENTC_EMIT_ATTENTION_TILES_H
#define LATENTC_EMIT_ATTENTION_TILES_H
#include "emit_attention_task.h"

/* The body of a task: y = softmax(scale q k') v for its queries. */
void emit_attention_tiles(Emit *e, const AttentionTask *task);
#endif
