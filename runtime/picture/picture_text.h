/* Texts in PNG and JPEG files, in which programs record how a picture was made. */
#ifndef LATENTRT_PICTURE_TEXT_H
#define LATENTRT_PICTURE_TEXT_H
#include <stdio.h>

#include "error.h"

/* Keys of text chunks, the best one first. */
typedef struct {
    const char *const *key;
    int n;
} lrt_text_keys;
/* The text that was found: malloc'd UTF-8, and the index of its key; -1 and NULL when there is
 * none. */
typedef struct {
    char *text;
    int key;
} lrt_found_text;
/* Looks for the first of these keys that a file has: a PNG's text chunks (before or behind the
 * pixels). The Exif comment of a JPEG, or of a PNG without such a chunk, counts as the first key.
 * false, with *e: neither PNG nor JPEG, damaged, or it cannot be read. */
bool lrt_picture_text(const char *path, const lrt_text_keys *keys, lrt_found_text *found,
                      lrt_error *e);
/* The same from an open file; path is for messages. */
bool lrt_picture_text_stream(FILE *f, const char *path, const lrt_text_keys *keys,
                             lrt_found_text *found, lrt_error *e);
#endif
