/* The loops of the reference interpreter, one function per op. */
#ifndef LATENTC_INTERP_OPS_H
#define LATENTC_INTERP_OPS_H
#include "ir.h"

/* A tensor while it is interpreted: C order, all in double (32-bit integers fit exactly). data:
 * NULL for an empty slot. */
typedef struct {
    Shape shape;
    double *data;
} Value;

/* Computes out->data from in[0..SLOT_COUNT-1] by the definition of op. out->shape is set and
 * out->data has room. */
typedef void InterpOp(const Op *op, const Value *in, Value *out);

/* Row r of a tensor that has x's shape but for the batch: where x has batch 1, its rows serve every
 * batch element. */
static inline const double *interp_row(const Value *x, int64_t r)
{
    int64_t c = shape_channels(&x->shape);
    return x->data + (x->shape.dim[0] == 1 ? r % (shape_count(&x->shape) / c) : r) * c;
}

/* Whether so many operations are worth sharing among threads. Waking the threads takes longer than
 * a small number of operations. */
static inline bool interp_parallel(int64_t operations) { return operations > 1 << 15; }

/* The loops of every kind of op. */
extern InterpOp *const interp_ops[OP_COUNT];

/* conv2d and dense: interp_contract.c */
InterpOp interp_conv2d, interp_dense;

/* range: interp_quant.c */
InterpOp interp_range;

/* The function of a row of activations.def. For a gated activation: the function of the
 * second half. */
double interp_scalar(Activation act, double x);
#endif
