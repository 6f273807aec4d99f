/* See profile.h. */
#include "profile_regions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "grow.h"
#include "progress.h"

lrt_profile *lrt_profile_new(double start)
{
    lrt_profile *p = calloc(1, sizeof *p);
    if (p)
        *p = (lrt_profile){.start = start, .threads = 1};
    return p;
}

void lrt_profile_threads(lrt_profile *p, int threads)
{
    if (p)
        p->threads = threads;
}

void lrt_profile_free(lrt_profile *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++)
        free(p->regions[i].spans);
    free(p->regions);
    free(p);
}

/* NULL when memory is short; the region is then not recorded. */
static lrt_region *add_region(lrt_profile *p)
{
    if (p->n == p->cap) {
        lrt_region *more = lrt_grown(p->regions, &p->cap, sizeof *more);
        if (!more)
            return NULL;
        p->regions = more;
    }
    return &p->regions[p->n++];
}

uint32_t lrt_profile_steps(const lrt_stage *s)
{
    return s->prompt.n_steps + s->time.n_steps + s->step.n_steps + s->short_step.n_steps;
}

const lrt_step *lrt_profile_step(const lrt_stage *s, uint32_t number)
{
    const lrt_plan *plans[] = {&s->prompt, &s->time, &s->step, &s->short_step};
    int i = 0;
    for (; i < 3 && number >= plans[i]->n_steps; i++)
        number -= plans[i]->n_steps;
    return &plans[i]->steps[number];
}

void lrt_profile_begin(lrt_profile *p, const char *what, int number, lrt_instance *x, size_t runs)
{
    lrt_region *r = p ? add_region(p) : NULL;
    if (!r)
        return;
    *r = (lrt_region){.what = what, .number = number};
    if (x) {
        r->stage = lrt_instance_stage(x);
        size_t capacity = runs * lrt_profile_steps(r->stage) * (size_t)p->threads;
        r->spans = malloc((capacity + 1) * sizeof *r->spans);
        lrt_set_trace(x, r->spans, capacity);
    }
    p->open = r;
    p->instance = x;
    r->begin = lrt_now();
}

void lrt_profile_end(lrt_profile *p)
{
    if (!p || !p->open)
        return;
    lrt_region *r = p->open;
    r->end = lrt_now();
    p->open = NULL;
    if (!p->instance)
        return;
    r->n_spans = lrt_trace_count(p->instance);
    lrt_set_trace(p->instance, NULL, 0);
    lrt_span *fitting = realloc(r->spans, (r->n_spans + 1) * sizeof *fitting);
    r->spans = fitting ? fitting : r->spans;
}

void lrt_profile_started(lrt_profile *p, const char *what)
{
    lrt_region *r = p ? add_region(p) : NULL;
    if (r)
        *r = (lrt_region){.what = what, .begin = p->start, .end = lrt_now()};
}

void lrt_profile_beside(lrt_profile *p, const char *what, double begin, double end)
{
    lrt_region *r = p ? add_region(p) : NULL;
    if (r)
        *r = (lrt_region){.what = what, .beside = true, .begin = begin, .end = end};
}

double lrt_profile_first_step(const lrt_profile *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->regions[i].what, "step"))
            return p->regions[i].begin - p->start;
    return -1;
}

/* ---- the trace file ---- */

/* There are tens of thousands of events. Without locks and formats, writing them takes a quarter of
 * the time. */
static void put(FILE *f, const char *s)
{
    for (; *s; s++)
        putc_unlocked(*s, f);
}

static void put_text(FILE *f, const char *s)
{
    putc_unlocked('"', f);
    for (; *s; s++)
        if (*s == '"' || *s == '\\')
            fprintf(f, "\\%c", *s);
        else if ((unsigned char)*s < 0x20)
            fprintf(f, "\\u%04x", (unsigned char)*s);
        else
            putc_unlocked(*s, f);
    putc_unlocked('"', f);
}

/* Writes key, then v with at least `digits` digits. */
static void put_number(FILE *f, const char *key, long long v, int digits)
{
    char text[24], *p = text + sizeof text - 1;
    unsigned long long rest = v < 0 ? 0 : (unsigned long long)v;
    for (*p = 0; rest || digits > 0; rest /= 10, digits--)
        *--p = (char)('0' + rest % 10);
    put(f, key);
    put(f, p);
}

static void put_microseconds(FILE *f, const char *key, long long ns)
{
    put_number(f, key, ns / 1000, 1);
    put_number(f, ".", ns % 1000, 3);
}

/* The fields that every complete event has. Times are rounded to nanoseconds before they are
 * subtracted, so that nested events stay nested. */
static void put_when(const lrt_profile *p, FILE *f, uint32_t thread, double begin, double end)
{
    long long a = llround((begin - p->start) * 1e9), b = llround((end - p->start) * 1e9);
    put_number(f, ",\"ph\":\"X\",\"pid\":1,\"tid\":", thread, 1);
    put_microseconds(f, ",\"ts\":", a);
    put_microseconds(f, ",\"dur\":", b - a);
}

static void put_region(const lrt_profile *p, const lrt_region *r, FILE *f)
{
    fprintf(f, ",\n{\"name\":\"%s", r->what);
    if (r->number)
        fprintf(f, " %d", r->number);
    fputs("\",\"cat\":\"region\"", f);
    put_when(p, f, r->beside ? (uint32_t)p->threads : 0, r->begin, r->end);
    if (r->stage) {
        fputs(",\"args\":{\"stage\":", f);
        put_text(f, r->stage->name);
        putc('}', f);
    }
    putc('}', f);
    for (size_t i = 0; i < r->n_spans; i++) {
        const lrt_span *span = &r->spans[i];
        const lrt_step *s = lrt_profile_step(r->stage, span->step);
        double share = (double)span->tasks / s->tasks;
        put(f, ",\n{\"name\":");
        put_text(f, s->name);
        put(f, ",\"cat\":\"kernel\"");
        put_when(p, f, span->thread, span->begin, span->end);
        put(f, ",\"args\":{\"kind\":");
        put_text(f, s->kind);
        put_number(f, ",\"flops\":", llround(s->flops * share), 1);
        put_number(f, ",\"bytes\":", llround(s->bytes * share), 1);
        put_number(f, ",\"tasks\":", span->tasks, 1);
        put(f, "}}");
    }
}

bool lrt_profile_write(const lrt_profile *p, const char *path, const char *program, lrt_error *e)
{
    lrt_output o;
    if (!lrt_output_open(&o, path, e))
        return false;
    fprintf(
        o.stream,
        "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"threads\":%d,\"first_step_s\":%.6f},\"traceEvents\":[\n"
        "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"args\":{\"name\":",
        p->threads, lrt_profile_first_step(p));
    put_text(o.stream, program);
    fputs("}}", o.stream);
    for (int i = 0; i < p->threads; i++)
        fprintf(
            o.stream,
            ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"args\":{\"name\":\"thread %d\"}}",
            i, i);
    fprintf(
        o.stream,
        ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"args\":{\"name\":\"pictures\"}}",
        p->threads);
    for (size_t i = 0; i < p->n; i++)
        put_region(p, &p->regions[i], o.stream);
    fputs("\n]}\n", o.stream);
    return lrt_output_commit(&o, e);
}
