/* A whole pipeline as one program. */
#ifndef LATENTC_BUILD_H
#define LATENTC_BUILD_H
#include "open_models.h"
#include "buf.h"

/* ---- build.c ---- */

typedef struct {
    const PipelineFlags *flags;
    Pipeline *of_size[MOST_SIZES]; /* what does not depend on the size is taken from the first */
    lrt_size sizes[MOST_SIZES];
    int n_sizes; /* of --sizes; 0: the pipeline's own size alone */
    Program *program;
    lrt_pipeline constants; /* of the generator, for program_emit */
    /* The models of all sizes, in the order of their stages. */
    Model models[MOST_STAGES];
    WeightSource *sources[MOST_STAGES];
    int n_models, n_first; /* all, and those of the first size */
    /* Texts: the flags that decide the layout of the weights; these and the target; what the
     * program was made from, for --info; where each model's weights come from. */
    Buf options, code, made_from, weights;
} Build;

/* Opens the pipeline at path once for each size. over: as in pipeline_open. The flags must outlive
 * the build. err() and usage_err() on any mistake. */
void build_open(Build *b, const char *path, const PipelineFlags *f, const char *over);

/* Makes the program of all models: passes, kernels, plans, the layout of the weights. No code yet.
 * path: of the pipeline, for made_from. */
void build_lower(Build *b, const char *path);
void build_close(Build *b);

/* The description in a file of packed weights: the same text for the same flags and weights,
 * wherever files lie. */
const char *build_about(Arena *a, const Build *b);
#endif
