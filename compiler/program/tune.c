/* See tune.h. */
#include "tune.h"
#include "hardware.h"
#include "jit.h"
#include "lower.h"
#include "measure.h"
#include "err.h"
#include "outfile.h"
#include "alloc.h"
#include <stdlib.h>
#include <string.h>

/* Adds an entry for each convolution that the file lacks. entry_of, per op: the index of its entry;
 * -1 for all other ops. Returns whether any was added. */
static bool add_missing(const Program *p, const Graph *g, int *entry_of)
{
    bool any = false;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        const Op *o = &g->ops[i];
        entry_of[i] = -1;
        if (o->kind != OP_CONV2D || tuning_find(p->tuning, p->target, p->bf16, g, o))
            continue;
        entry_of[i] = tuning_add(p->tuning, p->target, p->bf16, g, o);
        any = true;
    }
    return any;
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

static void measure_missing(const Program *p, Graph *g, const int *entry_of)
{
    Program *q = program_new(p->target, p->fuse, CONV_DIRECT, p->bf16);
    for (int f = 0; f < CONV_FORMS; f++) {
        q->conv = conv_forms[f].mode;
        q->stages[q->n_stages++] = lower(q, g);
    }
    const Measure how = {threads_to_use(0), 3, cache_last_bytes()};
    Engine *e = engine_new(q, NULL);
    for (uint32_t i = 0; i < g->n_ops; i++) {
        if (entry_of[i] < 0)
            continue;
        TuneEntry *x = tuning_entry(p->tuning, entry_of[i]);
        x->threads = how.threads;
        for (int f = 0; f < CONV_FORMS; f++) {
            double seconds;
            if (measure_op(&how, e, f, g->ops[i].path, &seconds))
                x->seconds[f] = seconds;
        }
    }
    engine_free(e);
}

void tuning_measure(const Program *p, Graph *g)
{
    int *entry_of = xcalloc(g->n_ops + 1, sizeof *entry_of);
    if (add_missing(p, g, entry_of)) {
        if (!target_runs_here(p->target))
            err("--tune %s: it lacks convolutions of %s for target %s, which does not run here",
                tuning_path(p->tuning), g->name, p->target->name);
        output_check(tuning_path(p->tuning));
        measure_missing(p, g, entry_of);
        tuning_write(p->tuning);
    }
    free(entry_of);
}

int program_add_tuned(Program *p, Graph *g)
{
    program_passes(p, g);
    if (p->tuning)
        tuning_measure(p, g);
    return program_lower(p, g);
}
