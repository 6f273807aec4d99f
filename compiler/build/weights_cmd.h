/* What the actions of `latentc weights` share: a checkpoint beside the models of a pipeline. */
#ifndef LATENTC_WEIGHTS_CMD_H
#define LATENTC_WEIGHTS_CMD_H
#include "build.h"

typedef struct {
    const PipelineModel *of;
    Graph *graph;
    WeightSource *weights;
    WeightFit fit; /* of a checkpoint */
    bool here;     /* the checkpoint has weights of it */
} SubjectModel;
typedef struct {
    Arena *arena;
    const char *file;       /* the pipeline's */
    Pipeline *pipeline;     /* with what the checkpoint says laid over */
    Checkpoint *checkpoint; /* NULL: synthetic weights */
    SubjectModel model[MODEL_COUNT];
    int n, n_here;
} Subject;
/* pipeline NULL: Stable Diffusion 2, as latentc has it. */
Subject subject_open(const char *spec, const char *pipeline, const char *variant);
void subject_close(Subject *s);

/* graphs/sd2/pipeline.json: here, or of this latentc. */
const char *default_pipeline(Arena *a);

/* weights_packed.c */
/* Packs the weights of spec, and further ones that f names, as `latentc build` does with these
 * flags; of f.code, NULL is build's default. vocab: what vocab_load takes, or NULL. */
void packed_write(const char *spec, const char *pipeline, const char *out, PipelineFlags f,
                  const char *vocab);
/* Prints what a file of packed weights is; false: it is none. err() when it is damaged. */
bool packed_list(const char *spec);

/* weights_convert.c */
int weights_convert(int argc, char **argv);

/* weights_fetch.c */
int weights_fetch(int argc, char **argv);
#endif
