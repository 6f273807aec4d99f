/* See rng.h. */
#include "rng.h"

#include <math.h>
#include <string.h>

void lrt_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    const uint32_t m0 = 0xD2511F53, m1 = 0xCD9E8D57, w0 = 0x9E3779B9, w1 = 0xBB67AE85;
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)m0 * c0, p1 = (uint64_t)m1 * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c0 = n0;
        c1 = (uint32_t)p1;
        c2 = n2;
        c3 = (uint32_t)p0;
        k0 += w0;
        k1 += w1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* torch.randn on a CUDA device, as long as the tensor has fewer elements than the grid has threads: element i is
 * subsequence i of Philox (counter words 2 and 3), the draw counts words 0 and 1, and of the four words the first two
 * make one Box-Muller pair, of which the sine is kept. CUDA computes in float; in double the value is the one that
 * CUDA rounds. */
static void cuda_normal(uint64_t seed, uint32_t draw, float *out, int64_t n)
{
    const double two_pi = 6.283185307179586476925;
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (int64_t i = 0; i < n; i++) {
        const uint32_t counter[4] = {draw, 0, (uint32_t)i, (uint32_t)((uint64_t)i >> 32)};
        uint32_t g[4];
        lrt_philox4x32(counter, key, g);
        double u = ldexp(g[0], -32) + ldexp(1, -33), v = ldexp(g[1], -32) + ldexp(1, -33);
        out[i] = (float)(sqrt(-2 * log(u)) * sin(two_pi * v));
    }
}

const lrt_rng lrt_rngs[] = {
    {"cuda", "Philox and Box-Muller, as PyTorch on CUDA", cuda_normal},
};
const int lrt_rng_count = sizeof lrt_rngs / sizeof *lrt_rngs;

const lrt_rng *lrt_rng_find(const char *name)
{
    for (int i = 0; i < lrt_rng_count; i++)
        if (!strcmp(lrt_rngs[i].name, name))
            return &lrt_rngs[i];
    return NULL;
}
