/* See denoise.h. */
#include "denoise.h"

#include <string.h>

bool lrt_denoise_guides(const lrt_denoiser *d, const lrt_sampling *s, int k)
{
    return !d->single &&
           lrt_guides_step(&d->guidance, s->point[k].step - s->first, s->steps - s->first);
}

/* Whether call k, of the first n instances, is a short one: the sampler allows it, and all that it
 * reads is there. */
static bool is_short(const lrt_denoiser *d, const lrt_sampling *sampling, int k, int n)
{
    bool all = !lrt_sampling_full(sampling, k);
    for (int i = 0; i < n; i++)
        all = all && lrt_can_shorten(d->model[i]);
    return all;
}

/* Instance i: d->x -> its part of d->predicted. */
static void run_model(const lrt_denoiser *d, const lrt_sampling *sampling, int k, int i)
{
    lrt_instance *model = d->model[i];
    const lrt_stage *stage = lrt_instance_stage(model);
    bool time_plan = stage->time.n_steps;
    lrt_set_input(model, (uint32_t)lrt_stage_input(stage, "latent"), d->x);
    if (!time_plan && d->embeddings)
        lrt_set_input(model, (uint32_t)lrt_stage_input(stage, "timestep_embedding"),
                      d->embeddings + (int64_t)k * d->embedding_width);
    lrt_set_output(model, 0, d->predicted + i * d->n);
    lrt_profile_begin(d->profile, d->shorter ? "short step" : "step", sampling->point[k].step + 1,
                      model, 1);
    if (d->shorter)
        lrt_run_short_step(model, time_plan ? k : 0);
    else
        lrt_run_step(model, time_plan ? k : 0);
    lrt_profile_end(d->profile);
}

/* d->x -> d->predicted. */
static void predict(lrt_denoiser *d, const lrt_sampling *sampling, int k, bool guided)
{
    int n = guided ? d->models : 1;
    for (int i = 0; i < n; i++)
        lrt_set_single(d->model[i], !guided);
    d->shorter = is_short(d, sampling, k, n);
    for (int i = 0; i < n; i++)
        run_model(d, sampling, k, i);
}

/* The same by two processes. The prompt of this one's half is the first batch element, whichever
 * half that is. Calls without guidance are the first process's alone. Steps are short where they
 * are short in one process: so the bits are the same. */
static bool predict_half(lrt_denoiser *d, const lrt_sampling *sampling, int k, bool guided,
                         lrt_error *e)
{
    int half = d->halves->half;
    float *mine = d->predicted + half * d->n, *theirs = d->predicted + (1 - half) * d->n;
    bool runs = guided || !half;
    d->shorter = !lrt_sampling_full(sampling, k) && d->cached >= 1 + guided;
    d->cached = d->shorter ? d->cached : 1 + guided;
    if (runs) {
        lrt_set_single(d->model[0], 1);
        run_model(d, sampling, k, 0);
    }
    if (half && runs)
        memcpy(mine, d->predicted, (size_t)d->n * sizeof *mine);
    return d->halves->exchange(d->halves->context, runs ? mine : NULL,
                               guided || half ? theirs : NULL, d->n, e);
}

/* d->predicted -> d->guided. */
static void guide(const lrt_denoiser *d, bool guided)
{
    const float *with = d->predicted, *without = d->predicted + d->n;
    if (!guided) {
        memcpy(d->guided, with, (size_t)d->n * sizeof *d->guided);
        return;
    }
    lrt_guide(d->n, d->guidance.scale, without, with, d->guided);
    if (d->guidance.rescale > 0)
        lrt_guide_rescale(d->n, d->guidance.rescale, with, d->guided);
}

bool lrt_denoise_call(lrt_denoiser *d, lrt_sampling *s, int k, lrt_error *e)
{
    bool ok = true, guided = lrt_denoise_guides(d, s, k);
    lrt_sampling_get(s, d->x);
    for (int64_t i = 1; i < d->copies; i++)
        memcpy(d->x + i * d->n, d->x, (size_t)d->n * sizeof *d->x);
    if (!d->halves || d->single)
        predict(d, s, k, guided);
    else if (!predict_half(d, s, k, guided, e))
        return false;
    guide(d, guided);
    lrt_sampling_answer(s, k, d->guided);
    if (d->on_step && lrt_sampling_begins(s, k)) {
        for (int64_t i = 0; i < d->n; i++)
            d->x0[i] = (float)s->x0[i];
        ok = d->on_step(d->context, s, k, d->x0, e);
    }
    lrt_sampling_move(s, k, d->noise);
    if (d->init_image)
        lrt_init_image_restore_latent(d->init_image, s->point[k + 1].a, k + 1 == s->calls, s->x);
    return ok;
}
