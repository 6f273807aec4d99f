/* See tune.h. */
#include "tune.h"
#include "hardware.h"
#include "contract_of.h"
#include "contract_plan.h"
#include "cost_model.h"
#include "jit.h"
#include "lower.h"
#include "measure.h"
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
    uint32_t op; /* of the graph */
    int entry;   /* of the file */
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
        Contract c = contract_of(g, o);
        c.bf16 = p->bf16;
        contract_plan(&c, p->target, CONV_DIRECT);
        out[n++] = (Missing){i, entry, contract_cost(&c, p->target)};
    }
    return n;
}

/* Seconds of one convolution in one form: of all steps of its op in that stage. False when it does
 * not fit the form. */
static bool measure_op(const Measure *how, const Engine *e, int stage, const char *path,
                       double *seconds)
{
    const Program *q = engine_lowered(e);
    const Stage *s = q->stages[stage];
    *seconds = 0;
    for (int i = 0; i < s->n_steps; i++) {
        if (strcmp(s->steps[i].name, path) != 0)
            continue;
        const Kernel *k = &q->kernels[s->steps[i].kernel];
        if (k->kind == KERNEL_CONTRACT && stage > 0 &&
            !((const Contract *)k->description)->winograd)
            return false;
        *seconds += measure_step(how, s, compiled_step(engine_program(e)->stages[stage], s, i),
                                 &s->steps[i])
                        .median;
    }
    return true;
}

/* How far measuring has come: on a terminal a line that is redrawn, else a line every 5 s. */
typedef struct {
    const char *graph;
    int n;
    double cost, cost_done, start, shown;
    bool terminal;
} Pace;

static void show_pace(Pace *x, int done)
{
    double now = lrt_now(), left = (now - x->start) * (x->cost - x->cost_done) / x->cost_done;
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

/* The program in every form, a stage each. */
static Engine *all_forms(const Program *p, Graph *g)
{
    Program *q = program_new(p->target, p->fuse, CONV_DIRECT, p->bf16);
    for (int f = 0; f < CONV_FORMS; f++) {
        q->conv = conv_forms[f].mode;
        q->stages[q->n_stages++] = lower(q, g);
    }
    return engine_new(q, NULL);
}

/* Measures one after the other, and writes the file after each. */
static void measure_missing(const Program *p, Graph *g, const Missing *list, int n)
{
    const Measure how = {threads_to_use(0), 3, cache_last_bytes()};
    Pace pace = {.graph = g->name, .n = n, .terminal = isatty(STDERR_FILENO)};
    int done = 0;
    if (!p->quiet)
        note("tuning: %d convolution%s of %s, each in up to %d forms, which are compiled first", n,
             n == 1 ? "" : "s", g->name, CONV_FORMS);
    Engine *e = all_forms(p, g);
    for (int i = 0; i < n; i++)
        pace.cost += list[i].cost;
    pace.start = pace.shown = lrt_now();
    for (; done < n && tuning_left(p->tuning) > 0; done++) {
        TuneEntry x = *tuning_entry(p->tuning, list[done].entry);
        x.threads = how.threads;
        for (int f = 0; f < CONV_FORMS; f++) {
            double seconds;
            if (measure_op(&how, e, f, g->ops[list[done].op].path, &seconds))
                x.seconds[f] = seconds;
        }
        *tuning_entry(p->tuning, list[done].entry) = x;
        tuning_write(p->tuning);
        pace.cost_done += list[done].cost;
        if (!p->quiet)
            show_pace(&pace, done + 1);
    }
    end_pace(p, &pace, done);
    engine_free(e);
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
