/* Peak: as many accumulators as the contract kernels use, and nothing else. Measures the peak of a
 * unit. */
#ifndef LATENTC_UNIT_PEAK_H
#define LATENTC_UNIT_PEAK_H
#include "target.h"

/* The description of a peak kernel. */
typedef struct {
    int64_t iterations;
    /* CORE_FMA, or the target's. */
    int64_t core;
    /* Products of bytes, instead. */
    int64_t int8;
} Peak;
/* Accumulators of a task on vectors. */
int peak_accumulators(const Target *t);
/* FLOPs of a task. */
double peak_flops(const Peak *p, const Target *t);
#endif
