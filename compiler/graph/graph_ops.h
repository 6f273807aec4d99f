/* Operations of graph files. */
#ifndef LATENTC_GRAPH_OPS_H
#define LATENTC_GRAPH_OPS_H
#include "reader.h"

/* Adds the operation that the statement describes, with the weights of its layer. err() with the
 * place on any mistake. */
void read_op(Reader *r, Json statement);

/* Whether graph files may have such operations; others only passes make. */
bool op_in_files(OpKind kind);

enum { MOST_MEMBERS = 12 };

/* Members that an operation of this kind may have in a graph file besides op, path, in, out, about
 * and, if it has weights, weights: its attributes, and what its weights and its shape follow from.
 * members: room for MOST_MEMBERS. Returns how many; 0 for operations that only passes make. */
size_t op_members(OpKind kind, const char **members);
#endif
