/* Whole-number arithmetic for blocking. */
#ifndef LATENTC_ARITH_H
#define LATENTC_ARITH_H
#include <stdint.h>

/* n / d, rounded up. n >= 0, d > 0. */
static inline int64_t ceil_div(int64_t n, int64_t d) { return (n + d - 1) / d; }
/* The smallest multiple of `step` that is not below n. */
static inline int64_t round_up(int64_t n, int64_t step) { return ceil_div(n, step) * step; }
static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
#endif
