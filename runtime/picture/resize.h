/* Scaling a picture so that it covers the wanted size, and cropping it in the middle.
 *
 * The filter is separable: Lanczos with three lobes, widened by the factor when it reduces, so that
 * every pixel inside the crop has a part in the result. Rows come one by one, and only the rows of
 * the result that are not complete are in memory, so memory grows with the width of the picture and
 * not with its height. A picture of the wanted size is copied byte for byte. Sums have a fixed
 * order. */
#ifndef LATENTRT_RESIZE_H
#define LATENTRT_RESIZE_H
#include <stdbool.h>
#include <stdint.h>

typedef struct lrt_resize lrt_resize;
/* in_*: size of the input; out_*: of the result, at most 65536; channels: numbers per pixel. NULL
 * when memory is short. */
lrt_resize *lrt_resize_new(int64_t in_width, int64_t in_height, int out_width, int out_height,
                           int channels);
/* Takes the next row, (in_width, channels), and writes the rows that it completes into out,
 * (out_height, out_width, channels). false when memory is short. */
bool lrt_resize_row(lrt_resize *r, const uint8_t *row, uint8_t *out);
void lrt_resize_free(lrt_resize *r);
#endif
