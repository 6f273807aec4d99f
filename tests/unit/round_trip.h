/* The text form of graphs, for tests. */
#ifndef ROUND_TRIP_H
#define ROUND_TRIP_H
#include "ir.h"

/* The graph's text form. The caller frees it. */
char *text_of(const Graph *g);

/* Fails unless the graph's text form reads back to a valid graph with the same text form. */
void assert_round_trip(const Graph *g);

#endif
