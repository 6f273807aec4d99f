/* The machine that latentc runs on: its caches, its name, how many threads it may start. What the
 * system does not tell, or tells wrongly, has a default. */
#ifndef LATENTC_HARDWARE_H
#define LATENTC_HARDWARE_H
#include <stddef.h>
#include <stdint.h>

/* One cache for data: its size in bytes, 0 where there is none or nothing is known, and how many
 * CPUs share it, at least 1. */
typedef struct {
    int64_t bytes;
    int sharing;
} Cache;

/* The data cache of a level (1, 2, 3) of the first CPU. */
Cache cache_find(int level);
/* Bytes of the largest one: what is read again after so much else comes from memory. Where nothing
 * is known, 32 MiB. */
int64_t cache_last_bytes(void);
/* The CPU's name: from /proc/cpuinfo, the device tree or CPUID; else "unknown". */
void cpu_name(char *out, size_t n);
/* Threads to use where the user wants `wanted` (lrt_threads); a note says when they are fewer. */
int threads_to_use(int64_t wanted);
#endif
