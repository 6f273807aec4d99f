/* See jpeg_read.h. */
#include "jpeg_read.h"

#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "exif.h"

typedef struct {
    struct jpeg_error_mgr base; /* first: libjpeg knows this part */
    lrt_picture_reader *r;
} JpegErrors;

static void jpeg_fail(j_common_ptr j)
{
    lrt_picture_reader *r = ((JpegErrors *)(void *)j->err)->r;
    char text[JMSG_LENGTH_MAX];
    j->err->format_message(j, text);
    lrt_fail(r->e, "%s: a damaged or truncated JPEG: %s", r->path, text);
    lrt_reader_stop(r);
}

/* Where data are missing, libjpeg only warns and fills the rest with gray: here it is an error. */
static void jpeg_warn(j_common_ptr j, int level)
{
    int code = j->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER))
        jpeg_fail(j);
}

/* Opens j and reads up to the pixels. *comment, where it is not NULL: Exif's (exif.h). */
static void jpeg_header(lrt_picture_reader *r, struct jpeg_decompress_struct *j, char **comment)
{
    jpeg_stdio_src(j, r->f);
    jpeg_save_markers(j, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(j, TRUE);
    for (jpeg_saved_marker_ptr m = j->marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && m->data_length > 6 && !memcmp(m->data, "Exif\0", 6)) {
            r->orientation = lrt_exif_orientation(m->data + 6, m->data_length - 6);
            if (comment && !*comment)
                *comment = lrt_exif_comment(m->data + 6, m->data_length - 6);
        }
    r->width = j->image_width;
    r->height = j->image_height;
}

/* CMYK to RGB, in place. Adobe's programs store the inks inverted. */
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

static void jpeg_rows(lrt_picture_reader *r, struct jpeg_decompress_struct *j)
{
    bool cmyk = j->num_components == 4;
    lrt_reader_begin(r, jpeg_has_multiple_scans(j) ? "progressive" : NULL);
    j->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    j->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(j);
    r->row = lrt_reader_need(r, malloc((size_t)r->width * 4));
    if (cmyk)
        snprintf(r->change, sizeof r->change, "CMYK converted to RGB without its profile");
    while (j->output_scanline < j->output_height) {
        jpeg_read_scanlines(j, &r->row, 1);
        if (cmyk)
            cmyk_to_rgb(r->row, r->width, j->saw_Adobe_marker);
        lrt_reader_put_row(r, r->row, false);
    }
}

/* libjpeg's errors end in a longjmp to r->back. Returns what a decompressor takes. */
static struct jpeg_error_mgr *jpeg_errors(JpegErrors *errors, lrt_picture_reader *r)
{
    *errors = (JpegErrors){.r = r};
    jpeg_std_error(&errors->base);
    errors->base.error_exit = jpeg_fail;
    errors->base.emit_message = jpeg_warn;
    return &errors->base;
}

bool lrt_jpeg_read(lrt_picture_reader *r)
{
    struct jpeg_decompress_struct j = {0};
    JpegErrors errors;
    j.err = jpeg_errors(&errors, r);
    bool ok = !setjmp(r->back);
    if (ok) {
        jpeg_create_decompress(&j);
        jpeg_header(r, &j, NULL);
        jpeg_rows(r, &j);
    }
    jpeg_destroy_decompress(&j);
    return ok;
}

bool lrt_jpeg_text(lrt_picture_reader *r, lrt_found_text *found)
{
    struct jpeg_decompress_struct j = {0};
    JpegErrors errors;
    j.err = jpeg_errors(&errors, r);
    bool ok = !setjmp(r->back);
    if (ok) {
        jpeg_create_decompress(&j);
        jpeg_header(r, &j, &found->text);
    }
    if (found->text)
        found->key = 0;
    jpeg_destroy_decompress(&j);
    return ok;
}
