/* Memory from malloc: see alloc.h. */
#include "alloc.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

void *xmalloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p)
        err("out of memory: %zu bytes more were needed", n);
    return p;
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        err("out of memory: %zu times %zu bytes more were needed", n, size);
    return p;
}

void *xrealloc(void *p, size_t n)
{
    p = realloc(p, n ? n : 1);
    if (!p)
        err("out of memory: %zu bytes were needed", n);
    return p;
}

char *xstrdup(const char *s) { return strcpy(xmalloc(strlen(s) + 1), s); }
