/* The pipelined form of attention on the tile unit. */
#ifndef LATENTC_EMIT_ATTENTION_PIPELINE_H
#define LATENTC_EMIT_ATTENTION_PIPELINE_H
#include "emit_attention_steps.h"

/* The first `chunks` chunks of keys (pipelined_chunks) for all strips. */
void pipelined_steps(Emit *e, const TileAttention *t, int64_t chunks);
#endif
