/* The static assignment of tasks to threads, simulated. See stage_report.h.
 *
 * A thread gets a contiguous range of a step's tasks, and all wait for the slowest: a step of n
 * tasks on t threads takes ceil(n / t) / n of its cost. The cost of a step is the FLOPs that it
 * does, and its bytes at FLOPS_PER_BYTE, so that steps without products count too. Tasks of a step
 * count as equal; caches and the memory's limits are not simulated. */
#include <stdlib.h>

#include "stage_report.h"
#include "alloc.h"

enum { FLOPS_PER_BYTE = 8, WORST = 5 };
static const int thread_counts[] = {1, 2, 4, 8, 16, 32, 64};
enum { N_COUNTS = sizeof thread_counts / sizeof *thread_counts };

static double cost_of(const Step *x) { return x->done + FLOPS_PER_BYTE * x->bytes; }

static double critical(const Step *x, int threads)
{
    int64_t most = (x->tasks + threads - 1) / threads;
    return x->tasks ? cost_of(x) * (double)most / (double)x->tasks : 0;
}

/* Steps that run in one walk. */
typedef enum { WALK_PROMPT, WALK_TIME, WALK_STEP, WALK_SHORT, WALK_ALL } Walk;
static const char *const walk_names[] = {"prompt", "time", "step", "short step", "all"};

static bool in_walk(const Step *x, Walk w)
{
    switch (w) {
    case WALK_PROMPT: return x->plan == PLAN_PROMPT;
    case WALK_TIME: return x->plan == PLAN_TIME;
    case WALK_STEP: return plan_in_loop(x->plan);
    case WALK_SHORT: return x->plan == PLAN_STEP;
    case WALK_ALL: return true;
    }
    return false;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print_walk(const Stage *s, Walk w, Buf *out)
{
    int64_t *tasks = xcalloc((size_t)s->n_steps + 1, sizeof *tasks), sum = 0;
    int n = 0;
    double work = 0;
    for (int i = 0; i < s->n_steps; i++)
        if (in_walk(&s->steps[i], w)) {
            sum += tasks[n++] = s->steps[i].tasks;
            work += cost_of(&s->steps[i]);
        }
    if (n) {
        qsort(tasks, (size_t)n, sizeof *tasks, by_value);
        buf_printf(
            out,
            "%s: %d barriers, %lld tasks; per barrier %lld at least, %lld median, %lld at most\n",
            walk_names[w], n, (long long)sum, (long long)tasks[0], (long long)tasks[n / 2],
            (long long)tasks[n - 1]);
        buf_printf(out,
                   " threads  critical path   speedup  efficiency  barriers with idle threads\n");
    }
    for (int k = 0; n && k < N_COUNTS; k++) {
        int threads = thread_counts[k], idle = 0;
        double path = 0;
        for (int i = 0; i < s->n_steps; i++)
            if (in_walk(&s->steps[i], w)) {
                path += critical(&s->steps[i], threads);
                idle += s->steps[i].tasks < threads;
            }
        double speedup = path > 0 ? work / path : 1;
        buf_printf(out, "%8d %11.4f G %9.2f %9.1f %% %10d\n", threads, path / 1e9, speedup,
                   100 * speedup / threads, idle);
    }
    free(tasks);
}

/* The steps that cost most beyond an even share, at the largest number of threads. */
static void print_worst(const Stage *s, Buf *out)
{
    int threads = thread_counts[N_COUNTS - 1];
    bool *told = xcalloc((size_t)s->n_steps + 1, sizeof *told);
    buf_printf(
        out, "\nwhat costs most at %d threads beyond an even share\n        lost    tasks  step\n",
        threads);
    for (int k = 0; k < WORST; k++) {
        int worst = -1;
        double most = 0;
        for (int i = 0; i < s->n_steps; i++) {
            double lost = critical(&s->steps[i], threads) - cost_of(&s->steps[i]) / threads;
            if (!told[i] && lost > most) {
                most = lost;
                worst = i;
            }
        }
        if (worst < 0)
            break;
        told[worst] = true;
        buf_printf(out, "%10.4f G %8lld  %s (%s)\n", most / 1e9, (long long)s->steps[worst].tasks,
                   s->steps[worst].name, s->steps[worst].kind);
    }
    free(told);
}

void threads_print(const Stage *s, Buf *out)
{
    bool caches = false;
    for (int i = 0; i < s->n_steps; i++)
        caches |= s->steps[i].plan == PLAN_INTERVAL;
    buf_printf(out, "%s: costs in FLOPs done, a byte counts as %d\n\n", s->graph->name,
               FLOPS_PER_BYTE);
    int walks = 0;
    for (Walk w = WALK_PROMPT; w <= (caches ? WALK_SHORT : WALK_STEP); w++) {
        size_t before = out->len;
        print_walk(s, w, out);
        walks += out->len > before;
    }
    if (walks > 1)
        print_walk(s, WALK_ALL, out);
    print_worst(s, out);
}
