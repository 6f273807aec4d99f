/* The caches of the CPU. */
#ifndef LATENTC_CACHES_H
#define LATENTC_CACHES_H
#include <stdint.h>

/* One cache for data: its size, 0 where there is none, and how many CPUs share it, at least 1. */
typedef struct {
    int64_t bytes;
    int sharing;
} Cache;

/* The data cache of a level (1, 2, 3) of the first CPU. */
Cache cache_find(int level);
#endif
