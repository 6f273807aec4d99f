#include "error.h"

#include <stdarg.h>
#include <stdio.h>

bool lrt_fail(lrt_error *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    for (char *s = e->text; *s; s++) /* one line, whatever it quotes */
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = ' ';
    return false;
}
