/* Whole numbers of 8 bits: how operands become them, their products, and the micro-kernel. quant.h
 * has the formulas. A word is 32 bits: numbers of four channels, the first one in the lowest byte.
 */
#ifndef LATENTC_EMIT_INT8_H
#define LATENTC_EMIT_INT8_H
#include "contract.h"
#include "emit_micro.h"
#include "emit_range.h"

/* What the whole numbers of a row or a batch element stand for: f32, f32, i32. */
typedef struct {
    V scale, inverse, zero;
    /* The range is that of the numbers themselves: none lies outside of it. */
    bool exact;
} QuantValues;
/* Exact, from the least and the greatest number, and 0 or NaN (quant_operand). */
QuantValues emit_quant_operand(Emit *e, V low, V high, V poison);
/* In memory: QUANT_WORDS (contract.h). Loaded ones are not exact. */
void store_quant(Emit *e, const QuantValues *q, V p);
QuantValues load_quant(Emit *e, V p);

/* `lanes` f32 numbers as bytes at p. */
void store_int8(Emit *e, V x, const QuantValues *q, V p, int lanes);

/* Symmetric, as weights are (quant_weight_scale, quant_weight): the scale of numbers in a range;
 * `lanes` numbers as i32, -127 to 127, any where the scale is not finite; those with 128 added as
 * bytes at p; four times `lanes` i32 as a vector of words. */
V emit_quant_scale(Emit *e, const NumberRange *r);
V whole_int8(Emit *e, V x, V scale, int lanes);
void store_unsigned_int8(Emit *e, V x, V scale, V p, int lanes);
V words_int8(Emit *e, V part[4], int lanes);

/* acc + a . b: acc i32; a: words of four unsigned numbers, b: of four signed ones, -127 to 127. All
 * have the target's lanes. Exact, but for a known multiple of b's sums where the target multiplies
 * signed numbers: sums_of_int8 has it. */
V dot_int8(Emit *e, V acc, V a, V b);
/* micro_init with sums of i32. */
void micro_init_int8(Emit *e, Micro *m, int rows, int nvec);
/* As micro_run, operands in words of four: ldb and `words` count them. */
void micro_run_int8(Emit *e, Micro *m, V b, V ldb, V words, int unroll);
/* Whole sums as f32: (sum - zero * columns) * (row.scale * column_scale). columns: sums of the
 * columns' numbers. */
V sums_of_int8(Emit *e, V sum, const QuantValues *row, V columns, V column_scales);
#endif
