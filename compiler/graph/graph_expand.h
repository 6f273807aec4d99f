/* Statements of graph files. */
#ifndef LATENTC_GRAPH_EXPAND_H
#define LATENTC_GRAPH_EXPAND_H
#include "reader.h"

/* Executes a list of statements in order. err() with the place on any mistake. */
void read_statements(Reader *r, Json list);
#endif
