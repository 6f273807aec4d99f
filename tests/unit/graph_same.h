/* Are two graphs the same, whatever their names and the order of independent operations? */
#ifndef GRAPH_SAME_H
#define GRAPH_SAME_H
#include "ir.h"

/* NULL when they are: then *pairs, unless NULL, is for each tensor of a (index id - 1) the id of
 * its counterpart in b, 0 for tensors that no output needs; the caller frees it. Else what differs
 * first, from the outputs on. Operands have an order; marks of cacheable values do not count. */
const char *graph_difference(const Graph *a, const Graph *b, uint32_t **pairs);
#endif
