/* Memory that will be needed soon is asked for beside products, a few cache lines at a time: the core can wait for about sixteen lines at once,
 * so a task that asks for all of them when it needs them waits for most of its time. */
#ifndef LATENTC_EMIT_AHEAD_H
#define LATENTC_EMIT_AHEAD_H
#include "emit.h"

enum { CACHE_LINE = 64, AHEAD_LEVELS = 3 };
/* Groups of `lines` neighbouring lines: count[0] of them step[0] bytes apart, count[1] such rows of groups step[1] bytes apart, ... */
typedef struct {
    V from;                               /* NULL: nothing */
    int64_t lines, count[AHEAD_LEVELS], step[AHEAD_LEVELS];
    bool write;                           /* it will be overwritten */
    V next;                               /* variable: how many groups were asked for */
    int64_t each;                         /* groups at a time */
} Ahead;

/* `bytes` in a row. */
Ahead ahead_row(V from, int64_t bytes);
/* What is asked for in `calls` calls of ahead_ask. */
void ahead_begin(Emit *e, Ahead *a, int64_t calls);
void ahead_ask(Emit *e, const Ahead *a);
void ahead_line(Emit *e, V p, bool write); /* one line */
#endif
