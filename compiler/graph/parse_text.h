/* Reads the text form of a graph. */
#ifndef LATENTC_PARSE_TEXT_H
#define LATENTC_PARSE_TEXT_H
#include "ir.h"

/* The graph that `text` describes; free it with graph_free. err() with file:line:column on any
 * mistake; `file` is for messages only. */
Graph *graph_parse_text(const char *text, const char *file);
#endif
