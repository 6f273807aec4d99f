/* See progress.h. */
#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

double lrt_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void lrt_progress_begin(lrt_progress *p, const char *what, int total)
{
    *p = (lrt_progress){.what = what, .total = total, .terminal = isatty(STDERR_FILENO), .start = lrt_now()};
    p->last = p->start;
}

void lrt_progress_step(lrt_progress *p, int done)
{
    enum { WIDTH = 30, LINES = 5 };
    double t = lrt_now(), each = (t - p->start) / done;
    if (p->terminal) {
        char bar[WIDTH + 1];
        for (int i = 0; i < WIDTH; i++)
            bar[i] = i * p->total < done * WIDTH ? '#' : '.';
        bar[WIDTH] = '\0';
        fprintf(stderr, "\r%s [%s] %d/%d  %.2f s a step, %.0f s left ", p->what, bar, done, p->total, each,
                each * (p->total - done));
        fflush(stderr);
    } else if (done * LINES / p->total > p->shown || t - p->last > 10) {
        fprintf(stderr, "%s: step %d of %d, %.2f s a step\n", p->what, done, p->total, each);
        p->shown = done * LINES / p->total;
        p->last = t;
    }
}

void lrt_progress_end(lrt_progress *p)
{
    if (p->terminal)
        fputc('\n', stderr);
}
