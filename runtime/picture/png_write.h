/* Pictures out, as PNG. */
#ifndef LATENTRT_PNG_WRITE_H
#define LATENTRT_PNG_WRITE_H
#include <stdio.h>

#include "picture_out.h"

/* Writes p to f. The text chunk is tEXt when it is ASCII, else iTXt. false, with *e: f cannot be
 * written (its error flag is set), or memory is short. */
bool lrt_png_write(FILE *f, const lrt_picture_out *p, lrt_error *e);
#endif
