/* Pictures of any size made to fit: scaled, as much as it takes to cover, and cropped in the
 * middle. */
#ifndef LATENTRT_RESIZE_H
#define LATENTRT_RESIZE_H
#include <stdbool.h>
#include <stdint.h>

/* A separable filter, Lanczos with three lobes, widened by the factor when it reduces, so that
 * every pixel inside the crop counts. Rows come one by one; only those that unfinished rows of the
 * result need are held, so memory grows with the width of the picture, not with its height. A
 * picture that fits stays as it is, byte for byte. Sums have a fixed order. */
typedef struct lrt_resize lrt_resize;
/* in: width and height of what comes, out: of the result (at most 65536); channels: values of a
 * pixel. NULL when memory is short. */
lrt_resize *lrt_resize_new(int64_t in_width, int64_t in_height, int out_width, int out_height,
                           int channels);
/* The next row, (in_width, channels); out (out_height, out_width, channels) receives the rows that
 * are finished with it. false when memory is short. */
bool lrt_resize_row(lrt_resize *r, const uint8_t *row, uint8_t *out);
void lrt_resize_free(lrt_resize *r);
#endif
