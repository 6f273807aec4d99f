/* See hash.h. */
#include "hash.h"

#include <stddef.h>
#include <string.h>

#include "hash_mix.h"

static inline uint64_t rotl(uint64_t x, int r) { return x << r | x >> (64 - r); }

static inline uint64_t load64(const unsigned char *p)
{
    uint64_t x;
    memcpy(&x, p, 8);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? x : __builtin_bswap64(x);
}

/* Whole 32-byte blocks. */
static void lanes_add(uint64_t lane[4], const unsigned char *p, size_t blocks)
{
    uint64_t a = lane[0], b = lane[1], c = lane[2], d = lane[3];
    for (size_t i = 0; i < blocks; i++, p += 32) {
        a = rotl(a ^ load64(p), 27) * LRT_MIX_2 + LRT_MIX_1;
        b = rotl(b ^ load64(p + 8), 29) * LRT_MIX_2 + LRT_MIX_1;
        c = rotl(c ^ load64(p + 16), 31) * LRT_MIX_2 + LRT_MIX_1;
        d = rotl(d ^ load64(p + 24), 33) * LRT_MIX_2 + LRT_MIX_1;
    }
    lane[0] = a;
    lane[1] = b;
    lane[2] = c;
    lane[3] = d;
}

static uint64_t hash_chunk(const unsigned char *p, size_t n)
{
    uint64_t lane[4] = {LRT_MIX_0, LRT_MIX_1, LRT_MIX_2, LRT_MIX_3}, h = n;
    size_t rest = n % 32;
    lanes_add(lane, p, n / 32);
    if (rest) {
        unsigned char last[32] = {0};
        memcpy(last, p + n - rest, rest);
        lanes_add(lane, last, 1);
    }
    for (int i = 0; i < 4; i++)
        h = lrt_mix(h * LRT_MIX_3 + lane[i]);
    return h;
}

uint64_t lrt_hash64(const void *data, uint64_t n)
{
    const uint64_t chunk = (uint64_t)4 << 20;
    uint64_t whole = 0;
    for (uint64_t at = 0; at < n; at += chunk)
        whole = lrt_mix_fold(whole, hash_chunk((const unsigned char *)data + at,
                                               (size_t)(n - at < chunk ? n - at : chunk)));
    return lrt_mix_fold(whole, n);
}
