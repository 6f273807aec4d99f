/* Makes operations whose result's shape follows from the shape rules. */
#ifndef LATENTC_CONSTRUCT_H
#define LATENTC_CONSTRUCT_H
#include "ir.h"

/* An op of this kind with every attribute at its default (attr.h) and no operands. */
Op op_make(OpKind kind, const char *path);

/* Appends op and its result, whose shape is inferred. die()s where the rule refuses the operands.
 * Not for RESHAPE. */
TensorId graph_add_op(Graph *g, Op op);

/* Appends a reshape of x to shape s. die()s where the number of elements differs. */
TensorId graph_add_reshape(Graph *g, TensorId x, Shape s, const char *path);
#endif
