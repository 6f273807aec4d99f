/* Pictures out. */
#ifndef LATENTRT_PICTURE_H
#define LATENTRT_PICTURE_H
#include <stdint.h>

#include "error.h"

/* Writes rgb (height, width, 3) with `parameters` (UTF-8; NULL: none) as a text chunk of that name:
 * tEXt when it is ASCII, else iTXt. The file appears under its name only when it is complete. */
bool lrt_png_write(const char *path, const uint8_t *rgb, int width, int height,
                   const char *parameters, lrt_error *e);
#endif
