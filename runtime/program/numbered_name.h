/* File names of numbered pictures. */
#ifndef LATENTRT_NUMBERED_NAME_H
#define LATENTRT_NUMBERED_NAME_H
#include <stdint.h>

/* The name of picture i (from 1) of n; "-", standard output, stays. Else the first %d (or %03d,
 * ...) in pattern becomes i, the first %s the seed; a width
 * above 20 counts as 20. When it has neither and n > 1, "-i" is inserted
 * before the extension. tag is inserted there, too; "" for none. malloc'd; NULL when memory is
 * short. */
char *lrt_numbered_name(const char *pattern, int64_t i, int64_t n, uint64_t seed, const char *tag);
#endif
