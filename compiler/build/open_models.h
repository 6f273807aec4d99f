/* Pipelines and graphs together with their weights, as the flags name them. */
#ifndef LATENTC_OPEN_MODELS_H
#define LATENTC_OPEN_MODELS_H
#include "formats.h"
#include "pipeline.h"
#include "shared_flags.h"

/* ---- open_models.c ---- */

/* Opens the pipeline file at path and the checkpoints of its models' weights: those that w names,
 * else those that the file names. A checkpoint's settings (parameters, schedule, padding,
 * vocabulary) replace the file's; `over` (JSON, a part of a pipeline file, or NULL) replaces both;
 * sets (--set) replace all. err() and usage_err() on any mistake. */
Pipeline *pipeline_open(const char *path, const ParamSet *sets, int n_sets, const WeightFlags *w,
                        const char *over);

/* Also closes its checkpoints. */
void pipeline_close(Pipeline *p);

/* A model of a pipeline: graph and weights, ready for program_add. */
typedef struct {
    Graph *graph;
    WeightSource *weights;
} Model;

/* usage_err() unless something names weights for each model of the pipeline; err() when that is a
 * file that no pipeline takes (signatures.h). */
void pipeline_need_weights(const Pipeline *l);

/* batch, guided: as in pipeline_graph. The weights are those that pipeline_open found, else
 * `otherwise` (NULL: usage_err() when nothing names any). They are checked against the graph. */
Model model_open(const Pipeline *l, const PipelineModel *m, int batch, bool guided,
                 const char *otherwise);
void model_close(Model *m);

/* ---- open_graph.c ---- */

/* What the flags name as the weights of a graph. spec NULL: nothing. The caller closes the
 * checkpoint, which is NULL when the weights are synthetic. */
typedef struct {
    const char *spec;
    Checkpoint *checkpoint;
} GraphWeights;

/* Finds what the flags name for the weights of this model, and opens its checkpoint. */
void graph_weights_find(const char *model, const WeightFlags *w, GraphWeights *from);

/* The parameters of a graph file, whose JSON is root, that the checkpoint of its weights gives it.
 * Texts are the arena's. Fills *from. */
ParamList graph_params(Arena *a, Json root, const WeightFlags *w, GraphWeights *from);

/* param_put; err() when there are too many. */
void param_put_or_err(ParamList *l, ParamSet p);

/* Loads a graph file (.json, .keras), with the parameters that the checkpoint of its weights gives
 * it; sets replace them. A .txt file is a graph in its text form, without parameters. Fills *from:
 * what w names, else the weights in a .keras archive. w NULL: no weights are wanted. */
Graph *graph_open(const char *path, const ParamSet *sets, int n_sets, const WeightFlags *w,
                  GraphWeights *from);

/* The weights of such a graph, checked against it. usage_err() when it has some and nothing names
 * them; command is for that message. */
WeightSource *graph_weights(const Graph *g, const GraphWeights *from, const char *command);
#endif
