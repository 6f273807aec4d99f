/* --part: which lines of --prompts this process draws. */
#ifndef LATENTRT_PART_H
#define LATENTRT_PART_H
#include <stdint.h>

#include "error.h"

/* Line i, from 0, of those that are not empty, belongs to part i % of. */
typedef struct {
    int64_t k, of; /* 0 <= k < of */
} lrt_part;
enum { LRT_MOST_PARTS = 1000000 };
/* "K/N", or "slurm" or "slurm/N": K and N from the variables of a Slurm array (SLURM_ARRAY_TASK_ID,
 * _MIN, _MAX, _STEP, _COUNT). text NULL: all lines. false, with *e: another text, then *usage is
 * true; or variables that are missing, or do not say for certain which lines these are. */
bool lrt_part_read(const char *text, lrt_part *part, bool *usage, lrt_error *e);
#endif
