/* Programs and graphs compiled into this process. */
#ifndef LATENTC_JIT_H
#define LATENTC_JIT_H
#include "codegen.h"
#include "program.h"
#include "stage.h"

/* A program, its code and packed weights in memory. */
typedef struct Engine Engine;
/* Compiles p and packs its weights. err() when the target does not run here. The engine owns p from
 * now on. source[i]: weights of stage i; NULL: the code alone. */
Engine *engine_new(Program *p, WeightSource *const *source);
/* Loads the object that program_emit made: the code alone, without the lowered program. NULL when
 * its target does not run here. */
Engine *engine_load(const Target *t, const Code *object);
/* The constants of a generator; the object has them. */
const lrt_pipeline *engine_pipeline(const Engine *e);
/* The compiled program; the lowered one; the packed weights of a stage. Valid until engine_free. */
const lrt_program *engine_program(const Engine *e);
const Program *engine_lowered(const Engine *e);
const void *engine_weights(const Engine *e, int stage);
/* Frees the engine and its program. */
void engine_free(Engine *e);

/* A run of one graph. */
typedef struct {
    int threads;
    /* One per input of the graph, as for interpret(); one per output. */
    const void *const *inputs;
    float *const *outputs;
    /* Timed runs after a first one, of all that depends on inputs; their seconds; NULL: none. */
    int repeat;
    double *seconds;
} GraphRun;
/* Runs p's only stage. p is used up. */
void jit_run_program(Program *p, WeightSource *w, const GraphRun *run);
/* Adds g to p, which is new, with the passes that p->fuse selects, and runs it. p is used up. */
void jit_run_graph(Graph *g, WeightSource *w, Program *p, const GraphRun *run);
#endif
