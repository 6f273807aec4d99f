/* Memory by lifetime: everything that is allocated from an arena lives until arena_free. */
#ifndef LATENTC_ARENA_H
#define LATENTC_ARENA_H
#include <stddef.h>

typedef struct Arena Arena;

/* An empty arena. The caller frees it with arena_free; if it is made while err_catch() is in force,
 * an error that is caught frees it too. */
Arena *arena_new(void);

/* Frees the arena and everything in it; NULL is fine. */
void arena_free(Arena *a);

/* arena_free calls call(with) before it frees anything; one such call per arena. */
void arena_at_end(Arena *a, void (*call)(void *), void *with);

/* n bytes, zeroed, aligned to 16 bytes. err() when memory runs out. */
void *arena_alloc(Arena *a, size_t n);

/* A block of `bytes` bytes that begins with a copy of the first `used` bytes of `from`; from may be
 * NULL when used is 0. The old block stays in the arena. */
void *arena_enlarge(Arena *a, const void *from, size_t used, size_t bytes);

/* GROW (alloc.h) for an array in an arena. */
#define ARENA_GROW(a, items, n, cap)                                             \
    do {                                                                         \
        if ((n) >= (cap)) {                                                      \
            (cap) = (cap) ? 2 * (cap) : 64;                                      \
            (items) = arena_enlarge((a), (items), (size_t)(n) * sizeof *(items), \
                                    (size_t)(cap) * sizeof *(items));            \
        }                                                                        \
    } while (0)

/* A copy of s. */
char *arena_strdup(Arena *a, const char *s);

/* A string as from printf. */
char *arena_printf(Arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif
