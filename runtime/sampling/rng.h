/* Normal noise as PyTorch draws it: the same seed gives the noise that programs with PyTorch start
 * from. docs/samplers.md says where it is the same.
 *
 * Each picture has a stream of its own. It is seeded once; then the first noise of the latent and
 * the noise of stochastic samplers are drawn from it in order. */
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
    int next; /* index of the next word of state; 624: all are used */
} lrt_mt19937;
/* Seeds as init_genrand of the reference implementation. */
void lrt_mt19937_seed(lrt_mt19937 *m, uint32_t seed);
/* The next 32 bits. */
uint32_t lrt_mt19937_next(lrt_mt19937 *m);

typedef struct lrt_rng lrt_rng;
typedef struct {
    const lrt_rng *rng;
    uint64_t seed;
    uint32_t draw;       /* calls of lrt_noise_normal so far */
    lrt_mt19937 twister; /* cpu */
    /* cpu: the second number of a pair, which a draw of fewer than 16 numbers did not use */
    double left;
    bool has_left;
} lrt_noise;

/* A row per generator of --rng. normal: fills out (n) with the next draw of standard normal
 * numbers, those of torch.randn for a tensor of n. */
struct lrt_rng {
    const char *name, *help;
    void (*normal)(lrt_noise *s, float *out, int64_t n);
};
extern const lrt_rng lrt_rngs[];
extern const int lrt_rng_count;
/* NULL when there is none of that name. */
const lrt_rng *lrt_rng_find(const char *name);

/* Starts a stream. */
void lrt_noise_seed(lrt_noise *s, const lrt_rng *rng, uint64_t seed);
/* The next draw: n standard normal numbers. */
void lrt_noise_normal(lrt_noise *s, float *out, int64_t n);
/* The next draw for a latent of n = h w 4 numbers. PyTorch draws in the order (4, h, w); here they
 * are stored as (h, w, 4). out (2 n): the first n are the result, the others are scratch. */
void lrt_noise_latent(lrt_noise *s, float *out, int64_t n);
#endif
