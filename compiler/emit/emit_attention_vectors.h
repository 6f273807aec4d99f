/* Attention on vectors. */
#ifndef LATENTC_EMIT_ATTENTION_VECTORS_H
#define LATENTC_EMIT_ATTENTION_VECTORS_H
#include "emit_attention_task.h"

/* The body of a task: y = softmax(scale q k') v for its queries. */
void emit_attention_vectors(Emit *e, const AttentionTask *task);
#endif
