/* --profile: where the time went, by region (start, text encoder, a step, decoder, ...) and inside
 * a region by kernel and thread. It is printed as tables and written as a Chrome trace file, which
 * Perfetto and chrome://tracing open. */
#ifndef LATENTRT_PROFILE_H
#define LATENTRT_PROFILE_H
#include <stdio.h>

#include "error.h"
#include "stage.h"

typedef struct lrt_profile lrt_profile;
/* start: lrt_now() when the process began. NULL when memory is short. */
lrt_profile *lrt_profile_new(double start);
/* The region that writes a picture: the waterfall ends with the first one. */
#define LRT_PROFILE_PICTURE "picture file"
/* How many threads run instances. Call it before the first region that has an instance. */
void lrt_profile_threads(lrt_profile *p, int threads);
void lrt_profile_free(lrt_profile *p);
/* Begins a region; lrt_profile_end ends it. Regions do not nest. what: its name (static text), with
 * a number when that is > 0. x: the instance that runs in it, each plan at most `runs` times; NULL:
 * none. p NULL: nothing is recorded. */
void lrt_profile_begin(lrt_profile *p, const char *what, int number, lrt_instance *x, size_t runs);
void lrt_profile_end(lrt_profile *p);
/* Adds the region from the start of the process to now. */
void lrt_profile_started(lrt_profile *p, const char *what);
/* Adds a region that another thread ran beside those of this one. */
void lrt_profile_beside(lrt_profile *p, const char *what, double begin, double end);
/* Prints three kinds of tables: the way from the start to the first picture as a waterfall, the
 * sums by region, and for each stage the sums by kind of kernel. */
void lrt_profile_print(const lrt_profile *p, FILE *out);
/* Writes Chrome's trace event format: complete events, microseconds since the start, tid = thread.
 * Regions are on thread 0, those beside others on a thread behind the last. A kernel's name is the
 * path of its op; flops and bytes are those of the thread's share of the tasks. program: name of
 * the process in the trace. */
bool lrt_profile_write(const lrt_profile *p, const char *path, const char *program, lrt_error *e);
#endif
