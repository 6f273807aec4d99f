/* The barrier between the steps of a plan.
 *
 * It spins for about ten microseconds, the usual difference between threads, and then sleeps.
 * libgomp's barrier spins for milliseconds; on a machine that runs other programs, too, that makes
 * a step fifty times slower. */
#ifndef LATENTRT_BARRIER_H
#define LATENTRT_BARRIER_H
#include <stdatomic.h>
#include <stdint.h>

/* Zero-initialise. */
typedef struct {
    _Atomic uint32_t arrived, generation, sleepers;
} lrt_barrier;
/* Returns when all `threads` have called it. What a thread wrote before, all see afterwards. */
void lrt_barrier_wait(lrt_barrier *b, uint32_t threads);
#endif
