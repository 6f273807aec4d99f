/* picture_compare FILE.png FILE.safetensors TENSOR BOUND: mean absolute difference, of 255, between
 * a PNG and a u8 tensor (1,h,w,3). Exit code 1 when it is over BOUND or the sizes differ. */
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "safetensors.h"
#include "err.h"
#include "alloc.h"

int main(int argc, char **argv)
{
    if (argc != 5)
        usage_err("usage: picture_compare FILE.png FILE.safetensors TENSOR BOUND");
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_file(&image, argv[1]))
        err("%s: %s", argv[1], image.message);
    image.format = PNG_FORMAT_RGB;
    size_t bytes = PNG_IMAGE_SIZE(image);
    unsigned char *rgb = xmalloc(bytes);
    if (!png_image_finish_read(&image, NULL, rgb, 0, NULL))
        err("%s: %s", argv[1], image.message);
    StFile *f = st_open(argv[2]);
    const StTensor *t = st_find(f, argv[3]);
    if (!t || t->dtype != ST_U8 || t->bytes != bytes)
        err("%s: no u8 tensor \"%s\" of %zu bytes", argv[2], argv[3], bytes);
    const unsigned char *want = t->data;
    double sum = 0;
    for (size_t i = 0; i < bytes; i++)
        sum += abs(rgb[i] - want[i]);
    sum /= (double)bytes;
    printf("mean absolute difference %.4f of 255\n", sum);
    free(rgb);
    st_close(f);
    return sum > strtod(argv[4], NULL);
}
