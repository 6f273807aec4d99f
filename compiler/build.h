/* From a command's flags to programs, and finished programs to files. */
#ifndef LATENTC_BUILD_H
#define LATENTC_BUILD_H
#include "checkpoint.h"
#include "codegen.h"
#include "flags.h"
#include "link.h"
/* A program for what the flags say; without --fuse every pass runs. */
Program *program_for(const CodeFlags *f);
/* The pipeline at path. Its models' weights: those of the flags, else what the file names. What checkpoints say about parameters, schedule, padding
 * and vocabulary lies over the file; `over` (JSON, a part of a pipeline file, or NULL) lies over both, and sets (--set) over all. */
Pipeline *pipeline_open(const char *path, const ParamSet *sets, int n_sets, const WeightFlags *w, const char *over);
void pipeline_close(Pipeline *p); /* and its checkpoints */
/* A graph alone, with the parameters that the checkpoint of its weights gives it; sets lie over them. from: what the flags name for it: spec (NULL:
 * nothing), and its checkpoint, which the caller closes; NULL when the weights are synthetic. */
typedef struct { const char *spec; Checkpoint *checkpoint; } GraphWeights;
Graph *graph_open(const char *path, const ParamSet *sets, int n_sets, const WeightFlags *w, GraphWeights *from);
/* The weights of such a graph; usage_err() when nothing names any. command: for that message. */
WeightSource *graph_weights(const Graph *g, const GraphWeights *from, const char *command);
/* A model of a pipeline, ready for program_add. */
typedef struct { Graph *graph; WeightSource *weights; } Model;
/* batch, guided: see pipeline_graph. The weights are those of pipeline_open, else `otherwise` (NULL: usage_err when nothing names any), and are checked
 * against the graph. */
Model model_open(const Pipeline *l, const struct PipelineModel *m, int batch, bool guided, const char *otherwise);
void model_close(Model *m);
/* Code of p (after emit_plan) linked into a file of that kind, then packed weights and vocabulary appended (container.h), or, of an archive, written to
 * a file of their own: library_weights_path. */
void write_program(Program *p, WeightSource *const *source, const LinkOptions *link, ProgramKind kind, const void *vocab, size_t vocab_bytes,
                   const char *path);
const char *library_weights_path(Arena *a, const char *archive); /* libsd.a: libsd.weights */
#endif
