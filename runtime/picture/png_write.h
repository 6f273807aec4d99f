/* Pictures out, as PNG. */
#ifndef LATENTRT_PNG_WRITE_H
#define LATENTRT_PNG_WRITE_H
#include <stdint.h>

#include "error.h"

typedef struct {
    /* (height, width, 3) */
    const uint8_t *rgb;
    int width, height;
    /* UTF-8, for a text chunk of that name: tEXt when it is ASCII, else iTXt. NULL: no chunk. */
    const char *parameters;
} lrt_png;
/* Writes p to a file that appears under its name only when it is complete (output.h). */
bool lrt_png_write(const char *path, const lrt_png *p, lrt_error *e);
#endif
