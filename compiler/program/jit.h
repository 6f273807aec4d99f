/* Programs and graphs compiled into this process. */
#ifndef LATENTC_JIT_H
#define LATENTC_JIT_H
#include "codegen.h"
#include "stage.h"

/* A program, its code and packed weights in memory. */
typedef struct Engine Engine;
/* err() when the target does not run here. The engine owns p from now on. source[i]: weights of
 * stage i; NULL: the code alone. */
Engine *engine_new(Program *p, WeightSource *const *source);
const lrt_program *engine_program(const Engine *e);
const Program *engine_lowered(const Engine *e);
const void *engine_weights(const Engine *e, int stage);
void engine_free(Engine *e);

/* One graph, whole, in p, which is new and used up: inputs[i], outputs[i] as for interpret(). Runs
 * the passes on g. seconds: when not NULL, `repeat` timed runs of everything that depends on the
 * inputs, after one warm-up, go there. */
void jit_run_graph(Graph *g, WeightSource *w, Program *p, int threads, const void *const *inputs,
                   float *const *outputs, int repeat, double *seconds);
#endif
