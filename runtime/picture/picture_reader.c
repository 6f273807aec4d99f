/* See picture_reader.h. */
#include "picture_reader.h"

#include <stdlib.h>
#include <string.h>

lrt_picture_kind lrt_picture_kind_of(FILE *f)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10}, jpeg[] = {0xff, 0xd8, 0xff};
    uint8_t head[8] = {0};
    size_t n = fread(head, 1, sizeof head, f);
    if (ferror(f) || fseek(f, 0, SEEK_SET))
        return LRT_PICTURE_UNREADABLE;
    return n == 0                                                 ? LRT_PICTURE_EMPTY
           : n == sizeof head && !memcmp(head, png, sizeof png)   ? LRT_PICTURE_PNG
           : n == sizeof head && !memcmp(head, jpeg, sizeof jpeg) ? LRT_PICTURE_JPEG
                                                                  : LRT_PICTURE_OTHER;
}

int lrt_reader_channels(const lrt_picture_reader *r)
{
    return r->want.use == LRT_PICTURE_RGB ? 3 : 1;
}

void lrt_reader_stop(lrt_picture_reader *r) { longjmp(r->back, 1); }

void *lrt_reader_need(lrt_picture_reader *r, void *p)
{
    if (p)
        return p;
    lrt_fail(r->e, "%s: out of memory", r->path);
    lrt_reader_stop(r);
}

void lrt_reader_free(lrt_picture_reader *r)
{
    lrt_resize_free(r->resize);
    free(r->row);
    free(r->plain);
    free(r->rows);
    free(r->fit);
}

void lrt_reader_begin(lrt_picture_reader *r, const char *kind)
{
    int64_t pixels = r->width * r->height, most = kind ? LRT_MOST_WHOLE : LRT_MOST_PIXELS;
    bool swapped = r->orientation > 4; /* rows are columns */
    if (r->width < 1 || r->height < 1 || r->width > LRT_MOST_SIDE || r->height > LRT_MOST_SIDE ||
        pixels > most) {
        lrt_fail(
            r->e, "%s: %lld x %lld pixels%s%s: expected at most %lld million%s%s, and %d per side",
            r->path, (long long)r->width, (long long)r->height, kind ? ", " : "", kind ? kind : "",
            (long long)(most / 1000000), kind ? " when " : "", kind ? kind : "", LRT_MOST_SIDE);
        lrt_reader_stop(r);
    }
    int width = swapped ? r->want.height : r->want.width,
        height = swapped ? r->want.width : r->want.height;
    r->resize = lrt_reader_need(
        r, lrt_resize_new(r->width, r->height, width, height, lrt_reader_channels(r)));
    r->plain = lrt_reader_need(r, malloc((size_t)r->width * 3));
    r->fit = lrt_reader_need(
        r, malloc((size_t)width * (size_t)height * (size_t)lrt_reader_channels(r)));
}

void lrt_reader_put_row(lrt_picture_reader *r, const uint8_t *row, bool alpha)
{
    int background = r->want.use == LRT_PICTURE_RGB ? 255 : 0;
    uint8_t *out = r->plain;
    for (int64_t i = 0; i < r->width; i++, row += alpha ? 4 : 3) {
        int v[3], a = alpha ? row[3] : 255;
        for (int c = 0; c < 3; c++)
            v[c] = (row[c] * a + background * (255 - a) + 127) / 255;
        if (r->want.use == LRT_PICTURE_RGB)
            for (int c = 0; c < 3; c++)
                *out++ = (uint8_t)v[c];
        else /* BT.601, as Pillow and others make gray */
            *out++ = (uint8_t)((v[0] * 299 + v[1] * 587 + v[2] * 114 + 500) / 1000);
    }
    if (!lrt_resize_row(r->resize, r->plain, r->fit))
        lrt_reader_need(r, NULL);
}
