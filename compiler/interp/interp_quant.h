/* The quantised part of conv2d and dense: quant.h says what the numbers mean. Whole numbers are
 * held in doubles, which sums of them leave exact. */
#ifndef LATENTC_INTERP_QUANT_H
#define LATENTC_INTERP_QUANT_H
#include "interp_ops.h"

/* The kernel (taps.., channels, columns) as whole numbers with a scale for each column; with
 * weights quantised alone as the numbers that they stand for, and scales of 1. scales: (columns).
 * The caller frees the result. */
double *interp_quant_kernel(Quant quant, const Value *kernel, double *scales);

/* The operand (rows, c) as whole numbers minus their zero point, in place. scales: (rows). */
void interp_quant_rows(double *data, int64_t rows, int64_t c, double *scales);

/* The same for `batch` elements of `each` numbers, whose ranges (batch,2) are given. */
void interp_quant_images(double *data, int64_t batch, int64_t each, const double *range,
                         double *scales);

/* An attention's queries, or its keys with the mean of some taken off: a copy of x, whose heads,
 * from channel off on, are what their whole numbers stand for. The caller frees it. */
double *interp_quant_heads(const Value *x, const AttnAttr *attr, int64_t off, bool keys);
#endif
