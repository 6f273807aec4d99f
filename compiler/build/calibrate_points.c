/* The pipeline is compiled in f32 without Winograd forms, which would round more, and runs here. */
#include "calibrate_points.h"
#include "build.h"
#include "denoise.h"
#include "jit.h"
#include "model_inputs.h"
#include "rng.h"
#include "samplers.h"
#include "text_context.h"
#include "err.h"
#include "alloc.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Calls of the model in a loop: so many levels of noise, from the first to the last. */
enum { STEPS = 5 };

/* The running pipeline. */
typedef struct {
    Build build;
    Engine *engine;
    const lrt_pipeline *l;
    lrt_vocab vocab;
    lrt_instance *text, *model;
    Points *points;
    float *inputs[MOST_IO];
    float *contexts; /* (batch, values) */
} Loop;

static lrt_instance *instance(const Loop *l, int stage)
{
    const char *failed = NULL;
    lrt_instance *x = lrt_instance_new(engine_program(l->engine)->stages[stage],
                                       engine_weights(l->engine, stage), 0, &failed);
    if (!x)
        err("%s", failed);
    return x;
}

static int64_t io_values(const lrt_io *io)
{
    int64_t n = 1;
    for (uint32_t i = 0; i < io->rank; i++)
        n *= io->dim[i];
    return n;
}

/* n zeros. */
static float *zeros(Arena *a, int64_t n)
{
    return memset(arena_alloc(a, (size_t)n * sizeof(float)), 0, (size_t)n * sizeof(float));
}

/* Inputs that no prompt and no step decides (masks, ...) are 0. */
static void set_inputs(Loop *l)
{
    const lrt_stage *s = lrt_instance_stage(l->model);
    Points *p = l->points;
    p->n_inputs = (int)s->n_inputs;
    p->values = io_values(&s->outputs[0]);
    for (uint32_t i = 0; i < s->n_inputs; i++) {
        l->inputs[i] = zeros(p->arena, io_values(&s->inputs[i]));
        lrt_set_input(l->model, i, l->inputs[i]);
    }
    int context = lrt_stage_input(s, "context"), time = lrt_stage_input(s, "timestep_embedding");
    if (context < 0 || lrt_stage_input(s, "latent") < 0 ||
        io_values(&s->inputs[time]) != l->l->time_width)
        err("--calibrate: %s: expected inputs latent, context, and timestep_embedding of one row",
            s->name);
    l->contexts = l->inputs[context];
}

static void open_loop(Loop *l, const Calibration *c)
{
    static PipelineFlags plain;
    lrt_error e;
    plain = *c->flags;
    plain.no_init_img = true;
    plain.sizes.n = plain.sizes.n > 1 ? 1 : plain.sizes.n;
    plain.code = (CodeFlags)CODE_DEFAULTS;
    plain.code.sets = c->flags->code.sets;
    plain.code.fuse = c->flags->code.fuse;
    plain.code.conv = "direct";
    build_open(&l->build, c->pipeline, &plain, c->over);
    build_lower(&l->build, c->pipeline);
    Program *p = l->build.program;
    p->quiet = true;
    p->pipeline = &l->build.constants;
    l->build.program = NULL; /* the engine's */
    l->engine = engine_new(p, l->build.sources);
    l->l = engine_pipeline(l->engine);
    if (l->l->text_encoder < 0 || l->l->diffusion_model < 0)
        err("--calibrate: %s: expected a text encoder and a diffusion model", c->pipeline);
    if (!lrt_vocab_open(c->vocab, c->vocab_bytes, &l->vocab, &e))
        err("%s", e.text);
    l->text = instance(l, l->l->text_encoder);
    l->model = instance(l, l->l->diffusion_model);
    l->points->guided = l->l->batched_guidance;
    l->points->batch = l->points->guided ? 2 : 1;
    set_inputs(l);
}

static void close_loop(Loop *l)
{
    lrt_instance_free(l->text);
    lrt_instance_free(l->model);
    engine_free(l->engine);
    build_close(&l->build);
}

/* The contexts of the prompt and, in the second half of a guided batch, of the empty one. */
static void encode(Loop *l, const char *prompt)
{
    const char *texts[] = {prompt, ""};
    int32_t *ids = xcalloc((size_t)l->l->max_text_length, sizeof *ids);
    lrt_error e;
    for (int i = 0; i < l->points->batch; i++) {
        lrt_tokens all = {0};
        if (!lrt_prompt_ids(&l->vocab, l->l, texts[i], &all, ids, &e) ||
            !lrt_text_context(l->l, l->text, ids, l->contexts + i * lrt_context_values(l->l), &e))
            err("%s", e.text);
        free(all.ids);
    }
    free(ids);
}

static bool all_finite(const float *x, int64_t n)
{
    while (n && isfinite(x[n - 1]))
        n--;
    return !n;
}

/* Copies what the last call read and made. */
static void add_point(Loop *l, const lrt_denoiser *d, int k)
{
    const lrt_stage *s = lrt_instance_stage(l->model);
    Points *p = l->points;
    if (!all_finite(d->predicted, p->values))
        err("--calibrate: step %d: the model's result in f32 has numbers that are not finite",
            k + 1);
    GROW(p->list, p->n, p->cap);
    Point *x = &p->list[p->n++];
    x->inputs = arena_alloc(p->arena, (size_t)p->n_inputs * sizeof *x->inputs);
    for (int i = 0; i < p->n_inputs; i++) {
        size_t bytes = (size_t)io_values(&s->inputs[i]) * sizeof(float);
        const float *from = l->inputs[i];
        if (i == lrt_stage_input(s, "latent"))
            from = d->x;
        if (i == lrt_stage_input(s, "timestep_embedding"))
            from = d->embeddings + (int64_t)k * d->embedding_width;
        x->inputs[i] = memcpy(arena_alloc(p->arena, bytes), from, bytes);
    }
    size_t bytes = (size_t)p->values * sizeof(float);
    x->output = memcpy(arena_alloc(p->arena, bytes), d->predicted, bytes);
}

static lrt_sampling plan(const Loop *l, const lrt_schedule *schedule, int64_t n)
{
    lrt_error e;
    lrt_sampling s = {.sampler = lrt_sampler_find("ddim"),
                      .schedule = schedule,
                      .config = l->l->schedule,
                      .steps = STEPS,
                      .alpha = NAN,
                      .n = n};
    s.config.sigmas = LRT_SIGMAS_TIMESTEPS;
    if (!lrt_sampling_plan(&s, &e))
        err("--calibrate: %s", e.text);
    return s;
}

/* The model and the buffers of a loop, guided where the batch is. */
static lrt_denoiser denoiser(const Loop *l, Arena *a, const lrt_sampling *sampling)
{
    const lrt_stage *s = lrt_instance_stage(l->model);
    int64_t n = sampling->n, latents = io_values(&s->inputs[lrt_stage_input(s, "latent")]);
    int width = l->l->time_width;
    float *embeddings = zeros(a, (int64_t)sampling->calls * width);
    for (int k = 0; k < sampling->calls; k++)
        lrt_timestep_embedding(sampling->point[k].t, embeddings + (int64_t)k * width, width);
    lrt_denoiser d = {.model = {l->model, l->model}, .models = 1, .single = !l->points->guided};
    d.n = n;
    d.copies = latents / n;
    d.x = zeros(a, latents);
    d.predicted = zeros(a, l->points->values);
    d.guided = zeros(a, n);
    d.embeddings = embeddings;
    d.embedding_width = width;
    d.guidance = (lrt_guidance){.scale = l->l->cfg_scale, .stop = 1};
    return d;
}

/* Noise of that seed, as a loop begins with it. */
static void set_start(Arena *a, lrt_sampling *s, int seed)
{
    lrt_noise noise;
    float *start = zeros(a, 2 * s->n);
    lrt_noise_seed(&noise, &lrt_rngs[0], (uint64_t)seed);
    lrt_noise_latent(&noise, start, s->n);
    for (int64_t i = 0; i < s->n; i++)
        start[i] = (float)(start[i] * s->start);
    lrt_sampling_set(s, start);
}

static void run_prompt(Loop *l, const lrt_schedule *schedule, const char *prompt, int seed)
{
    Arena *a = arena_new();
    lrt_error e;
    lrt_sampling s = plan(l, schedule, l->points->values / l->points->batch);
    lrt_denoiser d = denoiser(l, a, &s);
    encode(l, prompt);
    set_start(a, &s, seed);
    lrt_run_prompt(l->model);
    if (lrt_run_time(l->model, d.embeddings, s.calls, d.embedding_width))
        err("out of memory");
    for (int k = 0; k < s.calls; k++) {
        if (!lrt_denoise_call(&d, &s, k, &e))
            err("%s", e.text);
        add_point(l, &d, k);
    }
    lrt_sampling_free(&s);
    arena_free(a);
}

Points points_record(const Calibration *c, char **prompts, int n)
{
    Points p = {.arena = arena_new()};
    Loop *l = xcalloc(1, sizeof *l);
    lrt_schedule schedule;
    l->points = &p;
    open_loop(l, c);
    if (!lrt_schedule_init(&schedule, &l->l->schedule))
        err("out of memory");
    for (int i = 0; i < n; i++) {
        run_prompt(l, &schedule, prompts[i], i);
        if (!c->quiet)
            note("calibration: %d calls of the model in f32, prompt %d of %d", p.n, i + 1, n);
    }
    lrt_schedule_free(&schedule);
    close_loop(l);
    free(l);
    return p;
}

double points_error(const Points *p, const lrt_stage *stage, const void *weights)
{
    const char *failed = NULL;
    lrt_instance *x = lrt_instance_new(stage, weights, 0, &failed);
    float *out = xcalloc((size_t)p->values, sizeof *out);
    double error = 0, size = 0;
    if (!x)
        err("%s", failed);
    lrt_set_output(x, 0, out);
    for (int k = 0; k < p->n; k++) {
        const Point *at = &p->list[k];
        for (int i = 0; i < p->n_inputs; i++)
            lrt_set_input(x, (uint32_t)i, at->inputs[i]);
        lrt_run_all(x);
        for (int64_t i = 0; i < p->values; i++) {
            double d = (double)out[i] - at->output[i];
            error += d * d;
            size += (double)at->output[i] * at->output[i];
        }
    }
    lrt_instance_free(x);
    free(out);
    return sqrt(error / size);
}

void points_free(Points *p)
{
    arena_free(p->arena);
    free(p->list);
}
