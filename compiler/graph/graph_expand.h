/* Statements of graph files. */
#ifndef LATENTC_GRAPH_EXPAND_H
#define LATENTC_GRAPH_EXPAND_H
#include "reader.h"

/* Carries out a list of statements, one after another. err() with the place on any mistake. */
void read_statements(Reader *r, Json list);
#endif
