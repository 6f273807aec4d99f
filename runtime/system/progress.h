/* How far the work is, on standard error: a bar that is drawn over itself on a terminal, else a
 * line now and then. */
#ifndef LATENTRT_PROGRESS_H
#define LATENTRT_PROGRESS_H
#include <stdbool.h>

typedef struct {
    const char *what;
    int total;
    bool terminal;
    double start, last;
    int shown;
    bool bytes;
} lrt_progress;
void lrt_progress_begin(lrt_progress *p, const char *what, int total);
void lrt_progress_begin_bytes(lrt_progress *p, const char *what,
                              double bytes); /* counted in MB: done of lrt_progress_step is, too */
void lrt_progress_step(lrt_progress *p, int done); /* done of total */
void lrt_progress_end(lrt_progress *p);
double lrt_now(void); /* seconds, monotonic */
#endif
