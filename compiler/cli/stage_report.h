/* Reports of a lowered stage that need no run: its memory as a picture, its threads as a table. */
#ifndef LATENTC_STAGE_REPORT_H
#define LATENTC_STAGE_REPORT_H
#include "program.h"
#include "buf.h"

/* A standalone SVG: a rectangle for every value in the arena, steps from left to right, addresses
 * from top to bottom. Each has data-first, data-last (steps), data-offset and data-bytes, and says
 * in its title which op made it. */
void memory_print_svg(const Stage *s, Buf *out);

/* Tasks per barrier, and the critical path for 1 to 64 threads, of each plan and of the stage. */
void threads_print(const Stage *s, Buf *out);
#endif
