/* The walk over a stage's plans. A plan is one OpenMP parallel region. Every thread gets a
 * contiguous range of a step's tasks, and a barrier ends every step. Which thread runs a task never
 * changes what the task computes.
 *
 * Cores are not equally fast: some are smaller, and some also run other work. So in long steps a
 * thread that has finished its range takes tasks from the end of other threads' ranges. */
#include <omp.h>
#include <string.h>

#include "barrier.h"
#include "instance.h"
#include "progress.h"

/* Appends the spans of a plan that has run: by step, then by thread. */
static void collect_spans(lrt_trace *t, uint32_t n_steps, int threads)
{
    for (uint32_t i = 0; i < n_steps; i++)
        for (int k = 0; k < threads; k++) {
            const lrt_span *span = &t->own[(size_t)k * t->stride + i];
            if (span->begin <= span->end && t->count < t->capacity)
                t->spans[t->count++] = *span;
        }
}

/* A plan while it runs. */
typedef struct {
    const lrt_instance *x;
    const lrt_plan *plan;
    char *time_base;     /* what LRT_BUF_TIME stands for: a row of the time plan's result */
    uint32_t first_step; /* number of the plan's first step among all of the stage */
    bool single;
    lrt_barrier barrier;
} Walk;
typedef struct {
    int index, count;
} Thread; /* of the team that walks the plan */

static int64_t tasks_that_run(const lrt_step *s, bool single)
{
    return (int64_t)s->tasks / s->round * (single ? s->first : s->round);
}

/* The shares of step i. Two sets alternate, since threads still read one while the next step's is
 * filled. */
static lrt_share *shares_of(const Walk *w, uint32_t i)
{
    return w->x->shares + i % 2 * (uint32_t)w->x->threads;
}

/* This thread's range of step i. The first threads get the remainder, so that thread 0, which
 * measures the steps, has a part of each of them. */
static void fill_share(const Walk *w, uint32_t i, Thread thread)
{
    int64_t n = tasks_that_run(&w->plan->steps[i], w->single), count = thread.count;
    uint64_t begin = (uint64_t)((n * thread.index + count - 1) / count);
    uint64_t end = (uint64_t)((n * (thread.index + 1) + count - 1) / count);
    atomic_store(&shares_of(w, i)[thread.index].range, end << 32 | begin);
}

/* Takes a task out of a share: its number, or -1 when none is left. */
static int64_t take(lrt_share *share, bool from_end)
{
    uint64_t range = atomic_load_explicit(&share->range, memory_order_relaxed);
    for (;;) {
        uint64_t begin = range & UINT32_MAX, end = range >> 32;
        if (begin >= end)
            return -1;
        uint64_t left = from_end ? (end - 1) << 32 | begin : end << 32 | (begin + 1);
        if (atomic_compare_exchange_weak_explicit(&share->range, &range, left, memory_order_relaxed,
                                                  memory_order_relaxed))
            return (int64_t)(from_end ? end - 1 : begin);
    }
}

/* A step as one thread runs it. */
typedef struct {
    const lrt_step *step;
    void *args[LRT_MAX_ARGS];
    char *scratch;
    int64_t first; /* of every step->round tasks, the first `first` run */
    uint32_t done; /* tasks so far */
} StepRun;

static void run_tasks(StepRun *r, lrt_share *share, bool from_end)
{
    for (int64_t i; (i = take(share, from_end)) >= 0; r->done++)
        r->step->kernel(r->args, i / r->first * r->step->round + i % r->first, r->scratch);
}

/* Whether a step is so long, at the rates of one modest core, that reading other threads' shares
 * costs nothing in comparison. */
static bool worth_helping(const lrt_step *s, int threads)
{
    const double flops = 50e9, bytes = 10e9, seconds = 1e-4;
    return s->flops / flops + s->bytes / bytes > seconds * threads;
}

static void *address_of(const Walk *w, const lrt_arg *a)
{
    const lrt_instance *x = w->x;
    char *base = a->buffer == LRT_BUF_WEIGHTS    ? (char *)(uintptr_t)x->weights
                 : a->buffer == LRT_BUF_ARENA    ? x->work->arena.p
                 : a->buffer == LRT_BUF_PROMPT   ? x->prompt.p
                 : a->buffer == LRT_BUF_TIME     ? w->time_base
                 : a->buffer == LRT_BUF_INTERVAL ? x->interval.p
                                                 : x->io[a->buffer - LRT_BUF_IO];
    return base + a->offset;
}

/* One thread's part of step i: first its own share, then what others have left. span: receives the
 * time; may be NULL. */
static void run_step(const Walk *w, uint32_t i, Thread thread, lrt_span *span)
{
    const lrt_step *s = &w->plan->steps[i];
    lrt_share *shares = shares_of(w, i);
    StepRun r = {.step = s, .first = w->single ? s->first : s->round};
    for (uint32_t k = 0; k < s->n_args; k++)
        r.args[k] = address_of(w, &s->args[k]);
    r.scratch = w->x->work->scratch.p + (size_t)thread.index * w->x->work->scratch_stride;
    double begin = span ? lrt_now() : 0;
    run_tasks(&r, &shares[thread.index], false);
    for (int k = 1; k < thread.count && worth_helping(s, thread.count); k++)
        run_tasks(&r, &shares[(thread.index + k) % thread.count], true);
    if (span)
        *span = (lrt_span){r.done ? begin : 0, r.done ? lrt_now() : -1, w->first_step + i,
                           (uint32_t)thread.index, r.done};
}

/* One thread's way through the plan. */
static void walk_thread(Walk *w, Thread thread)
{
    const lrt_instance *x = w->x;
    uint32_t n = w->plan->n_steps;
    double *seconds = x->seconds && !thread.index ? x->seconds + w->first_step : NULL;
    lrt_span *own = x->trace.spans ? x->trace.own + (size_t)thread.index * x->trace.stride : NULL;
    double last = seconds ? lrt_now() : 0;
    fill_share(w, 0, thread);
    if (thread.count > 1)
        lrt_barrier_wait(&w->barrier, (uint32_t)thread.count);
    for (uint32_t i = 0; i < n; i++) {
        bool more = i + 1 < n;
        if (more) /* no thread reads the shares of step i - 1 any more */
            fill_share(w, i + 1, thread);
        run_step(w, i, thread, own ? own + i : NULL);
        /* After the last step, the parallel region has a barrier of its own. */
        if (thread.count > 1 && (x->seconds || more))
            lrt_barrier_wait(&w->barrier, (uint32_t)thread.count);
        if (seconds) {
            double t = lrt_now();
            seconds[i] += t - last;
            last = t;
        }
    }
}

/* Runs a plan. first_step, time_base, single: see Walk. */
static void walk(lrt_instance *x, const lrt_plan *plan, char *time_base, uint32_t first_step,
                 bool single)
{
    if (!plan->n_steps)
        return;
    Walk w = {x, plan, time_base, first_step, single, {0, 0, 0}};
    int team = 1;
#pragma omp parallel num_threads(x->threads)
    {
        Thread thread = {omp_get_thread_num(), omp_get_num_threads()};
        if (!thread.index)
            team = thread.count;
        walk_thread(&w, thread);
    }
    if (x->trace.spans)
        collect_spans(&x->trace, plan->n_steps, team);
}

void lrt_run_prompt(lrt_instance *x)
{
    lrt_forget_step(x);
    walk(x, &x->stage->prompt, x->time.p, 0, x->single);
}

int lrt_run_time(lrt_instance *x, const float *embeddings, int64_t n, int64_t c)
{
    const lrt_stage *s = x->stage;
    if (!s->time.n_steps || n < 1)
        return 0;
    int64_t together = lrt_rows_together(s), copies = lrt_copies_of_row(x);
    if (!lrt_reserve_rows(x, (n + together - 1) / together * together, c))
        return -1;
    for (int64_t r = 0; r < n * copies; r++)
        memcpy(x->embeddings + r * c, embeddings + r / copies * c, (size_t)c * sizeof(float));
    for (int64_t r = 0; r < n; r += together) {
        if (x->time_input >= 0)
            x->io[x->time_input] = x->embeddings + r * copies * c;
        walk(x, &s->time, x->time.p + (size_t)r * s->time_row_bytes, s->prompt.n_steps, false);
    }
    return 0;
}

/* Sets the timestep; returns where the results of its time plan are. */
static char *set_time_row(lrt_instance *x, int64_t row)
{
    if (x->time_input >= 0 && x->embeddings)
        x->io[x->time_input] = x->embeddings + row * lrt_copies_of_row(x) * x->embedding_width;
    return x->time.p ? x->time.p + (size_t)row * x->stage->time_row_bytes : NULL;
}

/* The step plan, whose results short steps may read from now on. */
static void run_full_step(lrt_instance *x, char *time_base)
{
    const lrt_stage *s = x->stage;
    walk(x, &s->step, time_base, s->prompt.n_steps + s->time.n_steps, x->single);
    x->stored = true;
    x->stored_single = x->single;
}

void lrt_run_step(lrt_instance *x, int64_t time_row)
{
    run_full_step(x, set_time_row(x, time_row));
}

/* The short plan is numbered after the step plan. */
void lrt_run_short_step(lrt_instance *x, int64_t time_row)
{
    const lrt_stage *s = x->stage;
    walk(x, &s->short_step, set_time_row(x, time_row),
         s->prompt.n_steps + s->time.n_steps + s->step.n_steps, x->single);
}

void lrt_run_all(lrt_instance *x)
{
    const lrt_stage *s = x->stage;
    lrt_run_prompt(x);
    /* The input as it was set; its rows were reserved with the instance. */
    walk(x, &s->time, x->time.p, s->prompt.n_steps, false);
    run_full_step(x, x->time.p);
}
