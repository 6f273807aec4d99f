/* Arithmetic on single numbers. */
#ifndef LATENTC_NUMBERS_H
#define LATENTC_NUMBERS_H
#include <stdbool.h>
#include <stdint.h>

/* The bits of x as bfloat16: rounded to nearest, ties to even. Values that are too large become
 * infinite; every NaN becomes 0x7fc0. */
uint16_t bf16_of(float x);

/* The number that these bits are. */
float f32_of_bf16(uint16_t bits);

/* *r = a*b; true when that does not fit. */
bool mul_overflow(int64_t a, int64_t b, int64_t *r);
#endif
