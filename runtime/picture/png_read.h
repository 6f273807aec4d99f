/* PNG files: pixels and text chunks. */
#ifndef LATENTRT_PNG_READ_H
#define LATENTRT_PNG_READ_H
#include "picture_reader.h"

/* Reads r->f, a PNG, row by row into r. false, with *r->e, when it is damaged or too large. */
bool lrt_png_read(lrt_picture_reader *r);
/* The text chunk with that key, as UTF-8: malloc'd, in *text; NULL in *text when the file has none.
 * false, with *e: it is no PNG or cannot be read. */
bool lrt_png_text(const char *path, const char *key, char **text, lrt_error *e);
/* The same from an open file; path is for messages. */
bool lrt_png_text_stream(FILE *f, const char *path, const char *key, char **text, lrt_error *e);
#endif
