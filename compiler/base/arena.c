/* Arenas: see arena.h. */
#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "err.h"

/* A list of blocks; the newest is filled from its start. */
typedef struct Block {
    struct Block *next;
    size_t used, size;
} Block;
struct Arena {
    Block *blocks;
    void (*at_end)(void *);
    void *with;
    /* In the list of arenas that were made under err_catch(), and the number of that err_catch().
     */
    Arena *older;
    unsigned catching;
};
enum { ARENA_BLOCK = 64 * 1024, ARENA_ALIGN = 16 };

/* Arenas made under err_catch(): freed when it catches, so that a fuzzer does not collect them. */
static Arena *guarded;

static void release(Arena *a)
{
    if (a->at_end)
        a->at_end(a->with);
    for (Block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

/* Arenas of an earlier err_catch() stay: their owners free them. */
static void release_guarded(void)
{
    for (Arena **link = &guarded; *link;) {
        Arena *a = *link;
        if (a->catching != err_catching()) {
            link = &a->older;
            continue;
        }
        *link = a->older;
        release(a);
    }
}

Arena *arena_new(void)
{
    Arena *a = xcalloc(1, sizeof *a);
    a->catching = err_catching();
    if (a->catching) {
        err_at_catch(release_guarded);
        a->older = guarded;
        guarded = a;
    }
    return a;
}

void arena_free(Arena *a)
{
    if (!a)
        return;
    for (Arena **link = &guarded; *link; link = &(*link)->older)
        if (*link == a) {
            *link = a->older;
            break;
        }
    release(a);
}

void arena_at_end(Arena *a, void (*call)(void *), void *with)
{
    a->at_end = call;
    a->with = with;
}

void *arena_alloc(Arena *a, size_t n)
{
    const size_t head = (sizeof(Block) + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (n > SIZE_MAX / 2)
        err("out of memory: %zu bytes more were needed", n);
    n = (n + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    Block *b = a->blocks;
    if (!b || b->size - b->used < n) {
        size_t size = n > ARENA_BLOCK ? n : ARENA_BLOCK;
        b = xcalloc(1, head + size);
        *b = (Block){a->blocks, 0, size};
        a->blocks = b;
    }
    void *p = (char *)b + head + b->used;
    b->used += n;
    return p;
}

void *arena_enlarge(Arena *a, const void *from, size_t used, size_t bytes)
{
    void *p = arena_alloc(a, bytes);
    return used ? memcpy(p, from, used) : p;
}

char *arena_strdup(Arena *a, const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(arena_alloc(a, n), s, n);
}

char *arena_printf(Arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *s = arena_alloc(a, (size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return s;
}
