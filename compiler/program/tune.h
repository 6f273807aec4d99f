/* Measuring convolutions in every form: --tune. Nothing is measured unless a caller asks here. */
#ifndef LATENTC_TUNE_H
#define LATENTC_TUNE_H
#include "compile.h"
#include "tune_file.h"

/* Measures, in every form, the convolutions of g (after passes) that p->tuning lacks for p's target
 * and type, and writes its file after each. Shows how far it is, unless p->quiet. Compiles and
 * measures no further form when tuning_left() is 0; only the first convolution of the process is
 * always completed. err() when there are any and the target does not run here. */
void tuning_measure(const Program *p, Graph *g);
/* program_add, with measurements before lowering where p->tuning is set. */
int program_add_tuned(Program *p, Graph *g);
#endif
