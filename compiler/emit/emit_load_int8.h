/* Loading a strip as whole numbers of 8 bits (quant.h). */
#ifndef LATENTC_EMIT_LOAD_INT8_H
#define LATENTC_EMIT_LOAD_INT8_H
#include "emit_int8.h"
#include "emit_load.h"

/* Where each image of the strip has a range: what its whole numbers stand for, to scratch. At the
 * beginning of every kernel that works on the strip. Sets task->quants, there or, where each row
 * has a range, behind the strip's numbers. */
void strip_quants(Emit *e, ContractTask *task);
/* Of output pixel p of the strip. */
QuantValues quant_of_pixel(Emit *e, const ContractTask *task, V p);
/* Pixel q of the strip from its row of x, and of x2. image: in the batch. */
void load_pixel_int8(Emit *e, const ContractTask *task, const V row[2], V q, V image);
/* Pixel q of the strip, outside of the picture. */
void load_outside_int8(Emit *e, const ContractTask *task, V q, V image);
#endif
