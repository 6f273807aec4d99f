/* What the actions of `latentc weights` share: a checkpoint beside the models of a pipeline. */
#ifndef LATENTC_WEIGHTS_CMD_H
#define LATENTC_WEIGHTS_CMD_H
#include "build.h"

enum { SUBJECT_MODELS = 4 };
typedef struct {
    const struct PipelineModel *of;
    Graph *graph;
    WeightSource *weights;
    WeightFit fit;  /* of a checkpoint */
    bool here;      /* the checkpoint has weights of it */
} SubjectModel;
typedef struct {
    Arena *arena;
    const char *file;        /* the pipeline's */
    Pipeline *pipeline;      /* with what the checkpoint says laid over */
    Checkpoint *checkpoint;  /* NULL: synthetic weights */
    SubjectModel model[SUBJECT_MODELS];
    int n, n_here;
} Subject;
/* pipeline NULL: Stable Diffusion 2, as latentc has it. */
Subject subject_open(const char *spec, const char *pipeline, const char *variant);
void subject_close(Subject *s);

/* weights_convert.c */
int weights_convert(int argc, char **argv);

/* weights_fetch.c */
int weights_fetch(int argc, char **argv);
#endif
