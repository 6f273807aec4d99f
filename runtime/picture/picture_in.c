/* See picture_in.h. */
#include "picture_in.h"

#include <errno.h>
#include <string.h>

#include "jpeg_read.h"
#include "picture_reader.h"
#include "png_read.h"
#include "input.h"

/* r->fit -> out. Exif's orientations 2 to 4 mirror the picture; from 5 on rows and columns are
 * swapped, too. */
static void apply_orientation(const lrt_picture_reader *r, uint8_t *out)
{
    int w = r->want.width, h = r->want.height, n = lrt_reader_channels(r), o = r->orientation;
    bool swap = o > 4, flip_x = o == 2 || o == 3 || o == 6 || o == 7,
         flip_y = o == 3 || o == 4 || o == 7 || o == 8;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            int sx = flip_x ? w - 1 - x : x, sy = flip_y ? h - 1 - y : y;
            const uint8_t *from = r->fit + (swap ? (int64_t)sx * h + sy : (int64_t)sy * w + sx) * n;
            memcpy(out + ((int64_t)y * w + x) * n, from, (size_t)n);
        }
    if (r->want.use == LRT_PICTURE_MASK)
        for (int64_t i = 0; i < (int64_t)w * h; i++)
            out[i] = out[i] >= 128 ? 255 : 0;
}

static void add_notice(lrt_picture_about *about, const char *text)
{
    size_t n = strlen(about->notice);
    snprintf(about->notice + n, sizeof about->notice - n, "%s%s", n ? ", " : "", text);
}

/* The size as it is viewed, and what was changed. */
static void describe(const lrt_picture_reader *r, lrt_picture_about *a)
{
    bool swapped = r->orientation > 4;
    a->width = swapped ? r->height : r->width;
    a->height = swapped ? r->width : r->height;
    if (r->orientation > 1)
        add_notice(a, "rotated as its Exif data say");
    if (a->width != r->want.width || a->height != r->want.height) {
        char text[96];
        bool same = a->width * r->want.height == a->height * r->want.width;
        snprintf(text, sizeof text, "%lld x %lld scaled%s to %d x %d", (long long)a->width,
                 (long long)a->height, same ? "" : " and cropped", r->want.width, r->want.height);
        add_notice(a, text);
    }
    if (*r->change)
        add_notice(a, r->change);
}

bool lrt_picture_read_stream(FILE *f, const char *path, const lrt_picture_want *want, uint8_t *out,
                             lrt_picture_about *about, lrt_error *e)
{
    *about = (lrt_picture_about){0};
    lrt_picture_reader r = {.f = f, .path = path, .want = *want, .e = e, .orientation = 1};
    errno = 0;
    lrt_picture_kind kind = lrt_picture_kind_of(f);
    if (kind == LRT_PICTURE_UNREADABLE)
        return lrt_fail(e, "%s: cannot be read: %s", path, strerror(errno));
    if (kind == LRT_PICTURE_EMPTY || kind == LRT_PICTURE_OTHER)
        return lrt_fail(e, "%s: %s: expected a PNG or JPEG file", path,
                        kind == LRT_PICTURE_EMPTY ? "empty" : "neither PNG nor JPEG");
    bool ok = kind == LRT_PICTURE_PNG ? lrt_png_read(&r) : lrt_jpeg_read(&r);
    if (ok) {
        apply_orientation(&r, out);
        describe(&r, about);
    }
    lrt_reader_free(&r);
    return ok;
}

bool lrt_picture_read(const char *path, const lrt_picture_want *want, uint8_t *out,
                      lrt_picture_about *about, lrt_error *e)
{
    FILE *f = lrt_input_open(path, e);
    if (!f)
        return false;
    bool ok = lrt_picture_read_stream(f, path, want, out, about, e);
    fclose(f);
    return ok;
}
