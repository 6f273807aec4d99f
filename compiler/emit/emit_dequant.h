/* Weights of 8 and 4 bits alone: stored numbers to what they stand for (quant.h), in f32. Products
 * read them from panels in scratch, Winograd's transforms of kernels as they go. */
#ifndef LATENTC_EMIT_DEQUANT_H
#define LATENTC_EMIT_DEQUANT_H
#include "emit_task.h"

/* A vector of columns in panels of that layout. words: those of tap 0 and channel 0; scales: where
 * the scales of the same columns begin. */
typedef struct {
    const PanelLayout *p;
    V words, scales;
    int lanes;
} QuantColumns;

/* Channels k .. k + n of a tap, to out. They lie in one word. */
void dequant_channels(Emit *e, const QuantColumns *q, V tap, V k, int n, V *out);
/* The chunk of a block to panels of panel_read at task->unpacked. */
void dequant_block(Emit *e, const ContractTask *task, const ColumnBlock *b, V chunk);
#endif
