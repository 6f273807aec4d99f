/* A pipeline: the models of a generator, their weights, and its defaults. See pipeline.c. */
#ifndef LATENTC_PIPELINE_H
#define LATENTC_PIPELINE_H
#include "ir.h"
#include "json.h"
#include "models.h"
#include "plan.h"
#include "arena.h"

/* ---- pipeline.c ---- */

/* One model of a pipeline file. */
typedef struct PipelineModel {
    ModelId id;
    /* Path of its graph file, resolved; NULL when the pipeline has no such model. */
    const char *graph;
    /* Where its weights come from, as --weights names it; NULL: the file does not say. */
    const char *weights;
    /* Parameters of its graph. */
    ParamSet *params;
    int n_params;
    /* Opened by pipeline_open (build.h) for `weights`; else NULL. */
    struct Checkpoint *checkpoint;
    /* A graph that is no part of a pipeline (one_graph.h): it keeps its own name. */
    bool alone;
} PipelineModel;

/* A pipeline file; docs/graph-language.md explains its members. All strings live in arena. */
typedef struct {
    Arena *arena;
    const char *file, *dir, *name;
    PipelineModel model[MODEL_COUNT];
    /* Defaults of all models, resolved relative to dir; NULL when there is none. */
    const char *weights, *vocab;
    int pad_token;     /* -1: the vocabulary's end of text */
    int round_nearest; /* "rounding": 1: numbers of a picture are rounded to nearest */
    /* "encoding": 1: a sample of the image encoder's distribution, whose graph then has the
     * parameter moments = 1; 0: its mean. */
    int sample;
    double latent_scale; /* sample: the image encoder's parameter of this name; else 0 */
    int img_height, img_width, max_text_length;
    lrt_schedule_config schedule;
    /* Defaults of a generator. */
    int steps;
    double cfg_scale;
    const char *sampler;
    int64_t seed;
    const char *output;
    const char *prompt; /* the example that --help shows; may be NULL */
} Pipeline;

/* Reads the pipeline file at path; sets (--set) lie over its parameters. err() with the place on
 * any mistake. */
Pipeline *pipeline_load(const char *path, const ParamSet *sets, int n_sets);

/* The same of a file that is read already; path says which, for messages and relative paths. */
Pipeline *pipeline_from_json(Json root, const char *path, const ParamSet *sets, int n_sets);

/* The model's graph. batch 1: as the pipeline file says. guided: the batch elements are the
 * contexts of one picture; only inputs that vary with the prompt have that batch, the others have
 * 1. */
Graph *pipeline_graph(const PipelineModel *m, int batch, bool guided);

/* Whether a step of the loop runs the model for the negative prompt and the prompt. Not where it
 * takes the guidance scale as an input (program/model_inputs.def of the runtime). */
bool pipeline_guided(const PipelineModel *m);

/* Where a model's weights come from: the model's entry, else the pipeline's; NULL when nothing
 * says. */
const char *pipeline_weights(const Pipeline *p, const PipelineModel *m);

/* The folder of a file, with its slash: "graphs/sd2/" of graphs/sd2/pipeline.json, "" of one
 * without a folder. */
const char *pipeline_folder(Arena *a, const char *path);

/* The path of a file or the name of weights, as a pipeline in the folder dir means it. */
const char *pipeline_resolve(Arena *a, const char *dir, const char *path);

/* A model's parameter: the pipeline's, else the default that its graph declares. */
ParamSet pipeline_param(Arena *a, const PipelineModel *m, Json declared, const char *name);

/* A growing set of parameters with different names. */
typedef struct {
    ParamSet list[MAX_NAMES];
    int n;
} ParamList;

/* Adds p, in the place of one of the same name; false when there are too many. */
bool param_put(ParamList *l, ParamSet p);
#endif
