/* A stage that measures the peak of the unit that products run on. */
#ifndef LATENTC_PEAK_H
#define LATENTC_PEAK_H
#include "program.h"

/* Appends a stage of multiply-adds in registers alone: `tasks` tasks of `iterations` rounds. They
 * run on the target's core for these operands. Its only output has 64 floats. Returns the stage's
 * FLOPs. */
double program_add_peak(Program *p, Products of, int64_t iterations, int tasks);
#endif
