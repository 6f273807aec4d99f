/* Attention on vectors. */
#ifndef LATENTC_EMIT_ATTENTION_VECTORS_H
#define LATENTC_EMIT_ATTENTION_VECTORS_H
#include "emit_attention_task.h"

void emit_attention_vectors(Emit *e, const AttentionTask *task);
#endif
