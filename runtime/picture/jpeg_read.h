/* JPEG files. */
#ifndef LATENTRT_JPEG_READ_H
#define LATENTRT_JPEG_READ_H
#include "picture_reader.h"
#include "picture_text.h"

/* Reads r->f, a JPEG, row by row into r. false, with *r->e, when it is damaged or too large. */
bool lrt_jpeg_read(lrt_picture_reader *r);
/* The Exif comment of r->f, a JPEG, as the text of the first key. false, with *r->e, when the file
 * is damaged. */
bool lrt_jpeg_text(lrt_picture_reader *r, lrt_found_text *found);
#endif
