/* What this machine can do at most, and the roofline that follows from it. */
#ifndef LATENTC_BENCH_MACHINE_H
#define LATENTC_BENCH_MACHINE_H
#include <stdint.h>
#include <stdbool.h>
#include "target.h"

/* ---- bench_machine.c ---- */

enum { MOST_UNITS = 4, MOST_READS = 3 };

/* Arithmetic from registers: operations a second, on one thread and on all. */
typedef struct {
    const char *name, *text; /* in JSON ("fma_f32"), for people ("multiply-adds, f32") */
    double one, all;
} Unit;

/* Reading from a level of memory: bytes a second, on one thread and on all. */
typedef struct {
    const char *level; /* "L2", "L3", "memory" */
    int64_t each;      /* bytes that each of all threads reads again and again */
    double one, all;
} ReadRate;

typedef struct {
    const Target *target;
    char cpu[96]; /* its name, as the system gives it */
    int threads;
    Unit units[MOST_UNITS]; /* units[0]: multiply-adds in f32 */
    ReadRate reads[MOST_READS];
    int n_units, n_reads;
    int unit_of[PRODUCTS_KINDS]; /* index of the unit that computes such products */
    int64_t l3_bytes;            /* 0: there is no L3 */
} Machine;

/* Measures the machine, about a second. Code is for target t. err() when t does not run here. */
Machine machine_measure(const Target *t, int threads);

/* The peak of units[0] on all threads, measured once more: operations a second. */
double machine_again(const Machine *m);

/* The unit that computes products of these operands. */
static inline const Unit *machine_unit(const Machine *m, Products of)
{
    return &m->units[m->unit_of[of]];
}

/* What one operation computes and moves. */
typedef struct {
    double flops, weight_bytes, other_bytes;
    Products products;
    bool cached; /* the whole stage fits L3: weights are read from there */
} Work;

/* The roofline, in seconds: the work's products at the peak of their unit, or reading every byte
 * once, whichever takes longer. Weights come from memory unless they are cached, other operands
 * from L3 where they fit it. *memory: whether reading takes longer. */
double machine_bound(const Machine *m, const Work *w, bool *memory);
#endif
