/* picture_diff A.png B.png [X0 Y0 X1 Y1]: how two pictures of one size differ inside of the
 * rectangle, or everywhere. Prints "mean=M psnr=P most=N": M and N
 * of 255, P in dB. */
#include <math.h>
#include <stdlib.h>

#include <png.h>
#include <stdio.h>
#include <stdint.h>

#include "err.h"
#include "alloc.h"

static png_image read_png(const char *path, uint8_t **rgb)
{
    png_image p = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_file(&p, path))
        err("%s: %s", path, p.message);
    p.format = PNG_FORMAT_RGB;
    *rgb = xmalloc(PNG_IMAGE_SIZE(p));
    if (!png_image_finish_read(&p, NULL, *rgb, 0, NULL))
        err("%s: %s", path, p.message);
    return p;
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 7)
        usage_err("picture_diff A.png B.png [X0 Y0 X1 Y1]");
    uint8_t *a, *b;
    png_image p = read_png(argv[1], &a), q = read_png(argv[2], &b);
    if (p.width != q.width || p.height != q.height)
        err("%ux%u and %ux%u", p.width, p.height, q.width, q.height);
    int box[4] = {0, 0, (int)p.width, (int)p.height}, most = 0;
    for (int i = 0; argc == 7 && i < 4; i++)
        box[i] = atoi(argv[3 + i]);
    double sum = 0, squares = 0;
    for (int y = box[1]; y < box[3]; y++)
        for (int i = box[0] * 3; i < box[2] * 3; i++) {
            int d = abs(a[(size_t)y * p.width * 3 + (size_t)i] -
                        b[(size_t)y * p.width * 3 + (size_t)i]);
            most = d > most ? d : most;
            sum += d;
            squares += d * d;
        }
    double n = (box[2] - box[0]) * 3.0 * (box[3] - box[1]);
    printf("mean=%.3f psnr=%.2f most=%d\n", sum / n, 10 * log10(255.0 * 255.0 * n / squares), most);
    free(a);
    free(b);
    return 0;
}
