/* Where the values of a stage lie in its arena. */
#ifndef LATENTC_MEMPLAN_H
#define LATENTC_MEMPLAN_H
#include "program.h"

/* Sets the offset of every mem in LRT_BUF_ARENA that a step uses: largest first, each at the lowest
 * offset that is free over its live range. Without reuse: one after the other. Sets
 * s->arena_bytes, and s->arena_bytes_unshared: what the latter takes. */
void memplan(Stage *s, bool reuse);
#endif
