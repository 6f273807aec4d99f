/* Noise that does not depend on who draws it: counter-based generators, a value from its seed and its index alone. */
#ifndef LATENTRT_RNG_H
#define LATENTRT_RNG_H
#include <stdint.h>

/* Philox 4x32 with 10 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). */
void lrt_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* A row per generator of --rng. normal: n standard normal values; draw counts the calls for this seed, from 0. */
typedef struct {
    const char *name, *help;
    void (*normal)(uint64_t seed, uint32_t draw, float *out, int64_t n);
} lrt_rng;
extern const lrt_rng lrt_rngs[];
extern const int lrt_rng_count;
const lrt_rng *lrt_rng_find(const char *name); /* NULL when there is none of that name */
#endif
