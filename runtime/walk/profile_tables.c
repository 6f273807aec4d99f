/* The tables of --profile; see profile.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "profile_regions.h"
#include "progress.h"

/* ---- kinds of kernels ---- */

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
static void add_kinds(const lrt_region *r, Line *lines, int *n)
{
    double before = r->begin;
    for (size_t i = 0; i < r->n_spans;) {
        const lrt_step *s = lrt_profile_step(r->stage, r->spans[i].step);
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
    size_t most = lrt_profile_steps(group->stage);
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

/* ---- the waterfall ---- */

/* A line of it: a region, or several of one name in a row. first, last: their numbers. */
typedef struct {
    const char *what;
    int first, last;
    double begin, end; /* in seconds since the start */
} Bar;

static void print_bar(const Bar *b, double all, FILE *out)
{
    enum { WIDTH = 40 };
    int from = (int)(b->begin / all * WIDTH), to = (int)ceil(b->end / all * WIDTH);
    char line[WIDTH + 1];
    to = to > WIDTH ? WIDTH : to > from ? to : from + 1;
    for (int i = 0; i < WIDTH; i++)
        line[i] = i >= from && i < to ? '#' : ' ';
    line[WIDTH] = 0;
    fprintf(out, "%8.1f ms %8.1f ms  |%s|  %s", b->begin * 1e3, (b->end - b->begin) * 1e3, line,
            b->what);
    if (b->first)
        fprintf(out, b->last > b->first ? " %d to %d" : " %d", b->first, b->last);
    putc('\n', out);
}

/* The region of the first picture's file; NULL: no picture was written. */
static const lrt_region *first_picture(const lrt_profile *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->regions[i].what, LRT_PROFILE_PICTURE))
            return &p->regions[i];
    return NULL;
}

/* The end of the first picture's file; of everything without one. */
static double waterfall_end(const lrt_profile *p)
{
    const lrt_region *picture = first_picture(p);
    return picture ? picture->end : p->n ? p->regions[p->n - 1].end : p->start;
}

/* The region r comes after the bar, which grows, or is printed and begins anew. A gap between them
 * that is worth a line gets one. all: how long the waterfall is. */
static void add_to_waterfall(Bar *b, const lrt_region *r, double start, double all, FILE *out)
{
    const double gap = 1e-3, begin = r->begin - start, end = r->end - start;
    if (b->what && !strcmp(b->what, r->what) && begin - b->end < gap) {
        b->last = r->number;
        b->end = end;
        return;
    }
    if (b->what)
        print_bar(b, all, out);
    if (begin - b->end >= gap)
        print_bar(&(Bar){"other work", 0, 0, b->end, begin}, all, out);
    *b = (Bar){r->what, r->number, r->number, begin, end};
}

/* From the start to the first picture. In a batch its file is written beside the next picture,
 * whose regions are left out. */
static void print_waterfall(const lrt_profile *p, FILE *out)
{
    const lrt_region *picture = first_picture(p);
    const double all = waterfall_end(p) - p->start;
    Bar b = {.what = NULL};
    fputs("      begins       lasts\n", out);
    for (size_t i = 0; i < p->n; i++)
        if (!picture || p->regions[i].begin < picture->begin)
            add_to_waterfall(&b, &p->regions[i], p->start, all, out);
    if (picture)
        add_to_waterfall(&b, picture, p->start, all, out);
    if (b.what)
        print_bar(&b, all, out);
}

/* ---- the sums ---- */

static void print_regions(const lrt_profile *p, const Line *lines, int n, FILE *out)
{
    double all = lrt_now() - p->start, rest = all;
    for (size_t i = 0; i < p->n; i++)
        rest -= p->regions[i].beside ? 0 : p->regions[i].end - p->regions[i].begin;
    fputs("\n   count        time   share  region\n", out);
    for (int i = 0; i < n; i++)
        fprintf(out, "%8d %8.1f ms %5.1f %%  %s\n", lines[i].count, lines[i].seconds * 1e3,
                100 * lines[i].seconds / all, lines[i].what);
    fprintf(out, "         %8.1f ms %5.1f %%  other work\n", rest * 1e3, 100 * rest / all);
}

void lrt_profile_print(const lrt_profile *p, FILE *out)
{
    Line *lines = calloc(p->n + 1, sizeof *lines);
    int n = 0;
    if (!lines)
        return;
    for (size_t i = 0; i < p->n; i++) {
        const lrt_region *r = &p->regions[i];
        Line *line = line_of(lines, &n, r->what, r->stage);
        line->count++;
        line->seconds += r->end - r->begin;
    }
    fprintf(
        out,
        "from the start to the first step %.3f s, to the first picture %.3f s, to the end %.3f s\n",
        lrt_profile_first_step(p), waterfall_end(p) - p->start, lrt_now() - p->start);
    print_waterfall(p, out);
    print_regions(p, lines, n, out);
    for (int i = 0; i < n; i++)
        if (lines[i].stage)
            print_kinds(p, &lines[i], out);
    free(lines);
}
