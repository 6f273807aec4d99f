/* See measure.h. Weights are cold, as in a whole step: calls alternate between copies that together
 * are larger than the last cache. Where the whole model fits that cache, there is one copy. Other
 * operands stay in place, as warm as after the step before. */
#include "measure.h"
#include "progress.h"
#include "err.h"
#include "alloc.h"
#include <stdlib.h>
#include <string.h>

/* Numbers of both signs between 2^-8 and 1. Each half of a word is a bfloat16 of that range too, so
 * that every kernel finds ordinary numbers. */
static void fill(char *to, int64_t bytes, uint32_t seed)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < bytes / 4; i++) {
        uint64_t h = ((uint64_t)i + 1) * 0x9e3779b97f4a7c15u + seed;
        h = (h ^ h >> 31) * 0xbf58476d1ce4e5b9u;
        uint32_t r = (uint32_t)(h >> 32), half[2];
        for (int k = 0; k < 2; k++, r >>= 16)
            half[k] = (r & 0x8000) | (119 + (r >> 7 & 7)) << 7 | (r & 0x7f);
        uint32_t word = half[1] << 16 | half[0];
        memcpy(to + i * 4, &word, 4);
    }
}

/* A step's operands: each region of memory once, weights in `copies`. */
typedef struct {
    char *at[LRT_MAX_ARGS];
    int64_t bytes[LRT_MAX_ARGS];
    bool weight[LRT_MAX_ARGS];
    int copies;
    char *pool;
} Operands;

/* Whole pages and a cache line, so that operands begin at different offsets in a page. */
static int64_t padded(int64_t bytes) { return (bytes + 4095) / 4096 * 4096 + 64; }

static Operands operands_new(const Measure *how, const Stage *stage, const Step *s)
{
    Operands o = {.copies = 1};
    int64_t weights = 0, rest = 0;
    for (int i = 0; i < s->n_args; i++) {
        const Mem *m = &stage->mems[s->args[i]];
        o.bytes[i] = padded(m->bytes);
        o.weight[i] = m->buffer == LRT_BUF_WEIGHTS;
        for (int k = 0; k < i; k++)
            if (s->args[k] == s->args[i])
                o.bytes[i] = 0;
        *(o.weight[i] ? &weights : &rest) += o.bytes[i];
    }
    bool cached = stage->weights_bytes + stage->arena_bytes < how->last_cache;
    if (!cached && weights)
        o.copies = (int)(ceil_div(2 * how->last_cache, weights) < 256
                             ? ceil_div(2 * how->last_cache, weights)
                             : 256);
    int64_t all = rest + weights * o.copies;
    size_t size = ((size_t)all + 4095) / 4096 * 4096;
    char *p = o.pool = aligned_alloc(4096, size ? size : 4096);
    if (!p)
        err("out of memory for %.0f MB of operands", (double)size / 1e6);
    fill(p, (int64_t)size, (uint32_t)s->kernel);
    for (int i = 0; i < s->n_args; i++) {
        o.at[i] = p;
        p += o.bytes[i] * (o.weight[i] ? o.copies : 1);
        for (int k = 0; k < i && !o.bytes[i]; k++)
            if (s->args[k] == s->args[i])
                o.at[i] = o.at[k];
    }
    return o;
}

static double run_once(lrt_instance *x, const Operands *o, int n_args, int64_t run)
{
    for (int i = 0; i < n_args; i++)
        lrt_set_input(x, (uint32_t)i,
                      o->at[i] + (o->weight[i] ? run % o->copies * o->bytes[i] : 0));
    double start = lrt_now();
    lrt_run_step(x, 0);
    return lrt_now() - start;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

Measured measure_step(const Measure *how, const Stage *stage, const lrt_step *compiled,
                      const Step *s)
{
    lrt_arg args[LRT_MAX_ARGS];
    for (int i = 0; i < s->n_args; i++)
        args[i] = (lrt_arg){.buffer = (uint32_t)(LRT_BUF_IO + i)};
    lrt_step step = *compiled;
    step.args = args;
    const lrt_stage alone = {.name = s->name,
                             .step = {&step, 1, 0},
                             .n_inputs = (uint32_t)s->n_args,
                             .scratch_bytes = (uint64_t)stage->scratch_bytes};
    const char *failed = NULL;
    lrt_instance *x = lrt_instance_new(&alone, NULL, how->threads, &failed);
    if (!x)
        err("%s", failed);
    Operands o = operands_new(how, stage, s);
    run_once(x, &o, s->n_args, 0);
    double once = run_once(x, &o, s->n_args, 1);
    int64_t n = once > 0 ? (int64_t)(0.05 / once) : 1000;
    n = n > 1000 ? 1000 : n < how->repeat ? how->repeat : n;
    double *seconds = xcalloc((size_t)n, sizeof *seconds);
    for (int64_t i = 0; i < n; i++)
        seconds[i] = run_once(x, &o, s->n_args, i + 2);
    qsort(seconds, (size_t)n, sizeof *seconds, by_value);
    Measured result = {(seconds[(n - 1) / 2] + seconds[n / 2]) / 2, seconds[0]};
    free(seconds);
    free(o.pool);
    lrt_instance_free(x);
    return result;
}

const lrt_step *compiled_step(const lrt_stage *stage, const Stage *s, int index)
{
    const lrt_plan *plans[PLAN_COUNT] = {&stage->prompt, &stage->time, &stage->step, &stage->step};
    int before = 0, plan = s->steps[index].plan;
    for (int i = 0; i < index; i++)
        before += s->steps[i].plan == plan ||
                  (plan_in_loop(s->steps[i].plan) && plan_in_loop(plan));
    return &plans[s->steps[index].plan]->steps[before];
}
