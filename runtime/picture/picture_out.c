/* See picture_out.h. */
#include "picture_out.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jpeg_write.h"
#include "output.h"
#include "png_write.h"

/* A row per ending. */
static const struct {
    const char *ending;
    lrt_picture_format format;
} endings[] = {{"png", LRT_FORMAT_PNG}, {"jpg", LRT_FORMAT_JPEG}, {"jpeg", LRT_FORMAT_JPEG}};
enum { ENDINGS = sizeof endings / sizeof *endings };

bool lrt_picture_format_of(const char *path, lrt_picture_format *format, lrt_error *e)
{
    struct stat st;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path,
               *dot = *name ? strrchr(name + 1, '.') : NULL;
    *format = LRT_FORMAT_PNG;
    if (!strcmp(path, LRT_STANDARD_OUTPUT))
        return !isatty(STDOUT_FILENO) ||
               lrt_fail(e, "%s: standard output is a terminal: expected a file or a pipe", path);
    if (!dot || !dot[1] || (!stat(path, &st) && !S_ISREG(st.st_mode)))
        return true;
    for (int i = 0; i < ENDINGS; i++)
        if (!strcasecmp(dot + 1, endings[i].ending)) {
            *format = endings[i].format;
            return true;
        }
    return lrt_fail(e, "%.300s: unknown ending '%.40s': expected .png, .jpg or .jpeg", path, dot);
}

bool lrt_picture_holds(lrt_picture_format format, const char *parameters)
{
    return format != LRT_FORMAT_JPEG || lrt_jpeg_holds(parameters);
}

bool lrt_picture_write(const char *path, const lrt_picture_out *p, lrt_error *e)
{
    lrt_output out;
    lrt_error why;
    lrt_picture_format format;
    if (!lrt_picture_format_of(path, &format, e) || !lrt_output_open(&out, path, e))
        return false;
    errno = 0;
    if (format == LRT_FORMAT_JPEG ? lrt_jpeg_write(out.stream, p, &why)
                                  : lrt_png_write(out.stream, p, &why))
        return lrt_output_commit(&out, e);
    lrt_fail(e, "%s: cannot be written: %s", path,
             ferror(out.stream) && errno ? strerror(errno) : why.text);
    lrt_output_abandon(&out);
    return false;
}
