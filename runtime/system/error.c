#include "error.h"

#include <stdarg.h>
#include <stdio.h>

#include "utf8.h"

bool lrt_fail(lrt_error *e, const char *fmt, ...)
{
    char text[sizeof e->text];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) >= (int)sizeof text)
        lrt_utf8_trim(text);
    va_end(ap);
    lrt_plain(e->text, sizeof e->text, text);
    return false;
}
