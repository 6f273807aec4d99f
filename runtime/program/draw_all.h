/* Draws all pictures of a run, one after the other. */
#ifndef LATENTRT_DRAW_ALL_H
#define LATENTRT_DRAW_ALL_H
#include "run.h"

/* Draws what the settings say and reports what failed: a line of --prompts that fails does not stop
 * the others. r->s is open. Returns LRT_EXIT_*. */
int lrt_draw_all(lrt_run *r);
#endif
