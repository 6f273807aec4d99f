/* The orientation in a picture's Exif data. */
#ifndef LATENTRT_EXIF_H
#define LATENTRT_EXIF_H
#include <stddef.h>
#include <stdint.h>

/* The orientation, 1 to 8, in an Exif block (a TIFF header and its first directory). 1, which is
 * "as stored", when the block has none or is damaged. */
int lrt_exif_orientation(const uint8_t *data, size_t bytes);
#endif
