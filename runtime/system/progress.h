/* Progress on standard error: on a terminal a bar that is redrawn, else a line from time to time.
 */
#ifndef LATENTRT_PROGRESS_H
#define LATENTRT_PROGRESS_H
#include <stdbool.h>

typedef struct {
    const char *what; /* the caller's: "drawing" */
    int total;        /* steps, or MB */
    bool terminal;
    double start, last; /* lrt_now(): of the beginning, and of the last output */
    int shown;          /* lines so far */
    bool bytes;         /* MB are counted, not steps */
} lrt_progress;

/* Starts a display of `total` steps. `what` must live until the end. */
void lrt_progress_begin(lrt_progress *p, const char *what, int total);
/* The same for a transfer: `bytes` in total; done of lrt_progress_step is then in MB. */
void lrt_progress_begin_bytes(lrt_progress *p, const char *what, double bytes);
/* Shows that done of total are complete. */
void lrt_progress_step(lrt_progress *p, int done);
/* Ends the line of the bar. */
void lrt_progress_end(lrt_progress *p);
/* Seconds of a monotonic clock. */
double lrt_now(void);
/* lrt_now() when this process began, for the first line of main(): what it did before (loading,
 * libc's start) was CPU time. */
double lrt_process_start(void);
#endif
