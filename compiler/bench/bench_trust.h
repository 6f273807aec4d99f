/* Whether measurements can be trusted: was the machine busy with something else? */
#ifndef LATENTC_BENCH_TRUST_H
#define LATENTC_BENCH_TRUST_H
#include "bench.h"

/* Each of these adds what speaks against the results to b->notices, and prints it on standard
 * error. */

/* Peaks that contradict each other. */
void trust_machine(Bench *b);
/* A stage in one setting: runs that differ widely, threads that were interrupted, more products
 * than the peak allows. */
void trust_timing(Bench *b, const char *stage, const Timing *t);
/* More products than the peak allows, in kernels timed alone. */
void trust_kernels(Bench *b);
/* At the end: `now`, the peak of all threads in f32 measured once more, against that of the
 * beginning. */
void trust_end(Bench *b, double now);

/* How many times as fast; 0 where the two times cannot be compared, because one is below what a
 * clock resolves, or because they differ beyond what a better algorithm explains. */
double times_as_fast(double slow, double fast);

/* Involuntary switches of this process's threads so far: others took their core. */
long preemptions(void);
#endif
