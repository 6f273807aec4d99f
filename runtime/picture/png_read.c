/* See png_read.h. */
#include "png_read.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "exif.h"
#include "utf8.h"

/* ---- pixels ---- */

static void png_error_to(png_structp png, png_const_charp message)
{
    lrt_picture_reader *r = png_get_error_ptr(png);
    lrt_fail(r->e, "%s: a damaged or truncated PNG: %s", r->path, message);
    lrt_reader_stop(r);
}

static void png_ignore(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

/* libpng allocates the length that a chunk states, up to 2 GB, before it reads it. So this
 * refuses a chunk that is longer than the rest of the file. Pixels (IDAT) are read in parts. */
static void png_check_chunks(lrt_picture_reader *r, png_structp png)
{
    uint8_t head[8];
    long begin = ftell(r->f), size = begin < 0 || fseek(r->f, 0, SEEK_END) ? -1 : ftell(r->f);
    if (size < 0)
        return; /* a pipe */
    for (long at = begin + 8; !fseek(r->f, at, SEEK_SET) &&
                              fread(head, 1, sizeof head, r->f) == sizeof head &&
                              memcmp(head + 4, "IEND", 4);) {
        uint32_t n = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 |
                     head[3];
        if (memcmp(head + 4, "IDAT", 4) && n > (unsigned long)(size - at))
            png_error(png, "a chunk is longer than the file");
        at += 12 + (long)n;
    }
    fseek(r->f, begin, SEEK_SET);
}

static void png_header(lrt_picture_reader *r, png_structp png, png_infop info)
{
    png_check_chunks(r, png);
    png_init_io(png, r->f);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff); /* lrt_reader_begin has the limits */
    png_read_info(png, info);
    r->width = png_get_image_width(png, info);
    r->height = png_get_image_height(png, info);
    png_bytep exif;
    png_uint_32 bytes;
    if (png_get_eXIf_1(png, info, &bytes, &exif))
        r->orientation = lrt_exif_orientation(exif, bytes);
}

static void png_rows(lrt_picture_reader *r, png_structp png, png_infop info)
{
    bool interlaced = png_get_interlace_type(png, info) != PNG_INTERLACE_NONE;
    lrt_reader_begin(r, interlaced ? "interlaced" : NULL);
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    bool alpha = png_get_channels(png, info) == 4;
    size_t bytes = png_get_rowbytes(png, info);
    if (alpha)
        snprintf(r->change, sizeof r->change,
                 r->want.use == LRT_PICTURE_RGB ? "transparent parts on white"
                                                : "transparent parts count as black");
    if (interlaced) {
        r->rows = lrt_reader_need(r, calloc((size_t)r->height, sizeof *r->rows));
        r->row = lrt_reader_need(r, malloc(bytes * (size_t)r->height));
        for (int64_t y = 0; y < r->height; y++)
            r->rows[y] = r->row + (size_t)y * bytes;
        png_read_image(png, r->rows);
    } else {
        r->row = lrt_reader_need(r, malloc(bytes));
    }
    for (int64_t y = 0; y < r->height; y++) {
        if (!interlaced)
            png_read_row(png, r->row, NULL);
        lrt_reader_put_row(r, interlaced ? r->rows[y] : r->row, alpha);
    }
}

bool lrt_png_read(lrt_picture_reader *r)
{
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, png_error_to, png_ignore);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        png_destroy_read_struct(&png, NULL, NULL);
        return lrt_fail(r->e, "%s: out of memory", r->path);
    }
    bool ok = !setjmp(r->back);
    if (ok) {
        png_header(r, png, info);
        png_rows(r, png, info);
    }
    png_destroy_read_struct(&png, &info, NULL);
    return ok;
}

/* ---- text chunks ---- */

/* Takes the chunk with the best key, if it is better than the one that was found. The chunk's text
 * as UTF-8: iTXt is that; tEXt and zTXt are Latin-1 by the specification, but some programs write
 * UTF-8 into them. */
static void find_text(lrt_picture_reader *r, png_structp png, png_infop info,
                      const lrt_text_keys *keys, lrt_found_text *found)
{
    png_textp t;
    int n = png_get_text(png, info, &t, NULL);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < (found->key < 0 ? keys->n : found->key); k++) {
            if (strcmp(t[i].key, keys->key[k]))
                continue;
            bool guess = t[i].compression == PNG_TEXT_COMPRESSION_NONE ||
                         t[i].compression == PNG_TEXT_COMPRESSION_zTXt;
            free(found->text);
            found->text = NULL;
            found->text = lrt_reader_need(r, guess ? lrt_utf8_guess(t[i].text, SIZE_MAX)
                                                   : strdup(t[i].text));
            found->key = k;
        }
}

/* Web interfaces write Exif's comment where they think of the format last. */
static void find_exif(png_structp png, png_infop info, lrt_found_text *found)
{
    png_bytep exif;
    png_uint_32 bytes;
    if (found->key < 0 && png_get_eXIf_1(png, info, &bytes, &exif))
        found->text = lrt_exif_comment(exif, bytes);
    if (found->text && found->key < 0)
        found->key = 0;
}

/* The text may be before the pixels or behind them. Very large pictures are not read for it. */
static void search_text(lrt_picture_reader *r, png_structp png, png_infop info,
                        const lrt_text_keys *keys, lrt_found_text *found)
{
    png_header(r, png, info);
    find_text(r, png, info, keys, found);
    if (found->key == 0)
        return;
    if (r->width * r->height <= LRT_MOST_WHOLE) {
        int passes = png_set_interlace_handling(png);
        png_read_update_info(png, info);
        r->row = lrt_reader_need(r, malloc(png_get_rowbytes(png, info)));
        for (int64_t y = 0; y < r->height * passes; y++)
            png_read_row(png, r->row, NULL);
        png_read_end(png, info);
        find_text(r, png, info, keys, found);
    }
    find_exif(png, info, found);
}

bool lrt_png_text(lrt_picture_reader *r, const lrt_text_keys *keys, lrt_found_text *found)
{
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, png_error_to, png_ignore);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        png_destroy_read_struct(&png, NULL, NULL);
        return lrt_fail(r->e, "%s: out of memory", r->path);
    }
    bool ok = !setjmp(r->back);
    if (ok)
        search_text(r, png, info, keys, found);
    png_destroy_read_struct(&png, &info, NULL);
    return ok;
}
