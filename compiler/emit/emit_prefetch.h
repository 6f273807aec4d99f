/* Prefetches that overlap with products, a few cache lines at a time. A core can wait
 * for about sixteen lines at once, so a task that fetches everything when it needs it waits for
 * most of its time. */
#ifndef LATENTC_EMIT_PREFETCH_H
#define LATENTC_EMIT_PREFETCH_H
#include "emit.h"

enum { CACHE_LINE = 64 };
/* Groups of `lines` neighbouring lines: `count` rows of `groups` groups. Groups are `step` bytes
 * apart, rows `row_step` bytes. */
typedef struct {
    V from; /* NULL: nothing */
    int64_t lines, groups, step, count, row_step;
    V begin;      /* the first group; NULL: number 0 */
    int64_t some; /* so many groups; 0: all */
    bool write;   /* the lines will be overwritten */
    V next;       /* variable: how many groups are prefetched already */
    int64_t each; /* groups in a share */
} Prefetch;

/* `bytes` in a row. */
Prefetch prefetch_row(V from, int64_t bytes);
/* Part number `part` of those lines, `groups` groups of one line each. */
Prefetch prefetch_part(Emit *e, const Prefetch *p, V part, int64_t groups);
/* Before the first share, when there will be `shares` of them. */
void prefetch_begin(Emit *e, Prefetch *p, int64_t shares);
/* Emits one share. */
void prefetch_share(Emit *e, const Prefetch *p);
/* One line. */
void prefetch_line(Emit *e, V p, bool write);
#endif
