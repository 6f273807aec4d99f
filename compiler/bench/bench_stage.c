/* One stage in one setting, timed; and with more and more passes. See bench.h. */
#include "bench_run.h"
#include "bench_serve.h"
#include "bench_trust.h"
#include "progress.h"
#include "err.h"
#include "alloc.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
    double seconds;
    double *steps;
} OneRun;
static int by_seconds(const void *a, const void *b)
{
    double x = ((const OneRun *)a)->seconds, y = ((const OneRun *)b)->seconds;
    return (x > y) - (x < y);
}

static void trace_one(Bench *b, Timing *t, StageRun *r)
{
    size_t most = (size_t)t->n_steps * (size_t)r->calls * (size_t)b->threads;
    uint32_t first = r->stage->prompt.n_steps + r->stage->time.n_steps;
    t->spans = arena_alloc(b->arena, (most + 1) * sizeof *t->spans);
    lrt_set_trace(r->x, t->spans, most);
    double start = lrt_now();
    stage_run_once(r, 0);
    t->n_spans = lrt_trace_count(r->x);
    lrt_set_trace(r->x, NULL, 0);
    for (size_t i = 0; i < t->n_spans; i++) {
        t->spans[i].begin -= start;
        t->spans[i].end -= start;
        t->spans[i].step -= first;
    }
}

/* As many runs as --repeat says (with --serve: one for every line that comes), after one that warms
 * up. Returns how many. */
static int64_t run_all(const Bench *b, StageRun *r, uint32_t n_steps, OneRun *runs)
{
    int64_t n = 0;
    stage_run_once(r, 0);
    if (b->serve)
        bench_serve_ready();
    for (; n < b->repeat && (!b->serve || bench_serve_wait()); n++) {
        runs[n].steps = xcalloc(n_steps + 1, sizeof *runs[n].steps);
        lrt_set_timing(r->x, runs[n].steps);
        runs[n].seconds = stage_run_once(r, n);
        if (b->serve)
            bench_serve_answer(runs[n].seconds);
    }
    if (!n)
        err("bench --serve: standard input ended before the first line");
    lrt_set_timing(r->x, NULL);
    qsort(runs, (size_t)n, sizeof *runs, by_seconds);
    return n;
}

/* Times of regions are those of the median run (of the lower one of two). */
static void time_runs(Bench *b, Timing *t, StageRun *r)
{
    const lrt_stage *s = r->stage;
    uint32_t prepared = s->prompt.n_steps + s->time.n_steps, full = prepared + s->step.n_steps,
             steps = full + s->short_step.n_steps;
    OneRun *runs = xcalloc((size_t)b->repeat, sizeof *runs);
    double *prepare = xcalloc(steps + 1, sizeof *prepare);
    lrt_set_timing(r->x, prepare);
    if (r->latent >= 0)
        t->prepare = stage_run_prepare(r);
    lrt_set_timing(r->x, NULL);
    double start = lrt_now();
    long before = preemptions();
    int64_t n = run_all(b, r, steps, runs);
    if (!b->serve) /* else it waits for lines between runs */
        t->preemptions = (double)(preemptions() - before) / (lrt_now() - start) / b->threads;
    t->n_runs = (int)n;
    t->runs = arena_alloc(b->arena, (size_t)n * sizeof *t->runs);
    for (int64_t i = 0; i < n; i++)
        t->runs[i] = runs[i].seconds;
    OneRun *middle = &runs[(n - 1) / 2];
    t->min = runs[0].seconds;
    t->median = (middle->seconds + runs[n / 2].seconds) / 2;
    t->run = middle->seconds;
    if (r->latent >= 0)
        memcpy(middle->steps, prepare, prepared * sizeof *prepare);
    regions_fill(b, t, r, middle->steps);
    for (int64_t i = 0; i < n; i++)
        free(runs[i].steps);
    free(runs);
    free(prepare);
}

/* The short step of step caching, after a full one. */
static void time_short(Bench *b, Timing *t, StageRun *r)
{
    if (!r->stage->short_step.n_steps) {
        t->short_flops = 0;
        return;
    }
    OneRun *runs = xcalloc((size_t)b->repeat, sizeof *runs);
    for (int64_t i = -1; i < b->repeat; i++) {
        double seconds = stage_run_short(r);
        if (i >= 0)
            runs[i].seconds = seconds;
    }
    qsort(runs, (size_t)b->repeat, sizeof *runs, by_seconds);
    t->short_min = runs[0].seconds;
    t->short_median = (runs[(b->repeat - 1) / 2].seconds + runs[b->repeat / 2].seconds) / 2;
    free(runs);
}

static Products products_of(const Bench *b, const Setting *set)
{
    if (!set->bf16)
        return PRODUCTS_F32;
    return dtype_products(b->code.dtype) == PRODUCTS_INT8 ? PRODUCTS_INT8 : PRODUCTS_BF16;
}

Timing stage_measure(Bench *b, const Item *item, const Setting *set, Matches *matches)
{
    Timing t = {.set = *set};
    StageRun r = stage_run_open(b, item, set, matches);
    const lrt_stage *s = r.stage;
    t.set.conv = engine_lowered(r.engine)->conv;
    t.peak_bytes = (int64_t)(s->weights_bytes + s->arena_bytes + s->prompt_bytes +
                             s->interval_bytes + s->scratch_bytes * (uint64_t)b->threads);
    time_runs(b, &t, &r);
    if (!b->serve)
        time_short(b, &t, &r);
    if (b->trace && matches)
        trace_one(b, &t, &r);
    double peak = machine_unit(&b->machine, products_of(b, set))->all;
    t.share = t.flops / t.median / peak;
    t.share_done = t.done / t.median / peak;
    stage_run_close(&r);
    trust_timing(b, item->name, &t);
    return t;
}

void stage_ladder(Bench *b, Item *item)
{
    /* clang-format off */
    static const struct { const char *name; unsigned adds; bool algorithms, bf16; } rungs[] = {
        {"none", 0, false, false},
        {"+epilogues", FUSE_EPILOGUE, false, false},
        {"+norm fusion", FUSE_NORM | FUSE_LAYERNORM | FUSE_CONCAT, false, false},
        {"+attention", FUSE_ATTENTION, false, false},
        {"+hoisting", FUSE_HOIST, false, false},
        {"+guidance", FUSE_GUIDANCE, false, false},
        {"+memory", FUSE_MEMORY, false, false},
        {"+algorithms", 0, true, false},
        {"+bf16", 0, true, true},
    };
    /* clang-format on */
    unsigned fuse = FUSE_NONE;
    for (size_t i = 0; i < sizeof rungs / sizeof rungs[0]; i++) {
        fuse |= rungs[i].adds;
        if (rungs[i].adds == FUSE_GUIDANCE && !item->guided)
            continue;
        const Setting set = {rungs[i].name, fuse, rungs[i].algorithms ? CONV_AUTO : CONV_DIRECT,
                             rungs[i].bf16};
        item->ladder[item->n_ladder++] = stage_measure(b, item, &set, NULL);
        report_stage(item, &item->ladder[item->n_ladder - 1]);
    }
}
