/* Pictures out, as JPEG. */
#ifndef LATENTRT_JPEG_WRITE_H
#define LATENTRT_JPEG_WRITE_H
#include <stdio.h>

#include "picture_out.h"

/* Whether Exif's comment has room for such parameters. */
bool lrt_jpeg_holds(const char *parameters);
/* Writes p to f: baseline, colours at full resolution from quality 90 on, else at half. false, with
 * *e: f cannot be written (its error flag is set), or memory is short. */
bool lrt_jpeg_write(FILE *f, const lrt_picture_out *p, lrt_error *e);
#endif
