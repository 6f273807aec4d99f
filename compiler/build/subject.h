/* A checkpoint held against the models of a pipeline: what the actions of `latentc weights` look
 * at. */
#ifndef LATENTC_SUBJECT_H
#define LATENTC_SUBJECT_H
#include "open_models.h"

/* ---- subject.c ---- */

/* One model of the pipeline. */
typedef struct {
    const PipelineModel *of;
    Graph *graph;
    WeightSource *weights;
    WeightFit fit; /* missing and wrong weights; empty for synthetic ones */
    bool here;     /* the checkpoint has weights of this model */
} SubjectModel;

/* The checkpoint and the models that the pipeline has, in the order of models.def. */
typedef struct {
    Arena *arena;
    const char *file;       /* the pipeline's path, or a graph's */
    bool one_graph;         /* file is a graph: the pipeline has no schedule (one_graph.h) */
    Pipeline *pipeline;     /* with the checkpoint's settings laid over it */
    Checkpoint *checkpoint; /* NULL: the weights are synthetic */
    SubjectModel model[MODEL_COUNT];
    int n, n_here;
} Subject;

/* spec: the checkpoint, as --weights names it. pipeline: path of a pipeline file or a graph file;
 * NULL: Stable Diffusion 2 (default_pipeline). variant: of a diffusers folder's files, or NULL.
 * err() when one of them cannot be read. The caller closes the subject. */
Subject subject_open(const char *spec, const char *pipeline, const char *variant);
void subject_close(Subject *s);

/* err() when the checkpoint has weights of none of the models: says what it is, if that is known.
 */
void subject_need_any(const Subject *s);

/* The path of graphs/sd2/pipeline.json: in the current folder, else in latentc's own. usage_err()
 * when it is in neither. */
const char *default_pipeline(Arena *a);
#endif
