/* Attention on the tile unit. */
#ifndef LATENTC_EMIT_ATTENTION_TILES_H
#define LATENTC_EMIT_ATTENTION_TILES_H
#include "emit_attention_task.h"

void emit_attention_tiles(Emit *e, const AttentionTask *task);
#endif
