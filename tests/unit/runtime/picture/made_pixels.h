/* Pixels for tests of pictures. */
#ifndef MADE_PIXELS_H
#define MADE_PIXELS_H
#include <stdint.h>

enum { W = 24, H = 16 }; /* of most pictures */

/* Byte i of a fixed noise. */
static inline uint8_t noise(int i)
{
    uint32_t x = (uint32_t)i * 2654435761u;
    return (uint8_t)(x >> 24 ^ x >> 13);
}

#endif
