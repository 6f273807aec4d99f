/* The JSON listing of a graph: `latentc show --format json`. */
#ifndef LATENTC_LISTING_H
#define LATENTC_LISTING_H
#include "ir.h"
#include "buf.h"

/* Appends the graph's name, parameters, multiply-adds, inputs and outputs, then one object per
 * layer: path, op, shapes, parameters, multiply-adds. */
void graph_print_json(const Graph *g, Buf *out);
#endif
