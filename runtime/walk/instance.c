/* See instance.h and stage.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MAP_ANONYMOUS, madvise */
#endif
#include "instance.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

static const char no_memory[] = "out of memory: the program's buffers do not fit";

static bool block_new(lrt_block *b, size_t n)
{
    *b = (lrt_block){0};
    size_t align = n >= HUGE_PAGE ? HUGE_PAGE : 4096;
    size_t mapped = n + align;
    if (mapped < n)
        return false;
    void *base = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return false;
    char *p = (char *)(((uintptr_t)base + align - 1) & ~(uintptr_t)(align - 1));
    *b = (lrt_block){base, mapped, p};
    if (n >= HUGE_PAGE)
        madvise(p, n, MADV_HUGEPAGE); /* only advice: a refusal does no harm */
    return true;
}

static void block_free(lrt_block *b)
{
    if (b->base)
        munmap(b->base, b->mapped);
    *b = (lrt_block){0};
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

int64_t lrt_rows_together(const lrt_stage *s) { return s->time_rows > 1 ? s->time_rows : 1; }

int64_t lrt_copies_of_row(const lrt_instance *x)
{
    const lrt_stage *s = x->stage;
    return x->time_input >= 0 && s->time_rows <= 1 && s->inputs[x->time_input].rank > 1
               ? s->inputs[x->time_input].dim[0]
               : 1;
}

bool lrt_reserve_rows(lrt_instance *x, int64_t rows, int64_t c)
{
    if (rows <= x->rows && c == x->embedding_width)
        return true;
    block_free(&x->time);
    free(x->embeddings);
    x->rows = 0;
    x->embeddings = calloc((size_t)(rows * lrt_copies_of_row(x) * c), sizeof(float));
    if (!x->embeddings || !block_new(&x->time, (size_t)rows * x->stage->time_row_bytes))
        return false;
    x->rows = rows;
    x->embedding_width = c;
    return true;
}

static int threads_of(int wanted) { return wanted > 0 ? wanted : lrt_default_threads(); }

lrt_workspace *lrt_workspace_new(const lrt_stage *const *stages, size_t n, int threads)
{
    lrt_workspace *w = calloc(1, sizeof *w);
    uint64_t arena = 0, scratch = 0;
    int count = threads_of(threads);
    for (size_t i = 0; i < n; i++) {
        arena = stages[i]->arena_bytes > arena ? stages[i]->arena_bytes : arena;
        scratch = stages[i]->scratch_bytes > scratch ? stages[i]->scratch_bytes : scratch;
    }
    if (!w)
        return NULL;
    w->scratch_stride = (scratch + 4095) & ~(size_t)4095;
    if (!block_new(&w->arena, arena) ||
        !block_new(&w->scratch, w->scratch_stride * (size_t)count)) {
        lrt_workspace_free(w);
        return NULL;
    }
    /* Each thread writes to its own scratch first, so that the pages are near its core. */
#pragma omp parallel num_threads(count)
    memset(w->scratch.p + (size_t)omp_get_thread_num() * w->scratch_stride, 0, w->scratch_stride);
    return w;
}

void lrt_workspace_free(lrt_workspace *w)
{
    if (!w)
        return;
    block_free(&w->arena);
    block_free(&w->scratch);
    free(w);
}

lrt_instance *lrt_instance_new(const lrt_stage *stage, const void *weights, int threads,
                               const char **error)
{
    lrt_workspace *own = lrt_workspace_new(&stage, 1, threads);
    lrt_instance *x = own ? lrt_instance_in(own, stage, weights, threads, error) : NULL;
    if (x)
        x->own = own;
    else
        lrt_workspace_free(own);
    if (!own)
        *error = no_memory;
    return x;
}

lrt_instance *lrt_instance_in(const lrt_workspace *w, const lrt_stage *stage, const void *weights,
                              int threads, const char **error)
{
    lrt_instance *x = calloc(1, sizeof *x);
    *error = no_memory;
    if (!x)
        return NULL;
    x->stage = stage;
    x->weights = weights;
    x->threads = threads_of(threads);
    x->work = w;
    x->time_input = find_time_input(stage);
    x->io = calloc(stage->n_inputs + stage->n_outputs + 1, sizeof *x->io);
    x->shares = aligned_alloc(_Alignof(lrt_share), 2 * (size_t)x->threads * sizeof *x->shares);
    bool ok = x->io && x->shares && block_new(&x->prompt, stage->prompt_bytes) &&
              block_new(&x->interval, stage->interval_bytes);
    if (ok && x->time_input >= 0) {
        const lrt_io *io = &stage->inputs[x->time_input];
        ok = lrt_reserve_rows(x, lrt_rows_together(stage), io->dim[io->rank - 1]);
    }
    if (!ok) {
        lrt_instance_free(x);
        return NULL;
    }
    *error = NULL;
    return x;
}

void lrt_instance_free(lrt_instance *x)
{
    if (!x)
        return;
    block_free(&x->prompt);
    block_free(&x->time);
    block_free(&x->interval);
    lrt_workspace_free(x->own);
    free(x->embeddings);
    free(x->io);
    free(x->shares);
    free(x->trace.own);
    free(x);
}

const lrt_stage *lrt_instance_stage(const lrt_instance *x) { return x->stage; }

void lrt_set_input(lrt_instance *x, uint32_t i, const void *data)
{
    x->io[i] = (void *)(uintptr_t)data; /* kernels only read it */
}

void lrt_set_output(lrt_instance *x, uint32_t i, void *data)
{
    x->io[x->stage->n_inputs + i] = data;
}

void lrt_set_single(lrt_instance *x, int single) { x->single = single; }

int lrt_can_shorten(const lrt_instance *x)
{
    return x->stage->short_step.n_steps && x->stored && (x->single || !x->stored_single);
}

void lrt_forget_step(lrt_instance *x) { x->stored = false; }

void lrt_set_timing(lrt_instance *x, double *seconds) { x->seconds = seconds; }

void lrt_set_trace(lrt_instance *x, lrt_span *spans, size_t capacity)
{
    const lrt_stage *s = x->stage;
    enum { LINE = 128 / sizeof(lrt_span) + 1 }; /* two threads' spans share no cache line */
    uint32_t most = s->prompt.n_steps > s->time.n_steps ? s->prompt.n_steps : s->time.n_steps;
    most = most > s->step.n_steps ? most : s->step.n_steps;
    free(x->trace.own);
    x->trace = (lrt_trace){.stride = most + LINE};
    if (spans &&
        (x->trace.own = calloc(x->trace.stride * (size_t)x->threads, sizeof *x->trace.own))) {
        x->trace.spans = spans;
        x->trace.capacity = capacity;
    }
}

size_t lrt_trace_count(const lrt_instance *x) { return x->trace.count; }
