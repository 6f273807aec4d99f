/* Random bf16 numbers, for tests of the tile unit. */
#ifndef RANDOM_BF16_H
#define RANDOM_BF16_H
#include <stdint.h>
#include <string.h>

static inline float bf16(uint16_t bits)
{
    uint32_t u = (uint32_t)bits << 16;
    float x;
    memcpy(&x, &u, 4);
    return x;
}

/* Sign, exponent -5 to 4, seven random bits. */
static inline uint16_t random_bf16(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    uint32_t r = *state >> 8;
    return (uint16_t)((r & 0x807f) | (122 + (r >> 16) % 10) << 7);
}

#endif
