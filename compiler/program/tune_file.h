/* The file of measured convolutions: --tune FILE. tune.h measures what it lacks. */
#ifndef LATENTC_TUNE_FILE_H
#define LATENTC_TUNE_FILE_H
#include "conv_forms.h"
#include "ir.h"
#include "target.h"

/* A convolution of one shape on one target. seconds: INFINITY where a form was not measured. */
typedef struct {
    const char *target, *convolution;
    int threads;
    double seconds[CONV_FORMS];
} TuneEntry;
typedef struct Tuning Tuning;

/* The entries of the file at `path`; none when there is no file. err() on a file of another kind.
 */
Tuning *tuning_open(const char *path);
void tuning_free(Tuning *t);
const char *tuning_path(const Tuning *t);
/* Writes the file again with all entries. */
void tuning_write(const Tuning *t);
/* The entry of that convolution (op o of g, after passes) for that target and type; NULL when there
 * is none. Valid until an entry is added. */
TuneEntry *tuning_find(const Tuning *t, const Target *target, bool bf16, const Graph *g,
                       const Op *o);
/* Adds an entry for it, without times. Returns its index. */
int tuning_add(Tuning *t, const Target *target, bool bf16, const Graph *g, const Op *o);
TuneEntry *tuning_entry(Tuning *t, int index); /* valid until an entry is added */
#endif
