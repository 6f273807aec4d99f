/* Programs and graphs compiled into this process. */
#ifndef LATENTC_JIT_H
#define LATENTC_JIT_H
#include "codegen.h"
#include "../runtime/latentrt.h"

/* A program, its code and packed weights in memory. */
typedef struct Engine Engine;
/* err() when the target does not run here. The engine owns p from now on. source[i]: weights of stage i. */
Engine *engine_new(Program *p, WeightSource *const *source);
const lrt_program *engine_program(const Engine *e);
const Program *engine_lowered(const Engine *e);
const void *engine_weights(const Engine *e, int stage);
void engine_free(Engine *e);

/* One graph. */
typedef struct Jit Jit;
typedef struct { unsigned fuse; const char *target; int threads; /* 0: one per physical core */ } JitOptions;
/* Runs the passes on g (which stays the caller's and must outlive the Jit). */
Jit *jit_compile(Graph *g, WeightSource *w, const JitOptions *o);
/* Everything that depends on the inputs: inputs[i], outputs[i] as for interpret(). */
void jit_run(Jit *j, const void *const *inputs, float *const *outputs);
void jit_free(Jit *j);
#endif
