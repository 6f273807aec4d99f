/* A graph alone, where commands take a pipeline: `latentc bench`, `latentc weights`. */
#ifndef LATENTC_ONE_GRAPH_H
#define LATENTC_ONE_GRAPH_H
#include "open_models.h"

/* Is the file a graph: JSON with a member "graph" and no "pipeline", or a model of Keras? err()
 * when it is no JSON. */
bool is_graph_file(const char *path);

/* A pipeline that has one model, the graph file at path, and no schedule or defaults: of its
 * members arena, file, dir, name and model are set. Parameters and weights as graph_open has them.
 * The model stands in the place of its name, else in the first. pipeline_close frees it. */
Pipeline *pipeline_of_graph(const char *path, const ParamSet *sets, int n_sets,
                            const WeightFlags *w);
#endif
