/* The graph as text, which graph_parse_text (parse_text.h) reads back, and as Graphviz dot. */
#ifndef LATENTC_PRINT_H
#define LATENTC_PRINT_H
#include "ir.h"
#include "buf.h"

/* Appends the text form (print.c describes it). graph_parse_text of it gives the same graph. */
void graph_print_text(const Graph *g, Buf *out);

/* Appends a shape, "[1,64,64,4]". */
void graph_print_shape(Buf *out, const Shape *s);

/* Appends a weight: w"path"[shape], or its parts. */
void graph_print_weight(Buf *out, const Tensor *t);

/* Appends a Graphviz digraph: one box per op, colored by the kind of work. */
void graph_print_dot(const Graph *g, Buf *out);
#endif
