/* From a command's flags to programs, and finished programs to files. */
#ifndef LATENTC_BUILD_H
#define LATENTC_BUILD_H
#include "codegen.h"
#include "flags.h"
#include "link.h"
/* A program for what the flags say; without --fuse every pass runs. */
Program *program_for(const CodeFlags *f);
/* A model of a pipeline, ready for program_add. */
typedef struct { Graph *graph; WeightSource *weights; } Model;
/* batch, guided: see pipeline_graph. The weights are those of the flag, else of the pipeline, else `otherwise` (NULL: usage_err when nothing
 * names any), and are checked against the graph. */
Model model_open(const Pipeline *l, const struct PipelineModel *m, int batch, bool guided, const FlagList *weights, const char *otherwise);
void model_close(Model *m);
/* Code of p (after emit_plan) linked into a file of that kind, then packed weights and vocabulary appended (container.h), or, of an archive, written to
 * a file of their own: library_weights_path. */
void write_program(Program *p, WeightSource *const *source, const LinkOptions *link, ProgramKind kind, const void *vocab, size_t vocab_bytes,
                   const char *path);
const char *library_weights_path(Arena *a, const char *archive); /* libsd.a: libsd.weights */
#endif
