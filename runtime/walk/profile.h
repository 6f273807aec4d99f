/* --profile: what the program did when, by region (start, text encoder, a step, decoder, ...) and
 * inside it by kernel and thread; as tables, and as a Chrome trace file that Perfetto and
 * chrome://tracing open. */
#ifndef LATENTRT_PROFILE_H
#define LATENTRT_PROFILE_H
#include <stdio.h>

#include "error.h"
#include "stage.h"

typedef struct lrt_profile lrt_profile;
/* start: lrt_now() when the program began. NULL when memory is short. */
lrt_profile *lrt_profile_new(double start, int threads);
void lrt_profile_free(lrt_profile *p);
/* From here to lrt_profile_end the program does `what` (static text), for the number-th time when
 * number > 0. Regions do not nest. x: the instance that runs in it, all of its plans `runs` times
 * at most, or NULL. p NULL: nothing is recorded. */
void lrt_profile_begin(lrt_profile *p, const char *what, int number, lrt_instance *x, size_t runs);
void lrt_profile_end(lrt_profile *p);
/* The region from the start of the program to now. */
void lrt_profile_started(lrt_profile *p, const char *what);
/* Time by region, then by kind of kernel in each stage. */
void lrt_profile_print(const lrt_profile *p, FILE *out);
/* Chrome's trace event format: complete events, microseconds since the start, tid = thread. Regions
 * are on thread 0, kernels are named by the path of their op; their flops and bytes are those of
 * the thread's share of the tasks. */
bool lrt_profile_write(const lrt_profile *p, const char *path, const char *program, lrt_error *e);
#endif
