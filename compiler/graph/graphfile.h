/* Reads graph files; the language: docs/graph-language.md. */
#ifndef LATENTC_GRAPHFILE_H
#define LATENTC_GRAPHFILE_H
#include "ir.h"
#include "json.h"

/* The graph in the file at path, with parameters set; free it with graph_free. err() with the place
 * on any mistake. */
Graph *graph_load(const char *path, const ParamSet *sets, int n_sets);

/* The same of a file that is read already. */
Graph *graph_from_json(Json root, const ParamSet *sets, int n_sets);
#endif
