/* From a graph, after passes, to steps. */
#ifndef LATENTC_LOWER_H
#define LATENTC_LOWER_H
#include "program.h"

/* One or more steps per operation in three plans (per prompt, per timestep, per step), with every
 * offset in memory fixed. Adds the kernels to p, and nothing else: program_place appends the stage.
 * Nothing is emitted and nothing is measured. The graph must outlive the stage. It changes where a
 * convolution that may be computed in whole numbers (quant=image) takes another form: then it is as
 * it was before the pass quantise. */
Stage *lower(Program *p, Graph *g);
#endif
