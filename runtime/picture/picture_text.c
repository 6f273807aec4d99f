/* See picture_text.h. */
#include "picture_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jpeg_read.h"
#include "picture_reader.h"
#include "png_read.h"
#include "input.h"

bool lrt_picture_text_stream(FILE *f, const char *path, const lrt_text_keys *keys,
                             lrt_found_text *found, lrt_error *e)
{
    lrt_picture_reader r = {.f = f, .path = path, .e = e, .orientation = 1};
    *found = (lrt_found_text){.key = -1};
    errno = 0;
    lrt_picture_kind kind = lrt_picture_kind_of(f);
    if (kind == LRT_PICTURE_UNREADABLE)
        return lrt_fail(e, "%s: cannot be read: %s", path, strerror(errno));
    if (kind == LRT_PICTURE_EMPTY || kind == LRT_PICTURE_OTHER)
        return lrt_fail(e, "%s: %s: expected a picture that records its settings", path,
                        kind == LRT_PICTURE_EMPTY ? "empty" : "neither PNG nor JPEG");
    bool ok = kind == LRT_PICTURE_PNG ? lrt_png_text(&r, keys, found) : lrt_jpeg_text(&r, found);
    lrt_reader_free(&r);
    if (!ok) {
        free(found->text);
        *found = (lrt_found_text){.key = -1};
    }
    return ok;
}

bool lrt_picture_text(const char *path, const lrt_text_keys *keys, lrt_found_text *found,
                      lrt_error *e)
{
    FILE *f = lrt_input_open(path, e);
    if (!f)
        return false;
    bool ok = lrt_picture_text_stream(f, path, keys, found, e);
    fclose(f);
    return ok;
}
