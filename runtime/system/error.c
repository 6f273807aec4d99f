#include "error.h"

#include <stdarg.h>
#include <stdio.h>

void lrt_one_line(char *text)
{
    for (char *s = text; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = ' ';
}

bool lrt_fail(lrt_error *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    lrt_one_line(e->text);
    return false;
}
