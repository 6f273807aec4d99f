/* Normal noise as PyTorch draws it: the same seed gives the noise that PyTorch's programs start
 * from. docs/samplers.md says how far it is the same.
 *
 * A stream belongs to one picture: seeded once, then the latent's first noise and what stochastic
 * samplers draw come from it in order. */
#ifndef LATENTRT_RNG_H
#define LATENTRT_RNG_H
#include <stdbool.h>
#include <stdint.h>

/* Philox 4x32 with 10 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC
 * 2011). */
void lrt_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* MT19937 (Matsumoto and Nishimura, "Mersenne Twister", 1998), 32 bits at a time. */
typedef struct {
    uint32_t state[624];
    int next; /* of state; 624: all are used up */
} lrt_mt19937;
void lrt_mt19937_seed(lrt_mt19937 *m, uint32_t seed);
uint32_t lrt_mt19937_next(lrt_mt19937 *m);

typedef struct lrt_rng lrt_rng;
typedef struct {
    const lrt_rng *rng;
    uint64_t seed;
    uint32_t draw;       /* calls of lrt_noise_normal until now */
    lrt_mt19937 twister; /* of cpu */
    double left;         /* of cpu: the second half of a pair, */
    bool has_left;       /* where draws of fewer than 16 numbers left one */
} lrt_noise;

/* A row per generator of --rng. normal: the next draw, n standard normal values, as torch.randn
 * gives a tensor of n. */
struct lrt_rng {
    const char *name, *help;
    void (*normal)(lrt_noise *s, float *out, int64_t n);
};
extern const lrt_rng lrt_rngs[];
extern const int lrt_rng_count;
const lrt_rng *lrt_rng_find(const char *name); /* NULL when there is none of that name */

void lrt_noise_seed(lrt_noise *s, const lrt_rng *rng, uint64_t seed);
void lrt_noise_normal(lrt_noise *s, float *out, int64_t n);
/* The next draw for a latent: n = h w 4 values drawn in the order (4, h, w), as PyTorch's programs
 * do, and stored (h, w, 4). out (2 n): the first n are the latent, the rest is used on the way. */
void lrt_noise_latent(lrt_noise *s, float *out, int64_t n);
#endif
