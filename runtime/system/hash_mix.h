/* What the two hashes share: odd constants, and a bijection of 64 bits that mixes them well. */
#ifndef LATENTRT_HASH_MIX_H
#define LATENTRT_HASH_MIX_H
#include <stdint.h>

#define LRT_MIX_0 0x9FB21C651E98DF25ull
#define LRT_MIX_1 0xD6E8FEB86659FD93ull
#define LRT_MIX_2 0xC2B2AE3D27D4EB4Full
#define LRT_MIX_3 0xFF51AFD7ED558CCDull

/* The bijection. */
static inline uint64_t lrt_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= LRT_MIX_0;
    x ^= x >> 29;
    x *= LRT_MIX_1;
    return x ^ x >> 32;
}

/* A chunk's hash enters that of the chunks before it. */
static inline uint64_t lrt_mix_fold(uint64_t folded, uint64_t chunk)
{
    return lrt_mix(folded * LRT_MIX_2 + chunk);
}
#endif
