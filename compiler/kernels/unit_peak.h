/* Peak: as many accumulators as the contract kernels use, and nothing else. Measures the peak of a
 * unit. */
#ifndef LATENTC_UNIT_PEAK_H
#define LATENTC_UNIT_PEAK_H
#include "target.h"

typedef struct {
    int64_t iterations;
    int64_t core; /* CORE_FMA, or the target's */
} Peak;
/* Accumulators of a task on vectors. */
int peak_accumulators(const Target *t);
/* FLOPs of a task. */
double peak_flops(const Peak *p, const Target *t);
#endif
