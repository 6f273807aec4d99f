/* A graph compiled into this process: what `latentc run` executes. */
#ifndef LATENTC_JIT_H
#define LATENTC_JIT_H
#include "weights.h"
typedef struct Jit Jit;
typedef struct {
    unsigned fuse;      /* FUSE_*: what passes_run was given; those that are no passes (memory) act here */
    const char *target; /* a name of targets.def; must run on this machine */
    int threads;        /* 0: one per physical core */
} JitOptions;
/* g: after passes_run. Packs the weights; w is not needed afterwards. err() when the target does not run here. */
Jit *jit_compile(Graph *g, WeightSource *w, const JitOptions *options);
/* One run with everything that depends on the inputs. inputs[i], outputs[i] as for interpret(). */
void jit_run(Jit *j, const void *const *inputs, float *const *outputs);
void jit_free(Jit *j);
#endif
