/* One stage in one setting, timed: as the loop runs it, region by region. */
#include "bench.h"
#include "bench_serve.h"
#include "tune.h"
#include "progress.h"
#include "denoise.h"
#include "samplers.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the stage, ready to run ---- */

/* The loop around the model, as generators run it: as many latents as the model's batch holds
 * halves for. */
typedef struct {
    lrt_schedule schedule;
    lrt_sampling sampling;
    lrt_noise noise;
    lrt_denoiser denoiser;
    float *start, *embeddings;
} Denoise;
typedef struct {
    Bench *b;
    const Item *item;
    Model model;
    Engine *engine;
    const lrt_stage *stage;
    lrt_instance *x;
    void *buffers[64]; /* inputs, then outputs */
    int calls;         /* of the model in a step: 2 when the halves are not batched */
    int64_t time_runs; /* of the time plan, for all timesteps */
    bool guided;
    int latent; /* the input; -1 outside of the loop */
    Denoise loop;
} Run;

static int find_input(const Graph *g, const char *name)
{
    for (uint32_t i = 0; i < g->n_inputs; i++)
        if (strcmp(tensor(g, g->inputs[i])->name, name) == 0)
            return (int)i;
    return -1;
}

/* Inputs of unit size (ids: small numbers), outputs zeroed. */
static void set_buffers(Run *r)
{
    const Graph *g = r->model.graph;
    CHECK(g->n_inputs + g->n_outputs <= 64);
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const Tensor *t = tensor(g, g->inputs[i]);
        int64_t count = shape_count(&t->shape);
        float *p = xmalloc((size_t)count * 4);
        if (t->dtype == DT_F32)
            synthetic_weight(i + 1, "bench", "x.gamma", &t->shape, p);
        else
            for (int64_t k = 0; k < count; k++)
                ((int32_t *)(void *)p)[k] = (int32_t)(k % 7);
        lrt_set_input(r->x, i, r->buffers[i] = p);
    }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        lrt_set_output(r->x, i,
                       r->buffers[g->n_inputs + i] = xcalloc(
                           (size_t)shape_count(&tensor(g, g->outputs[i])->shape), 4));
}

/* The model and the buffers of the loop. Returns how many numbers the loop's latents have. */
static int64_t open_denoiser(Run *r)
{
    const Graph *g = r->model.graph;
    Denoise *l = &r->loop;
    int64_t all = shape_count(&tensor(g, g->outputs[0])->shape) * r->calls,
            latents = shape_count(&tensor(g, g->inputs[r->latent])->shape);
    int64_t n = r->guided ? all / 2 : all;
    l->denoiser = (lrt_denoiser){.model = {r->x, r->x},
                                 .models = r->calls,
                                 .single = !r->guided,
                                 .n = n,
                                 .copies = latents / n,
                                 .x = xcalloc((size_t)latents, 4),
                                 .predicted = xcalloc((size_t)all, 4),
                                 .guided = xcalloc((size_t)n, 4),
                                 .guidance = {.scale = r->b->pipeline->cfg_scale},
                                 .noise = &l->noise};
    l->start = xmalloc((size_t)n * 4);
    memcpy(l->start, r->buffers[r->latent], (size_t)n * 4);
    return n;
}

/* The sampler as the pipeline's generator has it by default, and what the model makes of the prompt
 * and of all timesteps. */
static double prepare_loop(Run *r)
{
    const Pipeline *p = r->b->pipeline;
    const Graph *g = r->model.graph;
    Denoise *l = &r->loop;
    lrt_error e;
    if (!lrt_schedule_init(&l->schedule, &p->schedule))
        err("out of memory");
    int64_t n = open_denoiser(r);
    l->sampling = (lrt_sampling){.sampler = lrt_sampler_find(p->sampler),
                                 .schedule = &l->schedule,
                                 .config = p->schedule,
                                 .steps = p->steps,
                                 .alpha = NAN,
                                 .n = n};
    if (!(l->sampling.sampler->traits & LRT_OBEYS_KARRAS))
        l->sampling.config.karras = 0;
    if (!lrt_sampling_plan(&l->sampling, &e))
        err("%s: %s", p->file, e.text);
    lrt_noise_seed(&l->noise, &lrt_rngs[0], 1);
    int calls = l->sampling.calls;
    int time = find_input(g, "timestep_embedding");
    int64_t width = time < 0 ? 0 : shape_channels(&tensor(g, g->inputs[time])->shape);
    float *embeddings = l->embeddings = xcalloc((size_t)(calls * width) + 1, 4);
    if (time >= 0 && shape_count(&tensor(g, g->inputs[time])->shape) == width) {
        l->denoiser.embeddings = embeddings;
        l->denoiser.embedding_width = (int)width;
    }
    for (int k = 0; k < calls && width; k++)
        lrt_timestep_embedding(l->sampling.point[k].t, embeddings + k * width, (int)width);
    int64_t together = r->stage->time_rows > 1 ? r->stage->time_rows : 1;
    r->time_runs = ceil_div(calls, together);
    double start = lrt_now();
    for (int i = 0; i < r->calls; i++) {
        lrt_run_prompt(r->x);
        if (lrt_run_time(r->x, embeddings, calls, width))
            err("out of memory");
    }
    return lrt_now() - start;
}

/* Everything that depends on the inputs: seconds. i counts the runs. */
static double run_once(Run *r, int64_t i)
{
    if (r->latent < 0) {
        double start = lrt_now();
        lrt_run_all(r->x);
        return lrt_now() - start;
    }
    Denoise *l = &r->loop;
    lrt_error e;
    lrt_sampling_set(&l->sampling, l->start); /* not the latent of the run before: it is denoised */
    double start = lrt_now();
    lrt_denoise_call(&l->denoiser, &l->sampling, (int)(i % l->sampling.calls), &e);
    return lrt_now() - start;
}

static Run run_open(Bench *b, const Item *item, const Timing *t, Matches *matches)
{
    int64_t batch = b->batch ? b->batch : item->guided ? 2 : 1;
    bool guided = item->guided && batch > 1, halves_apart = guided && !(t->fuse & FUSE_GUIDANCE);
    Run r = {.b = b, .item = item, .calls = halves_apart ? 2 : 1, .guided = guided, .latent = -1};
    batch /= r.calls;
    bool shared = guided && batch == 2; /* one picture */
    r.model = model_open(b->pipeline, item->model, (int)batch, shared, "synthetic:1");
    Program *p = program_new(b->machine.target, t->fuse, t->conv, t->bf16);
    p->optimize = optimize_parse(b->code.optimize);
    if (b->code.tune && p->conv == CONV_AUTO)
        p->tuning = tuning_open(b->code.tune);
    program_add_tuned(p, r.model.graph);
    if (matches) {
        Graph *source = pipeline_graph(item->model, (int)batch, shared);
        *matches = match_regions(b->arena, source, r.model.graph);
        graph_free(source);
    }
    r.engine = engine_new(p, &r.model.weights);
    r.stage = engine_program(r.engine)->stages[0];
    const char *failed = NULL;
    r.x = lrt_instance_new(r.stage, engine_weights(r.engine, 0), b->threads, &failed);
    if (!r.x)
        err("%s", failed);
    if (item->guided)
        r.latent = find_input(r.model.graph, "latent");
    set_buffers(&r);
    return r;
}

static void run_close(Run *r)
{
    Denoise *l = &r->loop;
    float *arrays[] = {l->start, l->embeddings, l->denoiser.x, l->denoiser.guided,
                       l->denoiser.predicted};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        free(arrays[i]);
    for (size_t i = 0; i < sizeof r->buffers / sizeof r->buffers[0]; i++)
        free(r->buffers[i]);
    if (r->latent >= 0) {
        lrt_sampling_free(&l->sampling);
        lrt_schedule_free(&l->schedule);
    }
    lrt_instance_free(r->x);
    engine_free(r->engine);
    model_close(&r->model);
}

/* ---- regions ---- */

static Region *region_at(Timing *t, const char *path, int plan)
{
    for (int i = t->n_regions - 1; i >= 0; i--)
        if (t->regions[i].plan == plan && strcmp(t->regions[i].path, path) == 0)
            return &t->regions[i];
    return NULL;
}

static void add_to_region(Bench *b, Timing *t, const Run *r, const Step *s, double seconds)
{
    const Stage *stage = engine_lowered(r->engine)->stages[0];
    const Kernel *kernel = &engine_lowered(r->engine)->kernels[s->kernel];
    double weights = 0, times = r->calls * (s->plan == PLAN_TIME ? r->time_runs : 1);
    for (int i = 0; i < s->n_args; i++) {
        bool again = false;
        for (int k = 0; k < i; k++)
            again |= s->args[k] == s->args[i];
        if (!again && stage->mems[s->args[i]].buffer == LRT_BUF_WEIGHTS)
            weights += (double)stage->mems[s->args[i]].bytes;
    }
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
    if (kernel->kind == KERNEL_CONTRACT)
        x->form = contract_form(kernel->description);
    x->steps++;
    x->bf16 |= s->bf16;
    x->seconds += seconds;
    x->flops += times * s->flops;
    x->done += times * s->done;
    x->bytes += times * s->bytes;
    x->weight_bytes += times * weights;
}

/* seconds: per step, plans in order. */
static void fill_regions(Bench *b, Timing *t, const Run *r, const double *seconds)
{
    const Stage *s = engine_lowered(r->engine)->stages[0];
    int *region_of = arena_alloc(b->arena, ((size_t)s->n_steps + 1) * sizeof *region_of), k = 0;
    t->regions = arena_alloc(b->arena, ((size_t)s->n_steps + 1) * sizeof *t->regions);
    for (int plan = 0; plan < PLAN_COUNT; plan++)
        for (int i = 0; i < s->n_steps; i++) {
            if (s->steps[i].plan != plan)
                continue;
            add_to_region(b, t, r, &s->steps[i], seconds[k++]);
            if (plan == PLAN_STEP)
                region_of[t->n_steps++] = (int)(region_at(t, s->steps[i].name, plan) - t->regions);
        }
    t->region_of = region_of;
    bool cached = s->weights_bytes + s->arena_bytes < b->machine.l3_bytes;
    for (int i = 0; i < t->n_regions; i++) {
        Region *x = &t->regions[i];
        x->bound = machine_bound(&b->machine, x->bf16, x->done, x->weight_bytes,
                                 x->bytes - x->weight_bytes, cached, &x->memory);
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

/* ---- timing ---- */

typedef struct {
    double seconds;
    double *steps;
} OneRun;
static int by_seconds(const void *a, const void *b)
{
    double x = ((const OneRun *)a)->seconds, y = ((const OneRun *)b)->seconds;
    return (x > y) - (x < y);
}

static void trace_one(Bench *b, Timing *t, Run *r)
{
    size_t most = (size_t)t->n_steps * (size_t)r->calls * (size_t)b->threads;
    uint32_t first = r->stage->prompt.n_steps + r->stage->time.n_steps;
    t->spans = arena_alloc(b->arena, (most + 1) * sizeof *t->spans);
    lrt_set_trace(r->x, t->spans, most);
    double start = lrt_now();
    run_once(r, 0);
    t->n_spans = lrt_trace_count(r->x);
    lrt_set_trace(r->x, NULL, 0);
    for (size_t i = 0; i < t->n_spans; i++) {
        t->spans[i].begin -= start;
        t->spans[i].end -= start;
        t->spans[i].step -= first;
    }
}

/* As many runs as asked for (or, served, as lines come), after one that warms up; regions are those
 * of the median (of the lower one of two). */
static void time_runs(Bench *b, Timing *t, Run *r)
{
    const lrt_stage *s = r->stage;
    uint32_t prepared = s->prompt.n_steps + s->time.n_steps, steps = prepared + s->step.n_steps;
    int64_t n = 0;
    OneRun *runs = xcalloc((size_t)b->repeat, sizeof *runs);
    double *prepare = xcalloc(steps + 1, sizeof *prepare);
    lrt_set_timing(r->x, prepare);
    if (r->latent >= 0)
        t->prepare = prepare_loop(r);
    lrt_set_timing(r->x, NULL);
    run_once(r, 0);
    if (b->serve)
        bench_serve_ready();
    for (; n < b->repeat && (!b->serve || bench_serve_wait()); n++) {
        runs[n].steps = xcalloc(steps + 1, sizeof *runs[n].steps);
        lrt_set_timing(r->x, runs[n].steps);
        runs[n].seconds = run_once(r, n);
        if (b->serve)
            bench_serve_answer(runs[n].seconds);
    }
    if (!n)
        err("bench --serve: standard input ended before the first line");
    lrt_set_timing(r->x, NULL);
    qsort(runs, (size_t)n, sizeof *runs, by_seconds);
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
    fill_regions(b, t, r, middle->steps);
    for (int64_t i = 0; i < n; i++)
        free(runs[i].steps);
    free(runs);
    free(prepare);
}

Timing stage_measure(Bench *b, const Item *item, const char *name, unsigned fuse, ConvMode conv,
                     bool bf16, Matches *matches)
{
    Timing t = {.name = name, .fuse = fuse, .conv = conv, .bf16 = bf16};
    Run r = run_open(b, item, &t, matches);
    const lrt_stage *s = r.stage;
    t.conv = engine_lowered(r.engine)->conv;
    t.peak_bytes = (int64_t)(s->weights_bytes + s->arena_bytes + s->prompt_bytes +
                             s->scratch_bytes * (uint64_t)b->threads);
    time_runs(b, &t, &r);
    if (b->trace && matches)
        trace_one(b, &t, &r);
    double peak = machine_unit(&b->machine, bf16)->all;
    t.share = t.flops / t.median / peak;
    t.share_done = t.done / t.median / peak;
    run_close(&r);
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
        item->ladder[item->n_ladder++] = stage_measure(
            b, item, rungs[i].name, fuse, rungs[i].algorithms ? CONV_AUTO : CONV_DIRECT,
            rungs[i].bf16, NULL);
        report_stage(item, &item->ladder[item->n_ladder - 1]);
    }
}
