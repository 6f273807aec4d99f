/* A stage's buffers, and the walk over its plans: one OpenMP parallel region for a whole plan, a
 * contiguous range of tasks for every thread, a barrier after every step. Which thread runs a task
 * never changes what the task computes.
 *
 * Cores are not equally fast: some share a physical core with others' work or are smaller ones. So
 * a thread that is done with its range takes tasks off the end of another's, where a step is long
 * enough for that to matter.
 *
 * The barrier is ours: it spins for some ten microseconds, the usual difference between threads,
 * and then sleeps. libgomp's spins for milliseconds, which on a machine that others use too makes a
 * step fifty times slower. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <limits.h>
#include <linux/futex.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"
#include "progress.h"

/* Zeroed memory of its own mapping, aligned to 2 MiB so that huge pages can back it. */
typedef struct {
    void *base;
    size_t mapped;
    char *p;
} Block;

/* Where spans go: while a plan runs, each thread has `stride` of its own, one a step; then they are
 * appended to `spans`. */
typedef struct {
    lrt_span *spans, *own;
    size_t capacity, count, stride;
} Trace;

/* The tasks that a thread has still to run, begin in the low half and end in the high one: it takes
 * them from the beginning, others from the end. A cache line each. */
typedef struct {
    _Alignas(64) _Atomic uint64_t range;
} Share;

struct lrt_instance {
    const lrt_stage *stage;
    const char *weights;
    int threads;
    Block arena, prompt, time, scratch;
    size_t scratch_stride; /* bytes from one thread's scratch to the next one's */
    Share *shares;         /* of a step and the next one in turn: [2][threads] */
    void **io;             /* n_inputs + n_outputs addresses */
    int time_input;        /* the input that the time plan reads; -1 when there is none */
    float *embeddings;     /* of the last lrt_run_time: every row as often as the input has batch
                              elements */
    int64_t embedding_width, rows;
    bool single; /* the step plan computes the first batch element alone */
    double *seconds;
    Trace trace;
};

#define HUGE_PAGE ((size_t)2 << 20)

static bool block_new(Block *b, size_t n)
{
    *b = (Block){0};
    size_t align = n >= HUGE_PAGE ? HUGE_PAGE : 4096;
    size_t mapped = n + align;
    if (mapped < n)
        return false;
    void *base = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return false;
    char *p = (char *)(((uintptr_t)base + align - 1) & ~(uintptr_t)(align - 1));
    *b = (Block){base, mapped, p};
    if (n >= HUGE_PAGE)
        madvise(p, n, MADV_HUGEPAGE); /* advice: nothing is lost when it is refused */
    return true;
}

static void block_free(Block *b)
{
    if (b->base)
        munmap(b->base, b->mapped);
    *b = (Block){0};
}

int lrt_stage_input(const lrt_stage *stage, const char *name)
{
    for (uint32_t i = 0; i < stage->n_inputs; i++)
        if (!strcmp(stage->inputs[i].name, name))
            return (int)i;
    return -1;
}

/* The input that the time plan reads, -1 when it reads none. */
static int find_time_input(const lrt_stage *s)
{
    for (uint32_t i = 0; i < s->time.n_steps; i++)
        for (uint32_t k = 0; k < s->time.steps[i].n_args; k++) {
            uint32_t b = s->time.steps[i].args[k].buffer;
            if (b >= LRT_BUF_IO && b < LRT_BUF_IO + s->n_inputs)
                return (int)(b - LRT_BUF_IO);
        }
    return -1;
}

/* Rows of the time plan's input: it was compiled for this many timesteps at once, or for one that
 * its batch elements share. */
static int64_t rows_together(const lrt_stage *s) { return s->time_rows > 1 ? s->time_rows : 1; }

static int64_t copies_of_row(const lrt_instance *x)
{
    const lrt_stage *s = x->stage;
    return x->time_input >= 0 && s->time_rows <= 1 && s->inputs[x->time_input].rank > 1
               ? s->inputs[x->time_input].dim[0]
               : 1;
}

/* Room for the embeddings and the results of `rows` timesteps. */
static bool reserve_rows(lrt_instance *x, int64_t rows, int64_t c)
{
    if (rows <= x->rows && c == x->embedding_width)
        return true;
    block_free(&x->time);
    free(x->embeddings);
    x->rows = 0;
    x->embeddings = calloc((size_t)(rows * copies_of_row(x) * c), sizeof(float));
    if (!x->embeddings || !block_new(&x->time, (size_t)rows * x->stage->time_row_bytes))
        return false;
    x->rows = rows;
    x->embedding_width = c;
    return true;
}

lrt_instance *lrt_instance_new(const lrt_stage *stage, const void *weights, int threads,
                               const char **error)
{
    lrt_instance *x = calloc(1, sizeof *x);
    *error = "out of memory: the program's buffers do not fit";
    if (!x)
        return NULL;
    x->stage = stage;
    x->weights = weights;
    x->threads = threads > 0 ? threads : lrt_default_threads();
    x->time_input = find_time_input(stage);
    x->io = calloc(stage->n_inputs + stage->n_outputs + 1, sizeof *x->io);
    x->scratch_stride = (stage->scratch_bytes + 4095) & ~(size_t)4095;
    x->shares = aligned_alloc(_Alignof(Share), 2 * (size_t)x->threads * sizeof *x->shares);
    if (!x->io || !x->shares || !block_new(&x->arena, stage->arena_bytes) ||
        !block_new(&x->prompt, stage->prompt_bytes) ||
        !block_new(&x->scratch, x->scratch_stride * (size_t)x->threads)) {
        lrt_instance_free(x);
        return NULL;
    }
    if (x->time_input >= 0) {
        const lrt_io *io = &stage->inputs[x->time_input];
        if (!reserve_rows(x, rows_together(stage), io->dim[io->rank - 1])) {
            lrt_instance_free(x);
            return NULL;
        }
    }
    /* Every thread touches its own scratch first, so that the memory lies near its core. */
#pragma omp parallel num_threads(x->threads)
    memset(x->scratch.p + (size_t)omp_get_thread_num() * x->scratch_stride, 0, x->scratch_stride);
    *error = NULL;
    return x;
}

void lrt_instance_free(lrt_instance *x)
{
    if (!x)
        return;
    block_free(&x->arena);
    block_free(&x->prompt);
    block_free(&x->time);
    block_free(&x->scratch);
    free(x->embeddings);
    free(x->io);
    free(x->shares);
    free(x->trace.own);
    free(x);
}

const lrt_stage *lrt_instance_stage(const lrt_instance *x) { return x->stage; }

void lrt_instance_release(lrt_instance *x)
{
    if (x->stage->arena_bytes)
        madvise(x->arena.p, x->stage->arena_bytes, MADV_DONTNEED);
}

void lrt_set_input(lrt_instance *x, uint32_t i, const void *data)
{
    x->io[i] = (void *)(uintptr_t)data; /* kernels only read it */
}

void lrt_set_output(lrt_instance *x, uint32_t i, void *data)
{
    x->io[x->stage->n_inputs + i] = data;
}

void lrt_set_single(lrt_instance *x, int single) { x->single = single; }

void lrt_set_timing(lrt_instance *x, double *seconds) { x->seconds = seconds; }

void lrt_set_trace(lrt_instance *x, lrt_span *spans, size_t capacity)
{
    const lrt_stage *s = x->stage;
    enum { LINE = 128 / sizeof(lrt_span) + 1 }; /* two threads' spans share no cache line */
    uint32_t most = s->prompt.n_steps > s->time.n_steps ? s->prompt.n_steps : s->time.n_steps;
    most = most > s->step.n_steps ? most : s->step.n_steps;
    free(x->trace.own);
    x->trace = (Trace){.stride = most + LINE};
    if (spans &&
        (x->trace.own = calloc(x->trace.stride * (size_t)x->threads, sizeof *x->trace.own))) {
        x->trace.spans = spans;
        x->trace.capacity = capacity;
    }
}

size_t lrt_trace_count(const lrt_instance *x) { return x->trace.count; }

/* The spans of a plan that has run, in order. */
static void collect_spans(Trace *t, uint32_t n_steps, int threads)
{
    for (uint32_t i = 0; i < n_steps; i++)
        for (int k = 0; k < threads; k++) {
            const lrt_span *span = &t->own[(size_t)k * t->stride + i];
            if (span->begin <= span->end && t->count < t->capacity)
                t->spans[t->count++] = *span;
        }
}

typedef struct {
    _Atomic uint32_t arrived, generation, sleepers;
} Barrier;

static inline void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Everybody of `threads` comes; what was written before is seen after. A sleeper is counted before
 * the kernel compares the generation, and the generation is stored before the sleepers are counted,
 * so that no wake-up is lost. */
static void wait_for_all(Barrier *b, uint32_t threads)
{
    enum { SPINS = 1000 };
    uint32_t g = atomic_load(&b->generation);
    if (atomic_fetch_add(&b->arrived, 1) + 1 == threads) {
        atomic_store(&b->arrived, 0);
        atomic_store(&b->generation, g + 1);
        if (atomic_load(&b->sleepers))
            syscall(SYS_futex, &b->generation, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
        return;
    }
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&b->generation, memory_order_acquire) != g)
            return;
        pause_briefly();
    }
    atomic_fetch_add(&b->sleepers, 1);
    while (atomic_load(&b->generation) == g)
        syscall(SYS_futex, &b->generation, FUTEX_WAIT_PRIVATE, g, NULL, NULL, 0);
    atomic_fetch_sub(&b->sleepers, 1);
}

/* A thread at work on a step. */
typedef struct {
    const lrt_step *step;
    void *args[LRT_MAX_ARGS];
    char *scratch;
    int64_t first; /* tasks that run, of every step->round */
    uint32_t done;
} Work;

static int64_t tasks_that_run(const lrt_step *s, bool single)
{
    return (int64_t)s->tasks / s->round * (single ? s->first : s->round);
}

/* The first threads do what is left over: thread 0, which measures steps, has a share of each of
 * them. */
static uint64_t share_of(int64_t n, int thread, int threads)
{
    uint64_t begin = (uint64_t)((n * thread + threads - 1) / threads);
    uint64_t end = (uint64_t)((n * (thread + 1) + threads - 1) / threads);
    return end << 32 | begin;
}

/* The number of a task out of a share, or -1 when none is left. */
static int64_t take(Share *share, bool from_end)
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

static void run_tasks(Work *w, Share *share, bool from_end)
{
    for (int64_t i; (i = take(share, from_end)) >= 0; w->done++)
        w->step->kernel(w->args, i / w->first * w->step->round + i % w->first, w->scratch);
}

/* Whether a step takes each of its threads so long, at the rates of one modest core, that a look at
 * the others' shares costs nothing beside it. */
static bool worth_helping(const lrt_step *s, int threads)
{
    const double flops = 50e9, bytes = 10e9, seconds = 1e-4;
    return s->flops / flops + s->bytes / bytes > seconds * threads;
}

/* One thread's part of one step. number: of the step in the instance's tables. span: where to note
 * the time, or NULL. */
static void run_step(const lrt_instance *x, const lrt_step *s, Share *shares, uint32_t number,
                     char *time_base, bool single, int thread, int threads, lrt_span *span)
{
    Work w = {.step = s, .first = single ? s->first : s->round};
    for (uint32_t i = 0; i < s->n_args; i++) {
        const lrt_arg *a = &s->args[i];
        char *base = a->buffer == LRT_BUF_WEIGHTS  ? (char *)(uintptr_t)x->weights
                     : a->buffer == LRT_BUF_ARENA  ? x->arena.p
                     : a->buffer == LRT_BUF_PROMPT ? x->prompt.p
                     : a->buffer == LRT_BUF_TIME   ? time_base
                                                   : x->io[a->buffer - LRT_BUF_IO];
        w.args[i] = base + a->offset;
    }
    w.scratch = x->scratch.p + (size_t)thread * x->scratch_stride;
    double begin = span ? lrt_now() : 0;
    run_tasks(&w, &shares[thread], false);
    for (int i = 1; i < threads && worth_helping(s, threads); i++)
        run_tasks(&w, &shares[(thread + i) % threads], true);
    if (span)
        *span = (lrt_span){w.done ? begin : 0, w.done ? lrt_now() : -1, number, (uint32_t)thread,
                           w.done};
}

/* first: number of the plan's first step in the instance's tables. */
static void walk(lrt_instance *x, const lrt_plan *plan, char *time_base, uint32_t first,
                 bool single)
{
    if (!plan->n_steps)
        return;
    double *seconds = x->seconds ? x->seconds + first : NULL;
    int team = 1;
    Barrier barrier = {0, 0, 0};
#pragma omp parallel num_threads(x->threads)
    {
        int thread = omp_get_thread_num(), threads = omp_get_num_threads();
        lrt_span *own = x->trace.spans ? x->trace.own + (size_t)thread * x->trace.stride : NULL;
        double last = seconds && !thread ? lrt_now() : 0;
        if (!thread)
            team = threads;
        atomic_store(&x->shares[thread].range,
                     share_of(tasks_that_run(&plan->steps[0], single), thread, threads));
        if (threads > 1)
            wait_for_all(&barrier, (uint32_t)threads);
        for (uint32_t i = 0; i < plan->n_steps; i++) {
            /* Nobody looks at the step before's shares any more: they become the next one's, before
             * the barrier. */
            Share *now = x->shares + i % 2 * (uint32_t)x->threads,
                  *next = x->shares + (i + 1) % 2 * (uint32_t)x->threads;
            if (i + 1 < plan->n_steps)
                atomic_store(
                    &next[thread].range,
                    share_of(tasks_that_run(&plan->steps[i + 1], single), thread, threads));
            run_step(x, &plan->steps[i], now, first + i, time_base, single, thread, threads,
                     own ? own + i : NULL);
            if (threads > 1 &&
                (seconds || i + 1 < plan->n_steps)) /* the region ends with a barrier of its own */
                wait_for_all(&barrier, (uint32_t)threads);
            if (seconds && !thread) {
                double t = lrt_now();
                seconds[i] += t - last;
                last = t;
            }
        }
    }
    if (x->trace.spans)
        collect_spans(&x->trace, plan->n_steps, team);
}

void lrt_run_prompt(lrt_instance *x) { walk(x, &x->stage->prompt, x->time.p, 0, false); }

int lrt_run_time(lrt_instance *x, const float *embeddings, int64_t n, int64_t c)
{
    const lrt_stage *s = x->stage;
    if (!s->time.n_steps || n < 1)
        return 0;
    int64_t together = rows_together(s), copies = copies_of_row(x);
    if (!reserve_rows(x, (n + together - 1) / together * together, c))
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

void lrt_run_step(lrt_instance *x, int64_t time_row)
{
    const lrt_stage *s = x->stage;
    char *time_base = x->time.p ? x->time.p + (size_t)time_row * s->time_row_bytes : NULL;
    if (x->time_input >= 0 && x->embeddings)
        x->io[x->time_input] = x->embeddings + time_row * copies_of_row(x) * x->embedding_width;
    walk(x, &s->step, time_base, s->prompt.n_steps + s->time.n_steps, x->single);
}

void lrt_run_all(lrt_instance *x)
{
    const lrt_stage *s = x->stage;
    lrt_run_prompt(x);
    walk(x, &s->time, x->time.p, s->prompt.n_steps,
         false); /* the input as it was set; its rows were reserved with the instance */
    walk(x, &s->step, x->time.p, s->prompt.n_steps + s->time.n_steps, x->single);
}
