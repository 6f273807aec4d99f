/* PNG files: pixels and text chunks. */
#ifndef LATENTRT_PNG_READ_H
#define LATENTRT_PNG_READ_H
#include "picture_reader.h"
#include "picture_text.h"

/* Reads r->f, a PNG, row by row into r. false, with *r->e, when it is damaged or too large. */
bool lrt_png_read(lrt_picture_reader *r);
/* The text of r->f, a PNG, as lrt_picture_text says. false, with *r->e, when it is damaged. */
bool lrt_png_text(lrt_picture_reader *r, const lrt_text_keys *keys, lrt_found_text *found);
#endif
