/* The FNV-1a hash, 64 bits: for few bytes. Containers have a faster one (hash.h of the runtime). */
#ifndef LATENTC_FNV_H
#define LATENTC_FNV_H
#include <stddef.h>
#include <stdint.h>

#define FNV1A64_INIT 0xcbf29ce484222325ull

/* The hash of n bytes, continued from h; the first call takes FNV1A64_INIT. */
static inline uint64_t fnv1a64(const void *p, size_t n, uint64_t h)
{
    const unsigned char *s = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ s[i]) * 0x100000001b3ull;
    return h;
}
#endif
