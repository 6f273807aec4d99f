/* See bench_run.h. */
#include "bench_run.h"
#include "denoise.h"
#include "progress.h"
#include "samplers.h"
#include "spacing.h"
#include "tune.h"
#include "err.h"
#include "alloc.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int find_input(const Graph *g, const char *name)
{
    for (uint32_t i = 0; i < g->n_inputs; i++)
        if (strcmp(tensor(g, g->inputs[i])->name, name) == 0)
            return (int)i;
    return -1;
}

/* Inputs of unit size (ids: small numbers), outputs zeroed. */
static void set_buffers(StageRun *r)
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
static int64_t open_denoiser(StageRun *r)
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
                                 .guidance = {.scale = r->b->pipeline->cfg_scale, .stop = 1},
                                 .noise = &l->noise};
    l->start = xmalloc((size_t)n * 4);
    memcpy(l->start, r->buffers[r->latent], (size_t)n * 4);
    return n;
}

/* The sampler that the pipeline's generator has by default. */
static void open_sampling(StageRun *r, int64_t n)
{
    const Pipeline *p = r->b->pipeline;
    Denoise *l = &r->loop;
    lrt_error e;
    if (!lrt_schedule_init(&l->schedule, &p->schedule))
        err("out of memory");
    l->sampling = (lrt_sampling){.sampler = lrt_sampler_find(p->sampler),
                                 .schedule = &l->schedule,
                                 .config = p->schedule,
                                 .steps = p->steps,
                                 .alpha = NAN,
                                 .n = n};
    if (!(l->sampling.sampler->traits & lrt_curves[p->schedule.sigmas].obeys))
        l->sampling.config.sigmas = LRT_SIGMAS_TIMESTEPS;
    if (!lrt_sampling_plan(&l->sampling, &e))
        err("%s: %s", p->file, e.text);
    lrt_noise_seed(&l->noise, &lrt_rngs[0], 1);
}

/* The embeddings of all timesteps. Returns how many numbers each has; 0: the model takes none. */
static int64_t embed_timesteps(StageRun *r)
{
    const Graph *g = r->model.graph;
    Denoise *l = &r->loop;
    int calls = l->sampling.calls, time = find_input(g, "timestep_embedding");
    const Shape *shape = time < 0 ? NULL : &tensor(g, g->inputs[time])->shape;
    int64_t width = shape ? shape_channels(shape) : 0;
    l->embeddings = xcalloc((size_t)(calls * width) + 1, 4);
    if (shape && shape_count(shape) == width) {
        l->denoiser.embeddings = l->embeddings;
        l->denoiser.embedding_width = (int)width;
    }
    for (int k = 0; k < calls && width; k++)
        lrt_timestep_embedding(l->sampling.point[k].t, l->embeddings + k * width, (int)width);
    return width;
}

double stage_run_prepare(StageRun *r)
{
    open_sampling(r, open_denoiser(r));
    int64_t width = embed_timesteps(r),
            together = r->stage->time_rows > 1 ? r->stage->time_rows : 1;
    int calls = r->loop.sampling.calls;
    r->time_runs = ceil_div(calls, together);
    double start = lrt_now();
    for (int i = 0; i < r->calls; i++) {
        lrt_run_prompt(r->x);
        if (lrt_run_time(r->x, r->loop.embeddings, calls, width))
            err("out of memory");
    }
    return lrt_now() - start;
}

double stage_run_once(StageRun *r, int64_t i)
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

double stage_run_short(StageRun *r)
{
    double start = lrt_now();
    if (r->latent < 0) {
        lrt_run_short_step(r->x, 0);
        return lrt_now() - start;
    }
    Denoise *l = &r->loop;
    lrt_error e;
    l->sampling.cache_interval = l->sampling.calls;
    lrt_sampling_set(&l->sampling, l->start);
    start = lrt_now();
    lrt_denoise_call(&l->denoiser, &l->sampling, l->sampling.calls > 1, &e);
    l->sampling.cache_interval = 0;
    return lrt_now() - start;
}

StageRun stage_run_open(Bench *b, const Item *item, const Setting *set, Matches *matches)
{
    int64_t batch = b->batch ? b->batch : item->guided ? 2 : 1;
    bool guided = item->guided && batch > 1, halves_apart = guided && !(set->fuse & FUSE_GUIDANCE);
    StageRun r = {
        .b = b, .item = item, .calls = halves_apart ? 2 : 1, .guided = guided, .latent = -1};
    batch /= r.calls;
    bool shared = guided && batch == 2; /* one picture */
    r.model = model_open(b->pipeline, item->model, (int)batch, shared, "synthetic:1");
    if (item->caches)
        flags_cache(&b->code, r.model.graph);
    if (set->bf16) /* as --dtype says; the ladder begins in f32 */
        flags_quantise(&b->code, r.model.graph);
    Program *p = program_new(b->machine.target, set->fuse, set->conv, set->bf16);
    p->optimize = optimize_parse(b->code.optimize);
    if (p->conv == CONV_AUTO)
        p->tuning = tuning_for(&b->code);
    if (p->conv == CONV_AUTO && set->bf16 == dtype_parse(b->code.dtype))
        p->forms = forms_for(&b->code);
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
    if (item->in_loop)
        r.latent = find_input(r.model.graph, "latent");
    set_buffers(&r);
    return r;
}

void stage_run_close(StageRun *r)
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
