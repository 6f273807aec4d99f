/* A graph as a graph file: `latentc show GRAPH --format latentc`. */
#ifndef LATENTC_GRAPH_WRITE_H
#define LATENTC_GRAPH_WRITE_H
#include "buf.h"
#include "ir.h"

/* Appends a graph file that has the graph: a statement per operation, all sizes as numbers, nothing
 * to set. Reading it gives an equal graph with the same paths. err() when more values are needed at
 * once than a body may name, or the graph has what only passes make. */
void graph_write_file(const Graph *g, Buf *out);
#endif
