/* A pipeline: the models of a generator, their weights, and its defaults. See pipeline.c. */
#ifndef LATENTC_PIPELINE_H
#define LATENTC_PIPELINE_H
#include "ir.h"
#include "json.h"
#include "plan.h"

/* A pipeline file; see docs/graph-language.md. All strings live in arena. */
typedef struct {
    Arena *arena;
    const char *file, *dir, *name;
    struct PipelineModel {
        const char *graph;   /* path, resolved */
        const char *weights; /* spec or NULL */
        ParamSet *params;
        int n_params;
        struct Checkpoint
            *checkpoint; /* that weights names, from pipeline_open (build.h); else NULL */
    } text_encoder, diffusion_model, decoder,
        image_encoder; /* graph NULL when the pipeline has none */
    const char *weights,
        *vocab;        /* defaults for all models, resolved relative to dir; NULL when none */
    int pad_token;     /* -1: end of text */
    int round_nearest; /* "rounding" of pictures */
    int sample; /* "encoding": of what the image encoder says of a picture, its mean or a sample;
                   then its graph has moments = 1, */
    double latent_scale; /* and this is its latent_scale; else 0 */
    int img_height, img_width, max_text_length;
    lrt_schedule_config schedule;
    /* defaults of a generator */
    int steps;
    double cfg_scale;
    const char *sampler;
    int64_t seed;
    const char *output;
    const char *prompt; /* shown as an example by --help; may be NULL */
} Pipeline;

/* Reads the pipeline file at path; sets (--set) lie over its parameters. err() with the place on
 * any mistake. */
Pipeline *pipeline_load(const char *path, const ParamSet *sets, int n_sets);

/* The same of a file that is read already; path says which, for messages and relative paths. */
Pipeline *pipeline_from_json(Json root, const char *path, const ParamSet *sets, int n_sets);

/* The model's graph. batch 1: as the pipeline file says. guided: the batch elements are the
 * contexts of one picture; only inputs that vary with the prompt have that batch, the others have
 * 1. */
Graph *pipeline_graph(const struct PipelineModel *m, int batch, bool guided);

/* Where a model's weights come from: the model's entry, else the pipeline's; NULL when nothing
 * says. */
const char *pipeline_weights(const Pipeline *p, const struct PipelineModel *m);

/* The folder of a file, with its slash: "graphs/sd2/" of graphs/sd2/pipeline.json, "" of one
 * without a folder. */
const char *pipeline_folder(Arena *a, const char *path);

/* The path of a file or the name of weights, as a pipeline in the folder dir means it. */
const char *pipeline_resolve(Arena *a, const char *dir, const char *path);

/* A model's parameter: the pipeline's, else the default that its graph declares. */
ParamSet pipeline_param(Arena *a, const struct PipelineModel *m, Json declared, const char *name);

/* A growing set of parameters with different names. */
typedef struct {
    ParamSet list[MAX_NAMES];
    int n;
} ParamList;

/* Adds p, in the place of one of the same name; false when there are too many. */
bool param_put(ParamList *l, ParamSet p);
#endif
