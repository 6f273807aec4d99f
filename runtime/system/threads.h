/* How many threads to start. */
#ifndef LATENTRT_THREADS_H
#define LATENTRT_THREADS_H
#include <stdint.h>

#include "error.h"

/* CPUs that this process may run on; at least 1. */
int lrt_usable_cpus(void);
/* Threads for this process: its physical cores, at most the share that the control group allows. At
 * least 1. */
int lrt_default_threads(void);
/* How many threads to use where the user wants `wanted`; 0: the default. At most four for each CPU,
 * since more only wait for each other, and at most as many as the system lets this process start
 * (ulimit -u). So OpenMP can start them. At least 1. said->text: a sentence when they are fewer
 * than wanted, else "". */
int lrt_threads(int64_t wanted, lrt_error *said);
/* What lrt_threads returned last, or returns for 0: for loops that are not told. */
int lrt_chosen_threads(void);
#endif
