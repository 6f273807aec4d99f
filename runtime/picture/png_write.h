/* Pictures out, as PNG. */
#ifndef LATENTRT_PNG_WRITE_H
#define LATENTRT_PNG_WRITE_H
#include <stdint.h>

#include "error.h"

typedef struct {
    const uint8_t *rgb; /* (height, width, 3) */
    int width, height;
    const char *parameters; /* UTF-8, a text chunk of that name: tEXt when it is ASCII, else iTXt;
                               NULL: none */
} lrt_png;
/* Writes p to a file that appears under its name only when it is complete (output.h). */
bool lrt_png_write(const char *path, const lrt_png *p, lrt_error *e);
#endif
