#include "error.h"

#include <stdarg.h>
#include <stdio.h>

bool lrt_fail(lrt_error *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    return false;
}
