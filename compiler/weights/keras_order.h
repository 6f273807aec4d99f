/* The order in which Keras lists the weights of a model. */
#ifndef LATENTC_KERAS_ORDER_H
#define LATENTC_KERAS_ORDER_H
#include "ir.h"

/* The paths of a graph's weights, before any pass, in the order in which Keras lists them; paths
 * has room for g->n_tensors. Returns how many. */
size_t keras_order(const Graph *g, const char **paths);
#endif
