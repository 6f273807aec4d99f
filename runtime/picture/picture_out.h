/* Pictures out: PNG and JPEG files, by their names. */
#ifndef LATENTRT_PICTURE_OUT_H
#define LATENTRT_PICTURE_OUT_H
#include <stdint.h>

#include "error.h"

enum { LRT_PNG_QUICK };
typedef struct {
    /* (height, width, 3) */
    const uint8_t *rgb;
    int width, height;
    /* UTF-8: how the picture was drawn. A PNG has it as a text chunk of that name, a JPEG as Exif's
     * comment. NULL: it is not recorded. */
    const char *parameters;
    /* Of a JPEG: 1 to 100, from small to good. */
    int quality;
    /* Of a PNG: LRT_PNG_QUICK, or one of zlib's levels, 1 to 9. */
    int level;
} lrt_picture_out;
typedef enum { LRT_FORMAT_PNG, LRT_FORMAT_JPEG } lrt_picture_format;
/* The format of a file by its ending. A name without ending, a device, a pipe, and "-" (standard
 * output) mean PNG. false, with *e: an unknown ending, or "-" is a terminal. */
bool lrt_picture_format_of(const char *path, lrt_picture_format *format, lrt_error *e);
/* Whether a file of that format has room for such parameters: Exif data have at most 64 KiB. */
bool lrt_picture_holds(lrt_picture_format format, const char *parameters);
/* Writes p to a file that appears under its name only when it is complete (output.h). Parameters
 * without room are left out. */
bool lrt_picture_write(const char *path, const lrt_picture_out *p, lrt_error *e);
#endif
