/* See progress.h. */
#include "progress.h"

#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

double lrt_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double lrt_process_start(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return lrt_now() - (double)t.tv_sec - 1e-9 * (double)t.tv_nsec;
}

void lrt_progress_begin(lrt_progress *p, const char *what, int total)
{
    *p = (lrt_progress){
        .what = what, .total = total, .terminal = isatty(STDERR_FILENO), .start = lrt_now()};
    p->last = p->start;
}

void lrt_progress_begin_bytes(lrt_progress *p, const char *what, double bytes)
{
    lrt_progress_begin(p, what, bytes < 1e6 ? 1 : (int)(bytes / 1e6));
    p->bytes = true;
}

/* " 1200/5000 MB  640 MB/s" or " 12/25  0.31 s a step". */
static void pace(const lrt_progress *p, int done, double seconds)
{
    if (p->bytes)
        fprintf(stderr, "%d/%d MB  %.0f MB/s", done, p->total,
                done / (seconds > 0 ? seconds : 1e-9));
    else
        fprintf(stderr, "%d/%d  %.2f s a step", done, p->total, seconds / done);
}

void lrt_progress_step(lrt_progress *p, int done)
{
    enum { WIDTH = 30, LINES = 5 };
    double t = lrt_now(), each = (t - p->start) / (done ? done : 1);
    if (p->terminal) {
        if (p->bytes && done < p->total && t - p->last < 0.1)
            return;
        char bar[WIDTH + 1];
        for (int i = 0; i < WIDTH; i++)
            bar[i] = i * (int64_t)p->total < done * (int64_t)WIDTH ? '#' : '.';
        bar[WIDTH] = '\0';
        fprintf(stderr, "\r%s [%s] ", p->what, bar);
        pace(p, done, t - p->start);
        fprintf(stderr, ", %.0f s left ", each * (p->total - done));
        fflush(stderr);
        p->last = t;
    } else if (!p->bytes && (done * LINES / p->total > p->shown || t - p->last > 10)) {
        fprintf(stderr, "%s: step %d of %d, %.2f s a step\n", p->what, done, p->total, each);
        p->shown = done * LINES / p->total;
        p->last = t;
    } else if (p->bytes && t - p->last > 10) {
        fprintf(stderr, "%s: %d of %d MB\n", p->what, done, p->total);
        p->last = t;
    }
}

void lrt_progress_end(lrt_progress *p)
{
    if (p->terminal)
        fputc('\n', stderr);
}
