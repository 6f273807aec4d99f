/* Memory from malloc: the functions end the program where there is none, so callers need no check.
 * Memory that lives as long as a graph or a program comes from an arena (arena.h). */
#ifndef LATENTC_ALLOC_H
#define LATENTC_ALLOC_H
#include <stddef.h>

/* As malloc, calloc, realloc and strdup; err("out of memory ...") instead of NULL. Size 0 gives a
 * valid pointer. The caller frees. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);

/* Makes room for one more element in an array of n elements with room for cap: doubles cap when it
 * is reached. All three are variables: items may move, cap may change. Begin with NULL, 0, 0. */
#define GROW(items, n, cap)                                               \
    do {                                                                  \
        if ((n) >= (cap)) {                                               \
            (cap) = (cap) ? 2 * (cap) : 64;                               \
            (items) = xrealloc((items), (size_t)(cap) * sizeof *(items)); \
        }                                                                 \
    } while (0)
#endif
