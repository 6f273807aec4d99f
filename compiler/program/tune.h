/* Measured convolutions, kept in a file: --tune. */
#ifndef LATENTC_TUNE_H
#define LATENTC_TUNE_H
#include "algorithm.h"

/* A convolution of one shape on one target. seconds: INFINITY where a form was not measured. */
typedef struct {
    const char *target, *convolution;
    int threads;
    double seconds[CONV_FORMS];
} TuneEntry;
typedef struct Tuning Tuning;
/* What the file at `path` holds; nothing when there is none. err() on a file of another kind. */
Tuning *tuning_open(const char *path);
void tuning_free(Tuning *t);
const char *tuning_path(const Tuning *t);
/* Measures, in every form, the convolutions of g (after passes) that t lacks for p's target and
 * dtype, and writes the file. err() when there are any and the target does not run here. */
void tuning_measure(Tuning *t, const Program *p, Graph *g);
const TuneEntry *tuning_find(const Tuning *t, const Program *p, const Graph *g,
                             const Op *o); /* NULL when there is none */
#endif
