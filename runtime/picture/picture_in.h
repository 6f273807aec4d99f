/* Pictures in: PNG and JPEG files of any size, scaled and cropped to the wanted one. */
#ifndef LATENTRT_PICTURE_IN_H
#define LATENTRT_PICTURE_IN_H
#include <stdint.h>
#include <stdio.h>

#include "error.h"

/* Limits of a file's picture: pixels; pixels of interlaced and progressive ones, which are held in
 * memory as a whole; pixels of a side. */
#define LRT_MOST_PIXELS ((int64_t)1 << 30)
#define LRT_MOST_WHOLE ((int64_t)1 << 26)
enum { LRT_MOST_SIDE = 1000000 };
typedef enum {
    LRT_PICTURE_RGB, /* (height, width, 3); transparent parts become white */
    LRT_PICTURE_MASK /* (height, width): 255 where the picture is brighter than middle gray, else 0;
                        transparent parts count as black */
} lrt_picture_use;
typedef struct {
    lrt_picture_use use;
    int width, height; /* of the result */
} lrt_picture_want;
typedef struct {
    int64_t width, height; /* of the file's picture, with its Exif orientation applied */
    char notice[160];      /* what was changed, for the user; "" for nothing */
} lrt_picture_about;
/* Reads a file into out, whose shape lrt_picture_use says: scaled to cover width x height, then
 * cropped in the middle (resize.h). Palettes, gray and 16 bits become 8-bit RGB, CMYK by the plain
 * formula; colour profiles are ignored. Memory does not grow with the height of the file's picture.
 * false, with *e: no such file, another format, damaged, too large. */
bool lrt_picture_read(const char *path, const lrt_picture_want *want, uint8_t *out,
                      lrt_picture_about *about, lrt_error *e);
/* The same from an open file; path is for messages. */
bool lrt_picture_read_stream(FILE *f, const char *path, const lrt_picture_want *want, uint8_t *out,
                             lrt_picture_about *about, lrt_error *e);
#endif
