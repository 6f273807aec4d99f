/* Operations of graph files. */
#ifndef LATENTC_GRAPH_OPS_H
#define LATENTC_GRAPH_OPS_H
#include "reader.h"

/* Adds the operation that the statement describes, with the weights of its layer. err() with the
 * place on any mistake. */
void read_op(Reader *r, Json statement);
#endif
