/* Arrays that grow by one item at a time. */
#ifndef LATENTRT_GROW_H
#define LATENTRT_GROW_H
#include <stdlib.h>

/* The array in twice as many places of `size` bytes (64 at first), its items kept; *cap is the new
 * number of places. NULL when memory is short: then items and *cap stay as they were. */
static inline void *lrt_grown(void *items, size_t *cap, size_t size)
{
    size_t more = *cap ? 2 * *cap : 64;
    void *larger = realloc(items, more * size);
    if (larger)
        *cap = more;
    return larger;
}
#endif
