/* Keras' JSON of a model becomes a graph: a second language of graph files. */
#ifndef LATENTC_KERAS_GRAPH_H
#define LATENTC_KERAS_GRAPH_H
#include "ir.h"
#include "json.h"

/* The graph of a model that Keras 3 describes (keras_model.h); sets: as keras_inputs.h has them. A
 * class of keras-cv that is written without its layers is the graph that comes with latentc, and
 * has its parameters. g->keras says where Keras stores the weights; none for such classes, whose
 * weights have the names of that graph. err() with the place on any mistake. */
Graph *keras_graph(Json root, const ParamSet *sets, int n_sets);

/* The names of the parameters that the graph takes, at most `most`. Returns how many. */
int keras_graph_parameters(Arena *a, Json root, const char **names, int most);

/* The name that the graph has. */
const char *keras_graph_name(Arena *a, Json root);
#endif
