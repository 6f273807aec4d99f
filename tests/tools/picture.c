/* picture FILE.png [KEY]: decodes the whole picture with every check on. Prints "WIDTHxHEIGHT
 * distinct=N" (N colors, counted up to 1000), or with KEY the text chunk of that name. Exit code 1
 * when the file is no sound RGB picture or has no such chunk. */
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "err.h"
#include "alloc.h"

static int compare(const void *a, const void *b) { return memcmp(a, b, 3); }

static int distinct(png_bytep *rows, png_uint_32 w, png_uint_32 h)
{
    unsigned char *all = xmalloc((size_t)w * h * 3);
    for (png_uint_32 y = 0; y < h; y++)
        memcpy(all + (size_t)y * w * 3, rows[y], (size_t)w * 3);
    qsort(all, (size_t)w * h, 3, compare);
    int n = 1;
    for (size_t i = 1; i < (size_t)w * h && n < 1000; i++)
        n += memcmp(all + 3 * i, all + 3 * i - 3, 3) != 0;
    free(all);
    return n;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3)
        usage_err("picture FILE.png [KEY]");
    FILE *f = fopen(argv[1], "rb");
    if (!f)
        err("cannot open %s", argv[1]);
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    if (setjmp(png_jmpbuf(png)))
        err("%s is not a sound PNG", argv[1]);
    png_init_io(png, f);
    png_read_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    if (png_get_color_type(png, info) != PNG_COLOR_TYPE_RGB || png_get_bit_depth(png, info) != 8)
        err("%s: expected 8-bit RGB", argv[1]);
    png_textp text;
    int n = png_get_text(png, info, &text, NULL), status = argc == 3;
    for (int i = 0; argc == 3 && i < n; i++)
        if (!strcmp(text[i].key, argv[2])) {
            puts(text[i].text);
            status = 0;
        }
    png_uint_32 w = png_get_image_width(png, info), h = png_get_image_height(png, info);
    if (argc == 2)
        printf("%ux%u distinct=%d\n", (unsigned)w, (unsigned)h,
               distinct(png_get_rows(png, info), w, h));
    png_destroy_read_struct(&png, &info, NULL);
    fclose(f);
    return status;
}
