/* See png_write.h. */
#include "png_write.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void on_error(png_structp png, png_const_charp message)
{
    lrt_fail(png_get_error_ptr(png), "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static bool is_ascii(const char *s)
{
    while (*s && (unsigned char)*s < 0x80)
        s++;
    return !*s;
}

static void set_text(png_structp png, png_infop info, const char *parameters)
{
    png_text text = {.key = (char *)(uintptr_t) "parameters",
                     .text = (char *)(uintptr_t)parameters};
    if (is_ascii(parameters)) {
        text.compression = PNG_TEXT_COMPRESSION_NONE;
        text.text_length = strlen(parameters);
    } else {
        text.compression = PNG_ITXT_COMPRESSION_NONE;
        text.itxt_length = strlen(parameters);
    }
    png_set_text(png, info, &text, 1);
}

/* Photographs and drawings hardly repeat longer strings of bytes once a filter has subtracted their
 * neighbours: runs of one byte and Huffman codes are enough. That takes a quarter of the time of
 * zlib's default level, and most files are not larger (docs/performance.md). zlib's levels are for
 * pictures that repeat themselves. */
static void set_compression(png_structp png, int level)
{
    if (level == LRT_PNG_QUICK) {
        png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_PAETH);
        png_set_compression_strategy(png, Z_RLE);
    } else {
        png_set_compression_level(png, level);
    }
}

/* Everything between creating and destroying the write struct: on errors libpng jumps back here. */
static bool write_all(png_structp png, png_infop info, FILE *f, const lrt_picture_out *p)
{
    if (setjmp(png_jmpbuf(png)))
        return false;
    png_init_io(png, f);
    png_set_IHDR(png, info, (png_uint_32)p->width, (png_uint_32)p->height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    set_compression(png, p->level);
    if (p->parameters)
        set_text(png, info, p->parameters);
    png_write_info(png, info);
    for (int y = 0; y < p->height; y++)
        png_write_row(png, p->rgb + (size_t)y * (size_t)p->width * 3);
    png_write_end(png, info);
    return true;
}

bool lrt_png_write(FILE *f, const lrt_picture_out *p, lrt_error *e)
{
    lrt_fail(e, "out of memory");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, e, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    bool ok = info && write_all(png, info, f, p);
    png_destroy_write_struct(&png, &info);
    return ok;
}
