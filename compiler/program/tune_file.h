/* The file of measured convolutions: --tune FILE. tune.h measures what it lacks. */
#ifndef LATENTC_TUNE_FILE_H
#define LATENTC_TUNE_FILE_H
#include "conv_forms.h"
#include "ir.h"
#include "target.h"

/* A convolution of one shape on one target. seconds: INFINITY where a form was not measured; of the
 * first form, direct: where nothing was measured yet. */
typedef struct {
    const char *target, *convolution;
    int threads;
    double seconds[CONV_FORMS];
} TuneEntry;
/* The entries of a file. */
typedef struct Tuning Tuning;

/* The entries of the file at `path`; none where it does not exist. err() on another kind of file.
 */
Tuning *tuning_open(const char *path);
void tuning_free(Tuning *t);
/* The path that it was opened with. */
const char *tuning_path(const Tuning *t);
/* The most seconds of this process to compile and measure forms; 0: no limit. */
void tuning_limit(Tuning *t, int64_t seconds);
/* How many seconds are left to compile and measure forms; INFINITY without a limit. The first call
 * begins to count.
 */
double tuning_left(const Tuning *t);
/* Writes the file again with all entries that were measured. */
void tuning_write(const Tuning *t);
/* The entry of that convolution (op o of g, after passes) for that target and type; NULL when there
 * is none, or it was not measured yet. Valid until an entry is added. */
TuneEntry *tuning_find(const Tuning *t, const Target *target, bool bf16, const Graph *g,
                       const Op *o);
/* Adds an entry for it, without times. Returns its index; -1 when there is one. */
int tuning_add(Tuning *t, const Target *target, bool bf16, const Graph *g, const Op *o);
/* The entry of that index. Valid until an entry is added. */
TuneEntry *tuning_entry(Tuning *t, int index);
#endif
