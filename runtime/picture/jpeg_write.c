/* See jpeg_write.h. */
#include "jpeg_write.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "exif.h"

static const char exif_name[6] = "Exif\0";
enum {
    MARKER = 65533,    /* the most bytes of a marker */
    FULL_COLOURS = 90, /* from this quality on */
};

typedef struct {
    struct jpeg_error_mgr base; /* first: libjpeg knows this part */
    jmp_buf back;
    lrt_error *e;
} JpegErrors;

static void jpeg_fail(j_common_ptr j)
{
    JpegErrors *errors = (JpegErrors *)(void *)j->err;
    char text[JMSG_LENGTH_MAX];
    j->err->format_message(j, text);
    lrt_fail(errors->e, "%s", text);
    longjmp(errors->back, 1);
}

static void jpeg_ignore(j_common_ptr j, int level)
{
    (void)j;
    (void)level;
}

/* The marker with Exif data, malloc'd; NULL when there are none, they have no room, or memory is
 * short. */
static uint8_t *exif_marker(const char *parameters, size_t *bytes)
{
    uint8_t *block = parameters ? lrt_exif_with_comment(parameters, bytes) : NULL, *marker = NULL;
    *bytes += sizeof exif_name;
    if (block && *bytes <= MARKER && (marker = malloc(*bytes))) {
        memcpy(marker, exif_name, sizeof exif_name);
        memcpy(marker + sizeof exif_name, block, *bytes - sizeof exif_name);
    }
    free(block);
    return marker;
}

bool lrt_jpeg_holds(const char *parameters)
{
    size_t bytes = 0;
    uint8_t *marker = exif_marker(parameters, &bytes);
    free(marker);
    return marker || !parameters;
}

/* Everything between creating and destroying j: on errors libjpeg jumps back to the caller. */
static void write_all(struct jpeg_compress_struct *j, FILE *f, const lrt_picture_out *p,
                      const uint8_t *exif, size_t exif_bytes)
{
    jpeg_stdio_dest(j, f);
    j->image_width = (JDIMENSION)p->width;
    j->image_height = (JDIMENSION)p->height;
    j->input_components = 3;
    j->in_color_space = JCS_RGB;
    jpeg_set_defaults(j);
    jpeg_set_quality(j, p->quality, TRUE);
    j->optimize_coding = TRUE;
    j->dct_method = JDCT_ISLOW;
    if (p->quality >= FULL_COLOURS)
        j->comp_info[0].h_samp_factor = j->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(j, TRUE);
    if (exif)
        jpeg_write_marker(j, JPEG_APP0 + 1, exif, (unsigned)exif_bytes);
    while (j->next_scanline < j->image_height) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(p->rgb +
                                             (size_t)j->next_scanline * j->image_width * 3);
        jpeg_write_scanlines(j, &row, 1);
    }
    jpeg_finish_compress(j);
}

bool lrt_jpeg_write(FILE *f, const lrt_picture_out *p, lrt_error *e)
{
    struct jpeg_compress_struct j = {0};
    JpegErrors errors = {.e = e};
    size_t bytes = 0;
    uint8_t *const exif = exif_marker(p->parameters, &bytes);
    j.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = jpeg_fail;
    errors.base.emit_message = jpeg_ignore;
    bool ok = !setjmp(errors.back);
    if (ok) {
        jpeg_create_compress(&j);
        write_all(&j, f, p, exif, bytes);
    }
    jpeg_destroy_compress(&j);
    free(exif);
    return ok;
}
