/* One step of a program in this process, timed alone. */
#ifndef LATENTC_MEASURE_H
#define LATENTC_MEASURE_H
#include "jit.h"

typedef struct {
    int threads;
    int64_t repeat, l3_bytes; /* 0: none */
} Measure;
/* The compiled form of step `index`. */
const lrt_step *compiled_step(const lrt_stage *stage, const Stage *s, int index);
/* Seconds, of as many calls as take 50 ms, at least `repeat`. */
typedef struct {
    double median, best;
} Measured;
Measured measure_step(const Measure *how, const Stage *stage, const lrt_step *compiled,
                      const Step *s);
#endif
