/* picture_make FILE.png|FILE.jpg WIDTH HEIGHT COLOR [X0 Y0 X1 Y1 COLOR]...: rectangles, each over
 * those before it, on a ground; colors as RRGGBB. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "err.h"
#include "alloc.h"
#include "picture_out.h"

static void fill(uint8_t *rgb, int width, const int box[4], const char *color)
{
    unsigned long v = strtoul(color, NULL, 16);
    for (int y = box[1]; y < box[3]; y++)
        for (int x = box[0]; x < box[2]; x++)
            for (int c = 0; c < 3; c++)
                rgb[((size_t)y * (size_t)width + (size_t)x) * 3 + (size_t)c] =
                    (uint8_t)(v >> (16 - 8 * c));
}

static void write_jpeg(const char *path, uint8_t *rgb, int width, int height)
{
    struct jpeg_compress_struct j;
    struct jpeg_error_mgr errors;
    FILE *f = fopen(path, "wb");
    if (!f)
        err("cannot write %s", path);
    j.err = jpeg_std_error(&errors);
    jpeg_create_compress(&j);
    jpeg_stdio_dest(&j, f);
    j.image_width = (JDIMENSION)width;
    j.image_height = (JDIMENSION)height;
    j.input_components = 3;
    j.in_color_space = JCS_RGB;
    jpeg_set_defaults(&j);
    jpeg_set_quality(&j, 100, TRUE);
    jpeg_start_compress(&j, TRUE);
    for (int y = 0; y < height; y++) {
        JSAMPROW row = rgb + (size_t)y * (size_t)width * 3;
        jpeg_write_scanlines(&j, &row, 1);
    }
    jpeg_finish_compress(&j);
    jpeg_destroy_compress(&j);
    fclose(f);
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc % 5)
        usage_err("picture_make FILE.png|FILE.jpg WIDTH HEIGHT COLOR [X0 Y0 X1 Y1 COLOR]...");
    int width = atoi(argv[2]), height = atoi(argv[3]), all[4] = {0, 0, width, height};
    uint8_t *rgb = xmalloc((size_t)width * (size_t)height * 3);
    fill(rgb, width, all, argv[4]);
    for (int i = 5; i < argc; i += 5) {
        int box[4] = {atoi(argv[i]), atoi(argv[i + 1]), atoi(argv[i + 2]), atoi(argv[i + 3])};
        fill(rgb, width, box, argv[i + 4]);
    }
    lrt_error e;
    if (strlen(argv[1]) > 4 && !strcmp(argv[1] + strlen(argv[1]) - 4, ".jpg"))
        write_jpeg(argv[1], rgb, width, height);
    else if (!lrt_picture_write(
                 argv[1], &(lrt_picture_out){rgb, width, height, NULL, 90, LRT_PNG_QUICK}, &e))
        err("%s", e.text);
    free(rgb);
    return 0;
}
