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

/* Is this the JSON of a graph, in latentc's language or Keras'? */
bool graph_json_is_graph(Json root);

/* The name that the graph of this JSON has; lives until json_free or as long as the arena. err()
 * when there is none. */
const char *graph_json_name(Arena *a, Json root);

/* The names of the parameters that the graph of this JSON takes, at most `most`, and for each input
 * varies.NAME, a text that says how often it changes instead of the file. Returns how many. */
int graph_json_parameters(Arena *a, Json root, const char **names, int most);
#endif
