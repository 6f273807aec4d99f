/* Memory that will be needed soon is asked for beside products, a few cache lines at a time: the
 * core can wait for about sixteen lines at once, so a task that asks for all of them when it needs
 * them waits for most of its time. */
#ifndef LATENTC_EMIT_PREFETCH_H
#define LATENTC_EMIT_PREFETCH_H
#include "emit.h"

enum { CACHE_LINE = 64 };
/* Groups of `lines` neighbouring lines: `count` rows of `groups` of them, these `step` and rows
 * `row_step` bytes apart. */
typedef struct {
    V from; /* NULL: nothing */
    int64_t lines, groups, step, count, row_step;
    bool write;   /* it will be overwritten */
    V next;       /* variable: how many groups were asked for */
    int64_t each; /* groups at a time */
} Prefetch;

/* `bytes` in a row. */
Prefetch prefetch_row(V from, int64_t bytes);
/* What is asked for in `calls` calls of prefetch_share. */
void prefetch_begin(Emit *e, Prefetch *a, int64_t calls);
void prefetch_share(Emit *e, const Prefetch *a);
void prefetch_line(Emit *e, V p, bool write); /* one line */
#endif
