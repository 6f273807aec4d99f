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
/* batch 1: as the pipeline file says. The weights are those of the flag, else of the pipeline, else `otherwise` (NULL: usage_err when nothing
 * names any), and are checked against the graph. */
Model model_open(const Pipeline *l, const struct PipelineModel *m, int batch, const FlagList *weights, const char *otherwise);
void model_close(Model *m);
/* Code of p (after emit_plan) linked with the entry object, then packed weights and vocabulary appended: see container.h. */
void write_program(Program *p, WeightSource *const *source, const LinkOptions *link, const char *entry, const void *vocab, size_t vocab_bytes,
                   const char *path);
#endif
