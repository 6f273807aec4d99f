/* See profile.h. */
#include "profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "grow.h"
#include "progress.h"

/* A region. stage NULL: no instance ran in it; else spans are those of the instance, in order. */
typedef struct {
    const char *what;
    int number;
    const lrt_stage *stage;
    double begin, end;
    lrt_span *spans;
    size_t n_spans;
} Region;

struct lrt_profile {
    double start;
    int threads;
    Region *regions;
    size_t n, cap;
    Region *open;
    lrt_instance *instance; /* of the open region */
};

lrt_profile *lrt_profile_new(double start, int threads)
{
    lrt_profile *p = calloc(1, sizeof *p);
    if (p)
        *p = (lrt_profile){.start = start, .threads = threads};
    return p;
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
static Region *add_region(lrt_profile *p)
{
    if (p->n == p->cap) {
        Region *more = lrt_grown(p->regions, &p->cap, sizeof *more);
        if (!more)
            return NULL;
        p->regions = more;
    }
    return &p->regions[p->n++];
}

static uint32_t all_steps(const lrt_stage *s)
{
    return s->prompt.n_steps + s->time.n_steps + s->step.n_steps;
}

static const lrt_step *step_of(const lrt_stage *s, uint32_t number)
{
    const lrt_plan *plans[] = {&s->prompt, &s->time, &s->step};
    int i = 0;
    for (; i < 2 && number >= plans[i]->n_steps; i++)
        number -= plans[i]->n_steps;
    return &plans[i]->steps[number];
}

void lrt_profile_begin(lrt_profile *p, const char *what, int number, lrt_instance *x, size_t runs)
{
    Region *r = p ? add_region(p) : NULL;
    if (!r)
        return;
    *r = (Region){.what = what, .number = number};
    if (x) {
        r->stage = lrt_instance_stage(x);
        size_t capacity = runs * all_steps(r->stage) * (size_t)p->threads;
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
    Region *r = p->open;
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
    Region *r = p ? add_region(p) : NULL;
    if (r)
        *r = (Region){.what = what, .begin = p->start, .end = lrt_now()};
}

/* ---- tables ---- */

/* A line of a table: all regions of one name, or all their steps of one kind. */
typedef struct {
    const char *what;
    const lrt_stage *stage;
    int count;
    double seconds, flops, busy;
} Line;

static int by_seconds(const void *a, const void *b)
{
    double x = ((const Line *)a)->seconds, y = ((const Line *)b)->seconds;
    return (x < y) - (x > y);
}

static Line *line_of(Line *lines, int *n, const char *what, const lrt_stage *stage)
{
    for (int i = 0; i < *n; i++)
        if (!strcmp(lines[i].what, what) && lines[i].stage == stage)
            return &lines[i];
    lines[*n] = (Line){.what = what, .stage = stage};
    return &lines[(*n)++];
}

/* Adds the steps of one region to the lines of their kinds. A step lasts from the end of the one
 * before (when its last thread is done) to its own end, so it includes barriers and waiting. */
static void add_kinds(const Region *r, Line *lines, int *n)
{
    double before = r->begin;
    for (size_t i = 0; i < r->n_spans;) {
        const lrt_step *s = step_of(r->stage, r->spans[i].step);
        Line *line = line_of(lines, n, s->kind, r->stage);
        uint32_t thread = 0;
        double end = before;
        for (size_t first = i; i < r->n_spans && r->spans[i].step == r->spans[first].step; i++) {
            if (i > first &&
                r->spans[i].thread <= thread) /* the same step again, in the next run */
                break;
            thread = r->spans[i].thread;
            end = fmax(end, r->spans[i].end);
            line->busy += r->spans[i].end - r->spans[i].begin;
            line->flops += s->flops * r->spans[i].tasks / s->tasks;
        }
        line->count++;
        line->seconds += end - before;
        before = end;
    }
}

static void print_kinds(const lrt_profile *p, const Line *group, FILE *out)
{
    size_t most = all_steps(group->stage);
    Line *lines = calloc(most + 1, sizeof *lines);
    int n = 0;
    if (!lines)
        return;
    for (size_t i = 0; i < p->n; i++)
        if (p->regions[i].stage == group->stage && !strcmp(p->regions[i].what, group->what))
            add_kinds(&p->regions[i], lines, &n);
    qsort(lines, (size_t)n, sizeof *lines, by_seconds);
    fprintf(out, "\n%s of %s: %d, %.1f ms\n   count       time   share   GFLOP/s    busy  kernel\n",
            group->what, group->stage->name, group->count, group->seconds * 1e3);
    for (int i = 0; i < n; i++) {
        const Line *l = &lines[i];
        fprintf(out, "%8d %7.1f ms %5.1f %% ", l->count, l->seconds * 1e3,
                100 * l->seconds / group->seconds);
        l->flops > 0 ? fprintf(out, "%9.1f", l->flops / l->seconds / 1e9) : fprintf(out, "%9s", "");
        fprintf(out, " %5.1f %%  %s\n", 100 * l->busy / l->seconds / p->threads, l->what);
    }
    free(lines);
}

/* When the first step of the first loop began, in seconds since the start; negative without one. */
static double first_step(const lrt_profile *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->regions[i].what, "step"))
            return p->regions[i].begin - p->start;
    return -1;
}

void lrt_profile_print(const lrt_profile *p, FILE *out)
{
    Line *lines = calloc(p->n + 1, sizeof *lines);
    double all = lrt_now() - p->start, rest = all;
    int n = 0;
    if (!lines)
        return;
    for (size_t i = 0; i < p->n; i++) {
        const Region *r = &p->regions[i];
        Line *line = line_of(lines, &n, r->what, r->stage);
        line->count++;
        line->seconds += r->end - r->begin;
        rest -= r->end - r->begin;
    }
    fprintf(out, "from the start to the first step %.3f s, to the end %.3f s\n", first_step(p),
            all);
    fputs("   count       time   share  region\n", out);
    for (int i = 0; i < n; i++)
        fprintf(out, "%8d %7.1f ms %5.1f %%  %s\n", lines[i].count, lines[i].seconds * 1e3,
                100 * lines[i].seconds / all, lines[i].what);
    fprintf(out, "         %7.1f ms %5.1f %%  the rest\n", rest * 1e3, 100 * rest / all);
    for (int i = 0; i < n; i++)
        if (lines[i].stage)
            print_kinds(p, &lines[i], out);
    free(lines);
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

static void put_region(const lrt_profile *p, const Region *r, FILE *f)
{
    fprintf(f, ",\n{\"name\":\"%s", r->what);
    if (r->number)
        fprintf(f, " %d", r->number);
    fputs("\",\"cat\":\"region\"", f);
    put_when(p, f, 0, r->begin, r->end);
    if (r->stage) {
        fputs(",\"args\":{\"stage\":", f);
        put_text(f, r->stage->name);
        putc('}', f);
    }
    putc('}', f);
    for (size_t i = 0; i < r->n_spans; i++) {
        const lrt_span *span = &r->spans[i];
        const lrt_step *s = step_of(r->stage, span->step);
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
        p->threads, first_step(p));
    put_text(o.stream, program);
    fputs("}}", o.stream);
    for (int i = 0; i < p->threads; i++)
        fprintf(
            o.stream,
            ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"args\":{\"name\":\"thread %d\"}}",
            i, i);
    for (size_t i = 0; i < p->n; i++)
        put_region(p, &p->regions[i], o.stream);
    fputs("\n]}\n", o.stream);
    return lrt_output_commit(&o, e);
}
