/* From a command's flags to programs, and finished programs to files. */
#ifndef LATENTC_BUILD_H
#define LATENTC_BUILD_H
#include "checkpoint.h"
#include "pipeline.h"
#include "program.h"
#include "shared_flags.h"
#include "link.h"
/* A program for what the flags say; without --fuse every pass runs. */
Program *program_for(const CodeFlags *f);
/* The pipeline at path. Its models' weights: those of the flags, else what the file names. What
 * checkpoints say about parameters, schedule, padding and vocabulary lies over the file; `over`
 * (JSON, a part of a pipeline file, or NULL) lies over both, and sets (--set) over all. */
Pipeline *pipeline_open(const char *path, const ParamSet *sets, int n_sets, const WeightFlags *w,
                        const char *over);
void pipeline_close(Pipeline *p); /* and its checkpoints */
/* A graph alone, with the parameters that the checkpoint of its weights gives it; sets lie over
 * them. from: what the flags name for it: spec (NULL: nothing), and its checkpoint, which the
 * caller closes; NULL when the weights are synthetic. */
typedef struct {
    const char *spec;
    Checkpoint *checkpoint;
} GraphWeights;
/* What the flags name for a model's weights. */
void graph_weights_find(const char *model, const WeightFlags *w, GraphWeights *from);
Graph *graph_open(const char *path, const ParamSet *sets, int n_sets, const WeightFlags *w,
                  GraphWeights *from);
/* The weights of such a graph; usage_err() when nothing names any. command: for that message. */
WeightSource *graph_weights(const Graph *g, const GraphWeights *from, const char *command);
/* A model of a pipeline, ready for program_add. */
typedef struct {
    Graph *graph;
    WeightSource *weights;
} Model;
/* batch, guided: see pipeline_graph. The weights are those of pipeline_open, else `otherwise`
 * (NULL: usage_err when nothing names any), and are checked against the graph. */
Model model_open(const Pipeline *l, const PipelineModel *m, int batch, bool guided,
                 const char *otherwise);
void model_close(Model *m);

/* ---- a whole pipeline (build_pipeline.c) ---- */
/* What decides how a pipeline's weights are packed. */
typedef struct {
    CodeFlags code;
    WeightFlags weights;
    const char *sizes; /* NULL: the pipeline's own */
    bool no_init_img;
} PipelineFlags;
/* clang-format off */
#define SIZE_FLAGS(f) \
    {"sizes", 0, FLAG_STRING, &(f)->sizes, "WxH,...", "several sizes of pictures in one generator, which shares what it can of the weights; --size of the generator chooses, the first is the default", 0, 0}, \
    {"no-init-img", 0, FLAG_BOOL, &(f)->no_init_img, NULL, "without the image encoder: smaller, but pictures start from noise alone", 0, 0}
/* clang-format on */
typedef struct {
    const PipelineFlags *flags;
    Pipeline *of_size[MOST_SIZES]; /* the first says all that does not depend on the size */
    lrt_size sizes[MOST_SIZES];
    int n_sizes; /* of --sizes; 0: the pipeline's own alone */
    Program *program;
    lrt_pipeline constants; /* for emit_plan */
    Model models[MOST_STAGES];
    WeightSource *sources[MOST_STAGES];
    int n_models; /* of all sizes, in the order of their stages */
    Buf options, made_from,
        weights; /* the flags that make it again; for --info; each model's weights */
} Build;
/* Reads the flags and opens the pipeline, once for each size. over: as of pipeline_open. The flags
 * must outlive the build. */
void build_open(Build *b, const char *path, const PipelineFlags *f, const char *over);
/* Makes the program of all models: passes, kernels, plans, the layout of the weights. No code yet.
 */
void build_lower(Build *b, const char *path);
void build_close(Build *b);

/* ---- files (write_program.c) ---- */
/* Code of p (after emit_plan) linked into a file of that kind, with vocabulary and packed weights
 * appended (container.h). weights: NULL, or a file of their own for these, as write_packed makes
 * it. An archive is no place for anything else: vocabulary and weights are in that file then. */
typedef struct {
    ProgramKind kind;
    LinkOptions link;
    const char *path, *weights;
    const char *about;
    const void *vocab;
    size_t vocab_bytes;
} ProgramFiles;
void write_program(Program *p, WeightSource *const *source, const ProgramFiles *f);
/* Packed weights in a file of their own. about: what they are, build_about's. vocab: NULL for
 * programs that have one themselves. */
void write_packed(Program *p, WeightSource *const *source, const char *path, const char *about,
                  const void *vocab, size_t vocab_bytes);
const char *build_about(
    Arena *a,
    const Build *b); /* the same text for the same flags and weights, wherever files lie */
const char *library_weights_path(Arena *a, const char *archive); /* libsd.a: libsd.weights */
#endif
