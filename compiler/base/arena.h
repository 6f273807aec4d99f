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

/* A copy of s. */
char *arena_strdup(Arena *a, const char *s);

/* A string as from printf. */
char *arena_printf(Arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif
