/* See tune.h. */
#include "tune.h"
#include "algorithm.h"
#include "hardware.h"
#include "contract_of.h"
#include "contract_plan.h"
#include "cost_model.h"
#include "jit.h"
#include "lower.h"
#include "measure.h"
#include "parse_text.h"
#include "print.h"
#include "err.h"
#include "outfile.h"
#include "alloc.h"
#include "progress.h"
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A convolution to measure. */
typedef struct {
    const char *path; /* of the op */
    int entry;        /* of the file */
    double cost; /* by estimate, in the direct form: what its measuring takes, relative to others */
} Missing;

/* The convolutions that the file lacks, each with a new entry. Returns how many. */
static int find_missing(const Program *p, const Graph *g, Missing *out)
{
    int n = 0;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        const Op *o = &g->ops[i];
        int entry = o->kind == OP_CONV2D && !o->dead
                        ? tuning_add(p->tuning, p->target, p->bf16, g, o)
                        : -1;
        if (entry < 0)
            continue;
        Contract c = contract_in_form(g, o, CONV_DIRECT, p->bf16);
        contract_plan(&c, p->target, CONV_DIRECT);
        out[n++] = (Missing){o->path, entry, contract_cost(&c, p->target)};
    }
    return n;
}

/* How far measuring has come: on a terminal a line that is redrawn, else a line every 5 s. */
typedef struct {
    const char *graph;
    int n;
    double cost, cost_done, start, shown;
    bool terminal;
} Pace;

static void show_pace(const Program *p, Pace *x, int done)
{
    double now = lrt_now(), left = (now - x->start) * (x->cost - x->cost_done) / x->cost_done;
    double most = tuning_left(p->tuning) > 0 ? tuning_left(p->tuning) : 0;
    left = left < most ? left : most;
    if (!x->terminal && now - x->shown < 5)
        return;
    fprintf(stderr, "%stuning: %d of %d convolutions of %s, about %.0f s left%s",
            x->terminal ? "\r" : "", done, x->n, x->graph, left, x->terminal ? "   " : "\n");
    x->shown = now;
}

static void end_pace(const Program *p, const Pace *x, int done)
{
    if (x->terminal && done)
        fputc('\n', stderr);
    if (done < x->n)
        note(
            "tuning: %d of %d convolutions of %s were measured within --tune-seconds; the others are "
            "chosen by estimate; the same command goes on where it stopped",
            done, x->n, x->graph);
    else if (!p->quiet)
        note("tuning: %d convolution%s of %s measured, %.0f s; %s has them", done,
             done == 1 ? "" : "s", x->graph, lrt_now() - x->start, tuning_path(p->tuning));
}

static Graph *copy_graph(const Graph *g)
{
    Buf text = {0};
    graph_print_text(g, &text);
    buf_add(&text, "", 1);
    Graph *copy = graph_parse_text(text.data, g->file);
    buf_free(&text);
    return copy;
}

/* The program in every form, a stage each, of a graph of its own: lowering changes graphs. Nothing
 * is compiled. */
static Program *all_forms(const Program *p, const Graph *g)
{
    Program *q = program_new(p->target, p->fuse, CONV_DIRECT, p->bf16);
    for (int f = 0; f < CONV_FORMS; f++) {
        q->conv = conv_forms[f].mode;
        q->stages[q->n_stages++] = lower(q, copy_graph(g));
    }
    return q;
}

static void free_forms(Program *forms)
{
    for (int f = 0; f < CONV_FORMS; f++)
        graph_free(forms->stages[f]->graph);
    program_free(forms);
}

/* A copy of kernel k in q, once. Returns its index. */
static int copy_kernel(Program *q, const Kernel *k)
{
    for (int i = 0; i < q->n_kernels; i++)
        if (strcmp(q->kernels[i].name, k->name) == 0)
            return i;
    GROW(q->kernels, q->n_kernels, q->cap_kernels);
    Kernel *copy = &q->kernels[q->n_kernels];
    *copy = *k;
    size_t bytes = kernel_description_bytes(k->kind);
    copy->description = xmalloc(bytes);
    memcpy(copy->description, k->description, bytes);
    return q->n_kernels++;
}

static bool in_form(const Contract *c, ConvMode form)
{
    return form == CONV_INT8 ? quants[c->quant].range == IMAGE_RANGE : c->winograd != WINOGRAD_NONE;
}

/* Whether the op at `path` fits form f, and may be chosen in it: lowering leaves what does not fit
 * in the direct form. */
static bool fits_form(const Program *forms, int f, const char *path)
{
    if (!form_pays(&conv_forms[f], forms->target, forms->bf16))
        return false;
    const Stage *s = forms->stages[f];
    for (int i = 0; i < s->n_steps && f > 0; i++) {
        const Kernel *k = &forms->kernels[s->steps[i].kernel];
        if (strcmp(s->steps[i].name, path) == 0 && k->kind == KERNEL_CONTRACT &&
            !in_form(k->description, conv_forms[f].mode))
            return false;
    }
    return true;
}

/* The steps of the op at `path` in form f alone, compiled. Sizes of memory are those of the whole
 * stage. */
static Engine *form_of_op(const Program *forms, int f, const char *path)
{
    Program *q = program_new(forms->target, forms->fuse, CONV_DIRECT, forms->bf16);
    const Stage *from = forms->stages[f];
    Stage *s = q->stages[q->n_stages++] = xcalloc(1, sizeof *s);
    s->graph = from->graph;
    s->weights_bytes = from->weights_bytes;
    s->arena_bytes = from->arena_bytes;
    s->scratch_bytes = from->scratch_bytes;
    for (uint32_t i = 0; i < from->n_mems; i++)
        stage_add_mem(s, from->mems[i]);
    for (int i = 0; i < from->n_steps; i++) {
        if (strcmp(from->steps[i].name, path) != 0)
            continue;
        Step *x = stage_add_step(s, &from->steps[i]);
        x->kernel = copy_kernel(q, &forms->kernels[x->kernel]);
    }
    return engine_new(q, NULL);
}

/* Compiles the op at `path` in form f. Returns the seconds of all its steps. */
static double measure_form(const Program *forms, const Measure *how, int f, const char *path)
{
    Engine *e = form_of_op(forms, f, path);
    const Stage *s = engine_lowered(e)->stages[0];
    double seconds = 0;
    for (int i = 0; i < s->n_steps; i++)
        seconds += measure_step(how, s, compiled_step(engine_program(e)->stages[0], s, i),
                                &s->steps[i])
                       .median;
    engine_free(e);
    return seconds;
}

/* Measures one convolution in every form that it fits, and writes the file. False when the time was
 * spent before: then nothing is kept of it. The first convolution of this process is always
 * measured, so that every run comes further. */
static bool measure_one(const Program *p, const Program *forms, const Measure *how,
                        const Missing *m)
{
    static bool one_is_measured;
    const char *path = m->path;
    TuneEntry x = *tuning_entry(p->tuning, m->entry);
    x.threads = how->threads;
    for (int f = 0; f < CONV_FORMS; f++) {
        if (!fits_form(forms, f, path))
            continue;
        if (one_is_measured && tuning_left(p->tuning) <= 0)
            return false;
        x.seconds[f] = measure_form(forms, how, f, path);
    }
    *tuning_entry(p->tuning, m->entry) = x;
    tuning_write(p->tuning);
    return one_is_measured = true;
}

/* One after the other, so that no form is compiled once the time is spent. */
static void measure_missing(const Program *p, Graph *g, const Missing *list, int n)
{
    const Measure how = {threads_to_use(0), 3, cache_last_bytes()};
    Pace pace = {.graph = g->name, .n = n, .terminal = isatty(STDERR_FILENO)};
    int done = 0;
    if (tuning_left(p->tuning) <= 0) {
        end_pace(p, &pace, 0);
        return;
    }
    if (!p->quiet)
        note("tuning: %d convolution%s of %s, each in up to %d forms, which are compiled and timed",
             n, n == 1 ? "" : "s", g->name, CONV_FORMS);
    for (int i = 0; i < n; i++)
        pace.cost += list[i].cost;
    pace.start = pace.shown = lrt_now();
    Program *forms = all_forms(p, g);
    for (; done < n && tuning_left(p->tuning) > 0; done++) {
        if (!measure_one(p, forms, &how, &list[done]))
            break;
        pace.cost_done += list[done].cost;
        if (!p->quiet)
            show_pace(p, &pace, done + 1);
    }
    end_pace(p, &pace, done);
    free_forms(forms);
}

void tuning_measure(const Program *p, Graph *g)
{
    Missing *list = xcalloc(g->n_ops + 1, sizeof *list);
    int n = find_missing(p, g, list);
    if (n && !target_runs_here(p->target))
        err("--tune %s: it lacks convolutions of %s for target %s, which does not run here",
            tuning_path(p->tuning), g->name, p->target->name);
    if (n) {
        output_check(tuning_path(p->tuning));
        measure_missing(p, g, list, n);
    }
    free(list);
}

int program_add_tuned(Program *p, Graph *g)
{
    program_passes(p, g);
    if (p->tuning)
        tuning_measure(p, g);
    return program_lower(p, g);
}
