/* Pictures from files. See picture_in.h. Decoders end by longjmp into the function that called
 * setjmp, so what must be freed lies in a Reader. */
#include "picture_in.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

#include <jerror.h>

#include "resize.h"

typedef struct {
    FILE *f;
    const char *path;
    lrt_picture_use use;
    int want_width, want_height;
    lrt_picture_about *about;
    lrt_error *e;
    jmp_buf back;
    int64_t width, height; /* as they are stored */
    int orientation;       /* of Exif: 1 as it is stored */
    lrt_resize *resize;
    uint8_t *row, *plain, **whole; /* whole: all rows of an interlaced PNG */
    uint8_t *fit;                  /* the result as it is stored, before it is turned */
    char change[48];               /* for the notice */
} Reader;

static int channels_of(const Reader *r) { return r->use == LRT_PICTURE_RGB ? 3 : 1; }

static _Noreturn void stop(Reader *r) { longjmp(r->back, 1); }

static void *need(Reader *r, void *p)
{
    if (p)
        return p;
    lrt_fail(r->e, "%s: out of memory", r->path);
    stop(r);
}

/* ---- Exif -------------------------------------------------------------------------------------
 */

int lrt_exif_orientation(const uint8_t *d, size_t n)
{
    if (n < 8 || !((d[0] == 'I' && d[1] == 'I') || (d[0] == 'M' && d[1] == 'M')))
        return 1;
    int little = d[0] == 'I';
#define U16(at) (little ? d[at] | d[(at) + 1] << 8 : d[at] << 8 | d[(at) + 1])
#define U32(at)                                                 \
    (little ? (uint32_t)U16(at) | (uint32_t)U16((at) + 2) << 16 \
            : (uint32_t)U16(at) << 16 | (uint32_t)U16((at) + 2))
    size_t at = U32(4);
    if (U16(2) != 42 || at > n - 2)
        return 1;
    int entries = U16(at);
    for (at += 2; entries-- > 0 && n - at >= 12;
         at += 12) /* tag, type, count, value: 2, 2, 4, 4 bytes */
        if (U16(at) == 0x0112 && U16(at + 2) == 3) {
            int v = U16(at + 8);
            return v >= 1 && v <= 8 ? v : 1;
        }
#undef U16
#undef U32
    return 1;
}

/* ---- what both formats share ------------------------------------------------------------------
 */

/* Once the size is known. whole: the decoder keeps all of it. */
static void begin(Reader *r, bool whole, const char *how)
{
    int64_t pixels = r->width * r->height, most = whole ? LRT_MOST_WHOLE : LRT_MOST_PIXELS;
    bool turned = r->orientation > 4;
    if (r->width < 1 || r->height < 1 || r->width > LRT_MOST_SIDE || r->height > LRT_MOST_SIDE ||
        pixels > most) {
        lrt_fail(r->e,
                 "%s: %lld x %lld pixels%s%s: at most %lld million, and %d to a side, are read%s%s",
                 r->path, (long long)r->width, (long long)r->height, whole ? ", " : "",
                 whole ? how : "", (long long)(most / 1000000), LRT_MOST_SIDE,
                 whole ? " of what is " : "", whole ? how : "");
        stop(r);
    }
    int width = turned ? r->want_height : r->want_width,
        height = turned ? r->want_width : r->want_height;
    r->resize = need(r, lrt_resize_new(r->width, r->height, width, height, channels_of(r)));
    r->plain = need(r, malloc((size_t)r->width * 3));
    r->fit = need(r, malloc((size_t)width * (size_t)height * (size_t)channels_of(r)));
}

/* A row of RGB, or (alpha) of RGBA. */
static void put_row(Reader *r, const uint8_t *row, bool alpha)
{
    int back = r->use == LRT_PICTURE_RGB ? 255 : 0;
    uint8_t *out = r->plain;
    for (int64_t i = 0; i < r->width; i++, row += alpha ? 4 : 3) {
        int v[3], a = alpha ? row[3] : 255;
        for (int c = 0; c < 3; c++)
            v[c] = (row[c] * a + back * (255 - a) + 127) / 255;
        if (r->use == LRT_PICTURE_RGB)
            for (int c = 0; c < 3; c++)
                *out++ = (uint8_t)v[c];
        else /* BT.601, as Pillow and others make gray */
            *out++ = (uint8_t)((v[0] * 299 + v[1] * 587 + v[2] * 114 + 500) / 1000);
    }
    if (!lrt_resize_row(r->resize, r->plain, r->fit))
        need(r, NULL);
}

/* Exif's orientations: bit 0 of o - 1 and so on say whether to mirror; from 5 on rows and columns
 * change places. */
static void turn(const Reader *r, uint8_t *out)
{
    int w = r->want_width, h = r->want_height, n = channels_of(r), o = r->orientation;
    bool swap = o > 4, flip_x = o == 2 || o == 3 || o == 6 || o == 7,
         flip_y = o == 3 || o == 4 || o == 7 || o == 8;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            int sx = flip_x ? w - 1 - x : x, sy = flip_y ? h - 1 - y : y;
            const uint8_t *from = r->fit + (swap ? (int64_t)sx * h + sy : (int64_t)sy * w + sx) * n;
            memcpy(out + ((int64_t)y * w + x) * n, from, (size_t)n);
        }
    if (r->use == LRT_PICTURE_MASK)
        for (int64_t i = 0; i < (int64_t)w * h; i++)
            out[i] = out[i] >= 128 ? 255 : 0;
}

/* ---- PNG --------------------------------------------------------------------------------------
 */

static void png_error_to(png_structp png, png_const_charp message)
{
    Reader *r = png_get_error_ptr(png);
    lrt_fail(r->e, "%s: a damaged or truncated PNG: %s", r->path, message);
    stop(r);
}

static void png_ignore(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

/* libpng makes room for what a chunk says it has, up to 2 GB, before it reads it: no more than the
 * file has, then. Pixels are read in pieces. */
static void png_check_chunks(Reader *r, png_structp png)
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

static void png_header(Reader *r, png_structp png, png_infop info)
{
    png_check_chunks(r, png);
    png_init_io(png, r->f);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff); /* begin() has the limits */
    png_read_info(png, info);
    r->width = png_get_image_width(png, info);
    r->height = png_get_image_height(png, info);
    png_bytep exif;
    png_uint_32 bytes;
    if (png_get_eXIf_1(png, info, &bytes, &exif))
        r->orientation = lrt_exif_orientation(exif, bytes);
}

static void png_rows(Reader *r, png_structp png, png_infop info)
{
    bool interlaced = png_get_interlace_type(png, info) != PNG_INTERLACE_NONE;
    begin(r, interlaced, "interlaced");
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    bool alpha = png_get_channels(png, info) == 4;
    size_t bytes = png_get_rowbytes(png, info);
    if (alpha)
        snprintf(r->change, sizeof r->change,
                 r->use == LRT_PICTURE_RGB ? "transparent parts on white"
                                           : "transparent parts taken for black");
    if (interlaced) {
        r->whole = need(r, calloc((size_t)r->height, sizeof *r->whole));
        r->row = need(r, malloc(bytes * (size_t)r->height));
        for (int64_t y = 0; y < r->height; y++)
            r->whole[y] = r->row + (size_t)y * bytes;
        png_read_image(png, r->whole);
    } else {
        r->row = need(r, malloc(bytes));
    }
    for (int64_t y = 0; y < r->height; y++) {
        if (!interlaced)
            png_read_row(png, r->row, NULL);
        put_row(r, interlaced ? r->whole[y] : r->row, alpha);
    }
}

static bool read_png(Reader *r)
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

/* ---- JPEG -------------------------------------------------------------------------------------
 */

typedef struct {
    struct jpeg_error_mgr base; /* first: libjpeg knows this part */
    Reader *r;
} Complaints;

static void jpeg_fail(j_common_ptr j)
{
    Reader *r = ((Complaints *)(void *)j->err)->r;
    char text[JMSG_LENGTH_MAX];
    j->err->format_message(j, text);
    lrt_fail(r->e, "%s: a damaged or truncated JPEG: %s", r->path, text);
    stop(r);
}

/* libjpeg goes on where data are missing, in gray. */
static void jpeg_warn(j_common_ptr j, int level)
{
    int code = j->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER))
        jpeg_fail(j);
}

static void jpeg_header(Reader *r, struct jpeg_decompress_struct *j)
{
    jpeg_stdio_src(j, r->f);
    jpeg_save_markers(j, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(j, TRUE);
    for (jpeg_saved_marker_ptr m = j->marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && m->data_length > 6 && !memcmp(m->data, "Exif\0", 6))
            r->orientation = lrt_exif_orientation(m->data + 6, m->data_length - 6);
    r->width = j->image_width;
    r->height = j->image_height;
}

/* Four inks to RGB, in place. Adobe's programs store them inverted. */
static void cmyk_to_rgb(uint8_t *row, int64_t n, bool inverted)
{
    for (int64_t i = 0; i < n; i++) {
        int k = inverted ? row[4 * i + 3] : 255 - row[4 * i + 3];
        uint8_t v[3];
        for (int c = 0; c < 3; c++)
            v[c] = (uint8_t)(((inverted ? row[4 * i + c] : 255 - row[4 * i + c]) * k + 127) / 255);
        memcpy(row + 3 * i, v, 3);
    }
}

static void jpeg_rows(Reader *r, struct jpeg_decompress_struct *j)
{
    bool cmyk = j->num_components == 4;
    begin(r, jpeg_has_multiple_scans(j), "progressive");
    j->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    j->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(j);
    r->row = need(r, malloc((size_t)r->width * 4));
    if (cmyk)
        snprintf(r->change, sizeof r->change, "CMYK made RGB without its profile");
    while (j->output_scanline < j->output_height) {
        jpeg_read_scanlines(j, &r->row, 1);
        if (cmyk)
            cmyk_to_rgb(r->row, r->width, j->saw_Adobe_marker);
        put_row(r, r->row, false);
    }
}

static bool read_jpeg(Reader *r)
{
    struct jpeg_decompress_struct j = {0};
    Complaints complaints = {.r = r};
    j.err = jpeg_std_error(&complaints.base);
    complaints.base.error_exit = jpeg_fail;
    complaints.base.emit_message = jpeg_warn;
    bool ok = !setjmp(r->back);
    if (ok) {
        jpeg_create_decompress(&j);
        jpeg_header(r, &j);
        jpeg_rows(r, &j);
    }
    jpeg_destroy_decompress(&j);
    return ok;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static void add_notice(lrt_picture_about *about, const char *text)
{
    size_t n = strlen(about->notice);
    snprintf(about->notice + n, sizeof about->notice - n, "%s%s", n ? ", " : "", text);
}

static void describe(const Reader *r)
{
    lrt_picture_about *a = r->about;
    bool turned = r->orientation > 4;
    a->width = turned ? r->height : r->width;
    a->height = turned ? r->width : r->height;
    if (r->orientation > 1)
        add_notice(a, "turned as its Exif data say");
    if (a->width != r->want_width || a->height != r->want_height) {
        char text[96];
        bool same = a->width * r->want_height == a->height * r->want_width;
        snprintf(text, sizeof text, "%lld x %lld scaled%s to %d x %d", (long long)a->width,
                 (long long)a->height, same ? "" : " and cropped", r->want_width, r->want_height);
        add_notice(a, text);
    }
    if (*r->change)
        add_notice(a, r->change);
}

bool lrt_picture_read_stream(FILE *f, const char *path, lrt_picture_use use, int width, int height,
                             uint8_t *out, lrt_picture_about *about, lrt_error *e)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10}, jpeg[] = {0xff, 0xd8, 0xff};
    uint8_t head[8] = {0};
    *about = (lrt_picture_about){0};
    Reader r = {.f = f,
                .path = path,
                .use = use,
                .want_width = width,
                .want_height = height,
                .about = about,
                .e = e,
                .orientation = 1};
    errno = 0;
    size_t n = fread(head, 1, sizeof head, f);
    if (ferror(f) || fseek(f, 0, SEEK_SET))
        return lrt_fail(e, "%s: cannot be read: %s", path, strerror(errno));
    bool ok;
    if (n == sizeof head && !memcmp(head, png, sizeof png))
        ok = read_png(&r);
    else if (n == sizeof head && !memcmp(head, jpeg, sizeof jpeg))
        ok = read_jpeg(&r);
    else
        ok = lrt_fail(e, "%s: %s: expected a PNG or JPEG file", path,
                      n ? "neither PNG nor JPEG" : "empty");
    if (ok) {
        turn(&r, out);
        describe(&r);
    }
    lrt_resize_free(r.resize);
    free(r.row);
    free(r.plain);
    free(r.whole);
    free(r.fit);
    return ok;
}

static FILE *open_picture(const char *path, lrt_error *e)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        lrt_fail(e, "%s: cannot be read: %s", path, strerror(errno));
    return f;
}

bool lrt_picture_read(const char *path, lrt_picture_use use, int width, int height, uint8_t *out,
                      lrt_picture_about *about, lrt_error *e)
{
    FILE *f = open_picture(path, e);
    bool ok = f && lrt_picture_read_stream(f, path, use, width, height, out, about, e);
    if (f)
        fclose(f);
    return ok;
}

/* ---- text chunks ------------------------------------------------------------------------------
 */

/* malloc'd. tEXt and zTXt hold Latin-1, the others UTF-8. */
static char *utf8_of(const png_text *t)
{
    bool latin1 = t->compression == PNG_TEXT_COMPRESSION_NONE ||
                  t->compression == PNG_TEXT_COMPRESSION_zTXt;
    char *out = malloc(2 * strlen(t->text) + 1), *o = out;
    for (const char *s = t->text; out && *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (latin1 && c >= 0x80) {
            *o++ = (char)(0xc0 | c >> 6);
            *o++ = (char)(0x80 | (c & 0x3f));
        } else {
            *o++ = *s;
        }
    }
    if (out)
        *o = '\0';
    return out;
}

static bool find_text(Reader *r, png_structp png, png_infop info, const char *key, char **text)
{
    png_textp t;
    int n = png_get_text(png, info, &t, NULL);
    for (int i = 0; i < n && !*text; i++)
        if (!strcmp(t[i].key, key))
            *text = need(r, utf8_of(&t[i]));
    return *text;
}

bool lrt_png_text_stream(FILE *f, const char *path, const char *key, char **text, lrt_error *e)
{
    lrt_picture_about about = {0};
    Reader r = {.f = f, .path = path, .about = &about, .e = e, .orientation = 1};
    uint8_t head[8] = {0};
    *text = NULL;
    if (fread(head, 1, sizeof head, f) != sizeof head || png_sig_cmp(head, 0, sizeof head) ||
        fseek(f, 0, SEEK_SET))
        return lrt_fail(e, "%s: not a PNG file", path);
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, png_error_to, png_ignore);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        png_destroy_read_struct(&png, NULL, NULL);
        return lrt_fail(e, "%s: out of memory", path);
    }
    bool ok = !setjmp(r.back);
    if (ok) {
        png_header(&r, png, info);
        if (!find_text(&r, png, info, key, text) &&
            r.width * r.height <= LRT_MOST_WHOLE) { /* it may come after the pixels */
            int passes = png_set_interlace_handling(png);
            png_read_update_info(png, info);
            r.row = need(&r, malloc(png_get_rowbytes(png, info)));
            for (int64_t y = 0; y < r.height * passes; y++)
                png_read_row(png, r.row, NULL);
            png_read_end(png, info);
            find_text(&r, png, info, key, text);
        }
    }
    png_destroy_read_struct(&png, &info, NULL);
    free(r.row);
    return ok;
}

bool lrt_png_text(const char *path, const char *key, char **text, lrt_error *e)
{
    FILE *f = open_picture(path, e);
    bool ok = f && lrt_png_text_stream(f, path, key, text, e);
    if (f)
        fclose(f);
    return ok;
}
