/* What ops cost: multiply-adds and parameters, as reference listings of the models count them. */
#ifndef LATENTC_COST_H
#define LATENTC_COST_H
#include "ir.h"

/* Multiply-adds of conv2d, dense, attn_qk, attn_av and attention; 0 for all others. INT64_MAX when
 * they do not fit. */
int64_t op_macs(const Graph *g, const Op *o);

/* The same before the op has a result: out is the shape that it will have. */
int64_t op_macs_for(const Graph *g, const Op *o, const Shape *out);

/* Elements of the op's weights. */
int64_t op_parameters(const Graph *g, const Op *o);

/* Elements of all weights that live ops read, each tensor counted once. */
int64_t graph_parameters(const Graph *g);
#endif
