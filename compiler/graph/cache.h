/* Step caching: values that a full step stores and the short steps after it read.
 *
 * A graph file marks values as cacheable, each at a level (the statement "cache"). Nothing follows
 * from a mark until graph_cache chooses a level. Then the values of that level, and what only they
 * need, get the binding BIND_INTERVAL: full steps compute them, short steps do not. */
#ifndef LATENTC_CACHE_H
#define LATENTC_CACHE_H
#include "ir.h"

enum { MOST_CACHE_LEVEL = 9 };

/* Marks t as cacheable at that level; a view stands for what it is a view of. NULL; or why not, as
 * a text in the graph's arena: inputs, weights, and values that do not change with the step. */
const char *graph_mark(Graph *g, TensorId t, int level);

/* The highest level that is marked; 0: the graph marks nothing. */
int graph_cache_levels(const Graph *g);

/* From now on the values of this level are cached. Before passes, which then keep these values.
 * NULL; or why not: no value has the level, or an output does. */
const char *graph_cache(Graph *g, int level);
#endif
