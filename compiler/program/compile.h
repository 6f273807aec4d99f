/* From a graph to a stage of a program. */
#ifndef LATENTC_COMPILE_H
#define LATENTC_COMPILE_H
#include "program.h"

/* The passes that p->fuse selects. */
void program_passes(const Program *p, Graph *g);
/* Lowers g, which has been through program_passes, and appends it to p. The graph must outlive the
 * program. Returns the stage's index. */
int program_lower(Program *p, Graph *g);
/* Both. */
int program_add(Program *p, Graph *g);
#endif
