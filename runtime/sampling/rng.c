/* See rng.h. */
#include "rng.h"

#include <math.h>
#include <string.h>

void lrt_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    const uint32_t m0 = 0xD2511F53, m1 = 0xCD9E8D57, w0 = 0x9E3779B9, w1 = 0xBB67AE85;
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0],
             k1 = key[1];
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

/* torch.randn on a CUDA device. PyTorch starts a thread for every element, up to the device's grid
 * (more than 200,000 threads on recent devices; a latent of 1024x1024 pixels has 65,536 elements),
 * so thread i makes element i. curand_init(seed, i, offset) gives it subsequence i of Philox:
 * counter words 2 and 3. curand_normal4 uses the four words of one counter. They make two
 * Box-Muller pairs, and the thread stores the first number, a sine, since it has only one element.
 *
 * Each launch raises the generator's offset by the words that a thread may use, 4 * ((n - 1) / (4
 * threads) + 1) = 4 here. The offset counts words, so counter word 0 is the number of the draw. (On
 * an H200 with 270,336 threads the offset rises by 4 up to n = 1,081,344, then by 8. Above 270,336
 * elements a thread makes several, and the result depends on the device.)
 *
 * CUDA computes in float. Here it is double: the exact value that CUDA's result approximates. */
static void cuda_normal(lrt_noise *s, float *out, int64_t n)
{
    const double two_pi = 6.283185307179586476925;
    const uint32_t key[2] = {(uint32_t)s->seed, (uint32_t)(s->seed >> 32)};
    for (int64_t i = 0; i < n; i++) {
        const uint32_t counter[4] = {s->draw, 0, (uint32_t)i, (uint32_t)((uint64_t)i >> 32)};
        uint32_t g[4];
        lrt_philox4x32(counter, key, g);
        double u = ldexp(g[0], -32) + ldexp(1, -33), v = ldexp(g[1], -32) + ldexp(1, -33);
        out[i] = (float)(sqrt(-2 * log(u)) * sin(two_pi * v));
    }
}

void lrt_mt19937_seed(lrt_mt19937 *m, uint32_t seed)
{
    m->state[0] = seed;
    for (uint32_t i = 1; i < 624; i++)
        m->state[i] = 1812433253u * (m->state[i - 1] ^ (m->state[i - 1] >> 30)) + i;
    m->next = 624;
}

static void twist(uint32_t *state)
{
    for (int i = 0; i < 624; i++) {
        uint32_t y = (state[i] & 0x80000000u) | (state[(i + 1) % 624] & 0x7fffffffu);
        state[i] = state[(i + 397) % 624] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
}

uint32_t lrt_mt19937_next(lrt_mt19937 *m)
{
    if (m->next == 624) {
        twist(m->state);
        m->next = 0;
    }
    uint32_t y = m->state[m->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* A float of [0, 1): the low 24 bits. */
static void uniforms(lrt_mt19937 *m, float *out, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (float)(lrt_mt19937_next(m) & 0xffffff) * 0x1p-24f;
}

/* 16 uniform numbers become 16 normal ones: the first 8 are lengths, the last 8 angles. */
static void box_muller_16(float *x)
{
    const double two_pi = 6.283185307179586476925;
    for (int i = 0; i < 8; i++) {
        double length = sqrt(-2 * log(1 - (double)x[i])), angle = two_pi * x[i + 8];
        x[i] = (float)(length * cos(angle));
        x[i + 8] = (float)(length * sin(angle));
    }
}

/* A double of [0, 1): the low 53 bits of two words. The first word is the high one. */
static double uniform_double(lrt_mt19937 *m)
{
    uint64_t high = lrt_mt19937_next(m);
    return (double)((high << 32 | lrt_mt19937_next(m)) & ((1ull << 53) - 1)) * 0x1p-53;
}

/* For fewer than 16 numbers: pairs in double. The second number of a pair is stored until it is
 * needed, also across draws. */
static float one_normal(lrt_noise *s)
{
    if (s->has_left) {
        s->has_left = false;
        return (float)s->left;
    }
    double angle = 6.283185307179586476925 * uniform_double(&s->twister);
    double length = sqrt(-2 * log1p(-uniform_double(&s->twister)));
    s->left = length * sin(angle);
    s->has_left = true;
    return (float)(length * cos(angle));
}

/* torch.randn on the CPU, as aten/src/ATen/native/cpu/DistributionTemplates.h fills a tensor: all
 * uniform numbers first, then blocks of 16. When the last block is not full, the last 16 numbers
 * are drawn again, from 16 new uniform ones. */
static void cpu_normal(lrt_noise *s, float *out, int64_t n)
{
    if (n < 16) {
        for (int64_t i = 0; i < n; i++)
            out[i] = one_normal(s);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        uniforms(&s->twister, out + i, 1);
    for (int64_t i = 0; i + 16 <= n; i += 16)
        box_muller_16(out + i);
    if (n % 16) {
        uniforms(&s->twister, out + n - 16, 16);
        box_muller_16(out + n - 16);
    }
}

/* clang-format off */
const lrt_rng lrt_rngs[] = {
    {"cuda", "as PyTorch on CUDA (Philox)", cuda_normal},
    {"cpu", "as PyTorch on the CPU (Mersenne Twister)", cpu_normal},
};
/* clang-format on */
const int lrt_rng_count = sizeof lrt_rngs / sizeof *lrt_rngs;

const lrt_rng *lrt_rng_find(const char *name)
{
    for (int i = 0; i < lrt_rng_count; i++)
        if (!strcmp(lrt_rngs[i].name, name))
            return &lrt_rngs[i];
    return NULL;
}

void lrt_noise_seed(lrt_noise *s, const lrt_rng *rng, uint64_t seed)
{
    *s = (lrt_noise){.rng = rng, .seed = seed};
    lrt_mt19937_seed(&s->twister, (uint32_t)seed);
}

void lrt_noise_normal(lrt_noise *s, float *out, int64_t n)
{
    s->rng->normal(s, out, n);
    s->draw++;
}

void lrt_noise_latent(lrt_noise *s, float *out, int64_t n)
{
    const float *drawn = out + n;
    int64_t pixels = n / 4;
    lrt_noise_normal(s, out + n, n);
    for (int64_t i = 0; i < pixels; i++)
        for (int64_t c = 0; c < 4; c++)
            out[i * 4 + c] = drawn[c * pixels + i];
}
