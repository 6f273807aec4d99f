/* One step of a program in this process, timed alone. */
#ifndef LATENTC_MEASURE_H
#define LATENTC_MEASURE_H
#include "jit.h"

/* How to measure. */
typedef struct {
    int threads;
    /* Fewest timed calls. */
    int64_t repeat;
    /* Bytes of the last cache. */
    int64_t last_cache;
} Measure;

/* The compiled form of step `index`. */
const lrt_step *compiled_step(const lrt_stage *stage, const Stage *s, int index);

/* Seconds of one call. */
typedef struct {
    double median, best;
} Measured;
/* Times step s of the stage, which is compiled as `compiled`: as many calls as take 50 ms, at least
 * how->repeat, at most 1000. err() when memory runs out. */
Measured measure_step(const Measure *how, const Stage *stage, const lrt_step *compiled,
                      const Step *s);
#endif
