/* Times of steps, summed up by fused operation. See bench.h and bench_run.h. */
#include "bench_run.h"
#include <string.h>

static Region *region_at(Timing *t, const char *path, int plan)
{
    for (int i = t->n_regions - 1; i >= 0; i--)
        if (t->regions[i].plan == plan && strcmp(t->regions[i].path, path) == 0)
            return &t->regions[i];
    return NULL;
}

/* Bytes of weights that the step reads; an argument that occurs twice counts once. */
static double weight_bytes(const Stage *stage, const Step *s)
{
    double bytes = 0;
    for (int i = 0; i < s->n_args; i++) {
        bool again = false;
        for (int k = 0; k < i; k++)
            again |= s->args[k] == s->args[i];
        if (!again && stage->mems[s->args[i]].buffer == LRT_BUF_WEIGHTS)
            bytes += (double)stage->mems[s->args[i]].bytes;
    }
    return bytes;
}

/* The region of the step; its kind is that of the step that computes most. */
static Region *region_of_step(Bench *b, Timing *t, const Step *s)
{
    Region *x = region_at(t, s->name, s->plan);
    if (!x) {
        x = &t->regions[t->n_regions++];
        *x = (Region){.path = arena_strdup(b->arena, s->name),
                      .kind = arena_strdup(b->arena, s->kind),
                      .form = "",
                      .plan = s->plan};
    } else if (s->flops > x->flops)
        x->kind = arena_strdup(b->arena, s->kind);
    else if (s->flops == 0)
        x->kind = arena_printf(b->arena, "%s, %s", x->kind, s->kind);
    return x;
}

static void add_to_region(Bench *b, Timing *t, const StageRun *r, const Step *s, double seconds)
{
    const Program *p = engine_lowered(r->engine);
    const Kernel *kernel = &p->kernels[s->kernel];
    double times = r->calls * (s->plan == PLAN_TIME ? r->time_runs : 1);
    Region *x = region_of_step(b, t, s);
    if (kernel->kind == KERNEL_CONTRACT)
        x->form = contract_form(kernel->description);
    x->steps++;
    x->products = s->products > x->products ? s->products : x->products;
    x->seconds += seconds;
    x->flops += times * s->flops;
    x->done += times * s->done;
    x->bytes += times * s->bytes;
    x->weight_bytes += times * weight_bytes(p->stages[0], s);
}

void regions_fill(Bench *b, Timing *t, const StageRun *r, const double *seconds)
{
    const Stage *s = engine_lowered(r->engine)->stages[0];
    int *region_of = arena_alloc(b->arena, ((size_t)s->n_steps + 1) * sizeof *region_of), k = 0;
    t->regions = arena_alloc(b->arena, ((size_t)s->n_steps + 1) * sizeof *t->regions);
    static const int walks[] = {PLAN_PROMPT, PLAN_TIME, PLAN_STEP};
    for (int w = 0; w < 3; w++)
        for (int i = 0; i < s->n_steps; i++) {
            int plan = s->steps[i].plan;
            if ((plan_in_loop(plan) ? PLAN_STEP : plan) != walks[w])
                continue;
            add_to_region(b, t, r, &s->steps[i], seconds[k++]);
            if (plan_in_loop(plan))
                region_of[t->n_steps++] = (int)(region_at(t, s->steps[i].name, plan) - t->regions);
            if (plan == PLAN_STEP)
                t->short_flops += r->calls * s->steps[i].flops;
        }
    t->region_of = region_of;
    bool cached = s->weights_bytes + s->arena_bytes < b->machine.l3_bytes;
    for (int i = 0; i < t->n_regions; i++) {
        Region *x = &t->regions[i];
        const Work work = {x->done, x->weight_bytes, x->bytes - x->weight_bytes, x->products,
                           cached};
        x->bound = machine_bound(&b->machine, &work, &x->memory);
        if (!in_step(x))
            continue;
        t->flops += x->flops;
        t->done += x->done;
        t->bytes += x->bytes;
        t->bound += x->bound;
    }
}

void regions_compare(Timing *fused, const Timing *unfused, const Matches *m)
{
    for (int i = 0; i < unfused->n_regions; i++) {
        const char *path = match_find(m, unfused->regions[i].path);
        for (int plan = PLAN_COUNT - 1; path && plan >= 0; plan--) {
            Region *x = region_at(fused, path, plan);
            if (!x)
                continue;
            x->unfused += unfused->regions[i].seconds;
            break;
        }
    }
}
