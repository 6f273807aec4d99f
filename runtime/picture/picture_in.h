/* Pictures in: PNG and JPEG files of any size, made to fit. */
#ifndef LATENTRT_PICTURE_IN_H
#define LATENTRT_PICTURE_IN_H
#include <stdint.h>
#include <stdio.h>

#include "error.h"

/* What a file holds: more pixels would take longer to read than to draw; interlaced and progressive
 * ones must be held in memory as a whole. */
#define LRT_MOST_PIXELS ((int64_t)1 << 30)
#define LRT_MOST_WHOLE ((int64_t)1 << 26)
enum { LRT_MOST_SIDE = 1000000 };
typedef enum {
    LRT_PICTURE_RGB, /* (height, width, 3); what is transparent shows white */
    LRT_PICTURE_MASK /* (height, width): 255 where the picture is white rather than black; what is
                        transparent counts as black */
} lrt_picture_use;
typedef struct {
    int64_t width, height; /* as it is looked at: turned as its Exif data say */
    char notice[160];      /* what was done to it, for the user; "" when nothing was */
} lrt_picture_about;
/* out receives the picture, scaled to cover width x height and cropped in the middle (resize.h).
 * Palettes, gray and 16 bits become 8-bit RGB, CMYK by the plain formula; colour profiles are not
 * looked at. Memory does not grow with the height of the file's picture. path: for messages. */
bool lrt_picture_read(const char *path, lrt_picture_use use, int width, int height, uint8_t *out,
                      lrt_picture_about *about, lrt_error *e);
bool lrt_picture_read_stream(FILE *f, const char *path, lrt_picture_use use, int width, int height,
                             uint8_t *out, lrt_picture_about *about, lrt_error *e);
/* The text chunk of a PNG of that key, as UTF-8, malloc'd, in *text; NULL in *text when it has
 * none. */
bool lrt_png_text(const char *path, const char *key, char **text, lrt_error *e);
bool lrt_png_text_stream(FILE *f, const char *path, const char *key, char **text, lrt_error *e);
/* 1 to 8, from an Exif block (a TIFF header and its first directory); 1 when it says nothing
 * sensible. */
int lrt_exif_orientation(const uint8_t *data, size_t bytes);
#endif
