/* The shape rule of every op. */
#ifndef LATENTC_INFER_H
#define LATENTC_INFER_H
#include "ir.h"

/* Checks the operands of o and sets *out to the shape of its result. Returns NULL, or a message
 * "expected ..., found ..." (static or in the graph's arena). RESHAPE takes the wanted shape from
 * *out. */
const char *infer_shape(const Graph *g, const Op *o, Shape *out);
#endif
