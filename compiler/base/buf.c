/* A string that grows: see buf.h. */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

static void buf_reserve(Buf *b, size_t n)
{
    if (b->cap - b->len > n)
        return;
    b->cap = b->cap * 2 > b->len + n + 1 ? b->cap * 2 : b->len + n + 1;
    b->data = xrealloc(b->data, b->cap);
}

void buf_add(Buf *b, const void *p, size_t n)
{
    buf_reserve(b, n);
    if (n)
        memcpy(b->data + b->len, p, n);
    b->len += n;
    b->data[b->len] = 0;
}

void buf_printf(Buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    buf_reserve(b, (size_t)n);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
    b->len += (size_t)n;
    va_end(again);
    va_end(ap);
}

void buf_real(Buf *b, double x)
{
    char s[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(s, sizeof s, "%.*g", digits, x);
        if (strtod(s, NULL) == x)
            break;
    }
    buf_printf(b, "%s", s);
}

void buf_quoted(Buf *b, const char *s)
{
    buf_add(b, "\"", 1);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            buf_printf(b, "\\%c", *s);
        else if ((unsigned char)*s < 0x20)
            buf_printf(b, "\\u%04x", *s);
        else
            buf_add(b, s, 1);
    }
    buf_add(b, "\"", 1);
}

void buf_free(Buf *b)
{
    free(b->data);
    *b = (Buf){0};
}
