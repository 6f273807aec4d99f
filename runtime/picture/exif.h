/* Exif data of pictures: the orientation, and the comment in which programs record settings. */
#ifndef LATENTRT_EXIF_H
#define LATENTRT_EXIF_H
#include <stddef.h>
#include <stdint.h>

/* The orientation, 1 to 8, in an Exif block (a TIFF header and its first directory). 1, which is
 * "as stored", when the block has none or is damaged. */
int lrt_exif_orientation(const uint8_t *data, size_t bytes);
/* The UserComment of an Exif block as UTF-8, malloc'd: ASCII, UTF-16 of either order, or without a
 * name of its encoding. NULL when there is none, it is damaged, or memory is short. */
char *lrt_exif_comment(const uint8_t *data, size_t bytes);
/* An Exif block with that UserComment (UTF-8, valid), in big-endian UTF-16, as web interfaces write
 * it. malloc'd; NULL when memory is short. */
uint8_t *lrt_exif_with_comment(const char *comment, size_t *bytes);
#endif
