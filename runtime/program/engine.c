/* See engine.h. */
#include "engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t io_count(const lrt_io *io)
{
    int64_t n = 1;
    for (uint32_t i = 0; i < io->rank; i++)
        n *= io->dim[i];
    return n;
}

static const lrt_stage *stage_of(const lrt_engine *g, int32_t index)
{
    return g->pipeline->program->stages[index];
}

static const lrt_stage *model_stage(const lrt_engine *g)
{
    return stage_of(g, g->pipeline->diffusion_model);
}

static lrt_instance *open_stage(const lrt_engine *g, int32_t index, lrt_error *e)
{
    const lrt_stage *s = stage_of(g, index);
    const char *why, *weights = g->weights->section[LRT_SECTION_WEIGHTS];
    lrt_profile_begin(g->loop.profile, "memory", 0, NULL, 0);
    if (g->weights->unchecked) /* later, every page has been read */
        lrt_container_prepare(g->weights, s->weights_offset, s->weights_bytes);
    lrt_instance *x = lrt_instance_in(g->workspace, s, weights + s->weights_offset, g->threads,
                                      &why);
    lrt_profile_end(g->loop.profile);
    if (!x)
        lrt_fail(e, "%s: %s", s->name, why);
    return x;
}

/* The stage that decodes a finished latent, or a preview: with TAESD where it is there. */
static int32_t decoder_of(const lrt_engine *g, bool preview)
{
    const lrt_pipeline *p = g->pipeline;
    return p->decoder < 0 || (p->tiny_decoder >= 0 && (g->tiny || preview)) ? p->tiny_decoder
                                                                            : p->decoder;
}

/* The stage that encodes an init image: TAESD's goes with its decoder. */
static int32_t encoder_of(const lrt_engine *g)
{
    const lrt_pipeline *p = g->pipeline;
    bool tiny = p->tiny_image_encoder >= 0 && (g->tiny || p->image_encoder < 0);
    return tiny ? p->tiny_image_encoder : p->image_encoder;
}

/* Numbers that an image encoder gives for a latent number: 2, mean and variance; 1, the latent. */
static int64_t moments_of(const lrt_pipeline *p, int32_t encoder)
{
    return encoder == p->image_encoder && p->latent_scale > 0 ? 2 : 1;
}

static bool check_autoencoders(const lrt_engine *g, int64_t latent, lrt_error *e)
{
    const lrt_pipeline *p = g->pipeline;
    const int32_t decoders[] = {p->decoder, p->tiny_decoder},
                  encoders[] = {p->image_encoder, p->tiny_image_encoder};
    for (int i = 0; i < 2; i++) {
        if (decoders[i] >= 0) {
            const lrt_stage *s = stage_of(g, decoders[i]);
            int in = lrt_stage_input(s, "latent");
            if (in < 0 || io_count(&s->inputs[in]) != latent)
                return lrt_fail(e, "the diffusion model's latent does not fit the decoder");
        }
        if (encoders[i] >= 0) {
            const lrt_stage *s = stage_of(g, encoders[i]);
            if (lrt_stage_input(s, "image") != 0 ||
                io_count(&s->outputs[0]) != latent * moments_of(p, encoders[i]))
                return lrt_fail(e, "the image encoder does not fit the diffusion model");
        }
    }
    return true;
}

/* The stages must have the inputs that the loop sets. If not, the compiler has a bug; this reports
 * it instead of a crash. */
static bool check_stages(const lrt_engine *g, lrt_error *e)
{
    const lrt_pipeline *p = g->pipeline;
    if (p->text_encoder < 0 || p->diffusion_model < 0 || (p->decoder < 0 && p->tiny_decoder < 0))
        return lrt_fail(e, "this program lacks a text encoder, a diffusion model or a decoder");
    const lrt_stage *text = stage_of(g, p->text_encoder), *model = model_stage(g);
    int latent = lrt_stage_input(model, "latent"), context = lrt_stage_input(model, "context");
    if (lrt_stage_input(text, "tokens") < 0 || lrt_stage_input(text, "positions") < 0 ||
        latent < 0 || context < 0 || lrt_stage_input(model, "timestep_embedding") < 0)
        return lrt_fail(e, "a stage of this program lacks an input that the loop sets");
    const lrt_io *out = &text->outputs[0], *in = &model->inputs[context];
    if (io_count(out) / out->dim[0] != io_count(in) / in->dim[0])
        return lrt_fail(e, "the text encoder's output does not fit the diffusion model's context");
    int mask = lrt_model_input(model, LRT_INPUT_mask_latent);
    if ((mask >= 0) != p->masks ||
        (p->masks && io_count(&model->inputs[mask]) * 4 != io_count(&model->inputs[latent]) * 5))
        return lrt_fail(e, "the diffusion model's mask_latent does not fit its latent");
    return check_autoencoders(g, io_count(&model->inputs[latent]), e);
}

/* The stages of the pipeline run one at a time, so they share their working memory: its pages come
 * from the system once, and the largest stage decides how much it is. */
static lrt_workspace *new_workspace(const lrt_engine *g)
{
    const lrt_pipeline *p = g->pipeline;
    const int32_t all[] = {p->text_encoder,  p->diffusion_model, p->decoder,
                           p->image_encoder, p->tiny_decoder,    p->tiny_image_encoder};
    const lrt_stage *stages[sizeof all / sizeof *all];
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] >= 0)
            stages[n++] = stage_of(g, all[i]);
    return lrt_workspace_new(stages, n, g->threads);
}

bool lrt_engine_init(lrt_engine *g, const lrt_pipeline *p, const lrt_container *weights,
                     int threads, lrt_error *e)
{
    *g = (lrt_engine){.pipeline = p, .weights = weights, .threads = threads, .loop = {.copies = 1}};
    if (!check_stages(g, e))
        return false;
    const lrt_stage *model = model_stage(g);
    const lrt_io *latent = &model->inputs[lrt_stage_input(model, "latent")],
                 *context = &model->inputs[lrt_stage_input(model, "context")];
    g->latent_h = latent->dim[1];
    g->latent_w = latent->dim[2];
    g->loop.n = io_count(latent);
    size_t n = (size_t)g->loop.n, pixels = (size_t)p->height * (size_t)p->width;
    g->context = calloc(2 * (size_t)(io_count(context) / context->dim[0]), sizeof(float));
    g->loop.predicted = calloc(2 * n, sizeof(float));
    g->loop.x = calloc(n, sizeof(float));
    g->loop.x0 = calloc(n, sizeof(float));
    g->loop.guided = calloc(n, sizeof(float));
    g->picture = calloc(pixels * 3, sizeof(float));
    g->rgb = calloc(pixels, 3);
    g->workspace = new_workspace(g);
    bool inputs = lrt_model_inputs_init(&g->inputs, model);
    if (!g->workspace || !inputs || !g->context || !g->loop.predicted || !g->loop.x ||
        !g->loop.x0 || !g->loop.guided || !g->picture || !g->rgb) {
        lrt_engine_free(g);
        return lrt_fail(e, "out of memory");
    }
    return true;
}

void lrt_engine_free(lrt_engine *g)
{
    lrt_instance_free(g->loop.model[0]);
    lrt_instance_free(g->loop.model[1]);
    float *arrays[] = {g->context,     g->loop.predicted, g->loop.x, g->loop.x0,
                       g->loop.guided, g->embeddings,     g->picture};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        free(arrays[i]);
    lrt_model_inputs_free(&g->inputs);
    for (size_t i = 0; i < g->n_encoded; i++) {
        free(g->encoded[i].ids);
        free(g->encoded[i].context);
    }
    lrt_workspace_free(g->workspace);
    free(g->encoded);
    free(g->rgb);
    *g = (lrt_engine){0};
}

/* How many contexts are cached: 64 MB of them, at least two. */
static size_t most_encoded(const lrt_engine *g, int64_t values)
{
    size_t n = ((size_t)64 << 20) / ((size_t)values * sizeof *g->context);
    return n < 2 ? 2 : n;
}

/* The context of these ids, if they are the empty prompt or in the cache; else NULL. */
static const float *find_encoded(const lrt_engine *g, const int32_t *ids)
{
    size_t length = (size_t)g->pipeline->max_text_length, bytes = length * sizeof *ids;
    const int32_t *empty = g->empty ? (const int32_t *)(g->empty + 1) : NULL;
    if (empty && !memcmp(empty, ids, bytes))
        return (const float *)(empty + length);
    for (size_t i = 0; i < g->n_encoded; i++)
        if (!memcmp(g->encoded[i].ids, ids, bytes))
            return g->encoded[i].context;
    return NULL;
}

static bool cache_encoded(lrt_engine *g, const int32_t *ids, const float *context, int64_t values,
                          lrt_error *e)
{
    size_t length = (size_t)g->pipeline->max_text_length, most = most_encoded(g, values);
    if (!g->encoded && !(g->encoded = calloc(most, sizeof *g->encoded)))
        return lrt_fail(e, "out of memory");
    size_t i = g->next_encoded;
    if (i == g->n_encoded) {
        g->encoded[i].ids = malloc(length * sizeof *ids);
        g->encoded[i].context = malloc((size_t)values * sizeof *context);
        if (!g->encoded[i].ids || !g->encoded[i].context) {
            free(g->encoded[i].ids);
            free(g->encoded[i].context);
            return lrt_fail(e, "out of memory");
        }
        g->n_encoded++;
    }
    memcpy(g->encoded[i].ids, ids, length * sizeof *ids);
    memcpy(g->encoded[i].context, context, (size_t)values * sizeof *context);
    g->next_encoded = (i + 1) % most;
    return true;
}

/* Runs the text encoder on one prompt, into out. */
static bool run_encoder(lrt_engine *g, const int32_t *ids, float *out, lrt_error *e)
{
    const lrt_pipeline *p = g->pipeline;
    lrt_instance *x = open_stage(g, p->text_encoder, e);
    if (!x)
        return false;
    lrt_profile_begin(g->loop.profile, "text encoder", 0, x, 1);
    bool ok = lrt_text_context(p, x, ids, out, e);
    lrt_profile_end(g->loop.profile);
    lrt_instance_free(x);
    return ok;
}

/* The contexts of n prompts, from the cache where they are there. */
static bool encode_text(lrt_engine *g, const int32_t *ids, int64_t n, lrt_error *e)
{
    int64_t values = lrt_context_values(g->pipeline), length = g->pipeline->max_text_length;
    for (int64_t i = 0; i < n; i++) {
        float *out = g->context + i * values;
        const float *cached = find_encoded(g, ids + i * length);
        if (cached)
            memcpy(out, cached, (size_t)values * sizeof *out);
        else if (!run_encoder(g, ids + i * length, out, e) ||
                 !cache_encoded(g, ids + i * length, out, values, e))
            return false;
    }
    return true;
}

bool lrt_engine_encode(lrt_engine *g, const int32_t *ids, bool guided, double scale, lrt_error *e)
{
    int64_t length = g->pipeline->max_text_length;
    g->loop.single = !guided || !memcmp(ids, ids + length, (size_t)length * sizeof *ids);
    bool half = g->loop.halves && !g->loop.single, alone = half || g->loop.single;
    if (half && g->loop.halves->half) /* the negative prompt is its first batch element */
        ids += length;
    if (!encode_text(g, ids, alone ? 1 : 2, e))
        return false;
    const lrt_stage *s = model_stage(g);
    int context = lrt_stage_input(s, "context");
    int64_t one = io_count(&s->inputs[context]) / s->inputs[context].dim[0];
    if (alone) /* a model that is compiled for two contexts reads both */
        memcpy(g->context + one, g->context, (size_t)one * sizeof *g->context);
    lrt_model_inputs_guide(&g->inputs, s, scale);
    g->loop.models = alone || g->pipeline->batched_guidance ? 1 : 2;
    for (int i = 0; i < g->loop.models; i++) {
        if (!g->loop.model[i] &&
            !(g->loop.model[i] = open_stage(g, g->pipeline->diffusion_model, e)))
            return false;
        lrt_set_input(g->loop.model[i], (uint32_t)context, g->context + i * one);
        lrt_model_inputs_set(&g->inputs, g->loop.model[i]);
        lrt_set_single(g->loop.model[i], alone);
        lrt_profile_begin(g->loop.profile, "prompt", 0, g->loop.model[i], 1);
        lrt_run_prompt(g->loop.model[i]);
        lrt_profile_end(g->loop.profile);
    }
    return true;
}

/* The embeddings of all timesteps, and the results of the time plan, all at once. */
static bool prepare_time(lrt_engine *g, const lrt_sampling *s, lrt_error *e)
{
    int width = g->pipeline->time_width;
    float *embeddings = realloc(g->embeddings,
                                (size_t)s->calls * (size_t)width * sizeof *embeddings);
    if (!embeddings)
        return lrt_fail(e, "out of memory");
    g->embeddings = embeddings;
    g->loop.embeddings = embeddings;
    g->loop.embedding_width = width;
    for (int k = 0; k < s->calls; k++)
        lrt_timestep_embedding(s->point[k].t, g->embeddings + (int64_t)k * width, width);
    for (int i = 0; i < g->loop.models; i++) {
        lrt_profile_begin(g->loop.profile, "timesteps", 0, g->loop.model[i], (size_t)s->calls);
        if (lrt_run_time(g->loop.model[i], g->embeddings, s->calls, width))
            return lrt_fail(e, "out of memory");
        lrt_profile_end(g->loop.profile);
    }
    return true;
}

bool lrt_engine_denoise(lrt_engine *g, lrt_sampling *s, float *x, lrt_error *e)
{
    bool ok = prepare_time(g, s, e);
    for (int i = 0; i < 2 && g->loop.model[i]; i++)
        lrt_forget_step(g->loop.model[i]); /* of the picture before */
    g->loop.cached = 0;
    lrt_sampling_set(s, x);
    for (int k = 0; k < s->calls && ok; k++)
        ok = lrt_denoise_call(&g->loop, s, k, e);
    lrt_sampling_get(s, x);
    for (int64_t i = 0; i < g->loop.n && ok; i++)
        if (!isfinite(x[i]))
            ok = lrt_fail(
                e, "the loop produced numbers that are not finite: a lower --cfg-scale may help");
    return ok;
}

/* The init image, or its masked form, into `into`. */
static bool encode_picture(lrt_engine *g, bool masked, lrt_encoding *into, lrt_error *e)
{
    int32_t encoder = encoder_of(g);
    if (into->encoded && into->encoder == encoder)
        return true;
    int64_t said = g->loop.n * moments_of(g->pipeline, encoder);
    free(into->moments);
    into->moments = said > g->loop.n ? malloc((size_t)said * sizeof *into->moments) : NULL;
    if (said > g->loop.n && !into->moments)
        return lrt_fail(e, "out of memory");
    float *out = into->moments ? into->moments : into->latent;
    lrt_instance *x = open_stage(g, encoder, e);
    if (!x)
        return false;
    lrt_init_image_pixels(g->loop.init_image, masked, g->picture);
    lrt_set_input(x, 0, g->picture);
    lrt_set_output(x, 0, out);
    lrt_profile_begin(g->loop.profile, "image encoder", 0, x, 1);
    lrt_run_all(x);
    lrt_profile_end(g->loop.profile);
    lrt_instance_free(x);
    for (int64_t i = 0; i < said; i++)
        if (!isfinite(out[i]))
            return lrt_fail(e, "the image encoder's latent has values that are not finite");
    into->encoded = true;
    into->encoder = encoder;
    return true;
}

bool lrt_engine_encode_init_image(lrt_engine *g, lrt_error *e)
{
    lrt_init_image *k = g->loop.init_image;
    if (!k)
        return true;
    bool whole = !(k->conditions && k->pure);
    return (!whole || encode_picture(g, false, &k->whole, e)) &&
           (!k->conditions || encode_picture(g, true, &k->masked, e));
}

/* g->picture -> g->rgb. nearest: rounded, else cut off. */
static bool to_bytes(lrt_engine *g, bool nearest, lrt_error *e)
{
    const lrt_pipeline *p = g->pipeline;
    int64_t values = (int64_t)p->height * p->width * 3;
    for (int64_t i = 0; i < values; i++) {
        float v = (g->picture[i] + 1.0f) / 2.0f * 255.0f;
        if (!(v == v))
            return lrt_fail(e, "the decoder's picture has values that are not numbers");
        v = nearest ? rintf(v) : v;
        g->rgb[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
    return true;
}

/* decoder: the stage. */
static bool decode(lrt_engine *g, int32_t decoder, const float *x, lrt_error *e)
{
    lrt_instance *d = open_stage(g, decoder, e);
    if (!d)
        return false;
    lrt_set_input(d, (uint32_t)lrt_stage_input(stage_of(g, decoder), "latent"), x);
    lrt_set_output(d, 0, g->picture);
    lrt_profile_begin(g->loop.profile, "decoder", 0, d, 1);
    lrt_run_all(d);
    lrt_profile_end(g->loop.profile);
    lrt_profile_begin(g->loop.profile, "pixels", 0, NULL, 0);
    lrt_instance_free(d);
    /* Pictures of TAESD are rounded as in diffusers, whatever the model's own decoder does. */
    bool ok = to_bytes(g, g->pipeline->round_nearest || decoder == g->pipeline->tiny_decoder, e);
    if (ok && g->loop.init_image)
        lrt_init_image_restore_pixels(g->loop.init_image, g->rgb);
    lrt_profile_end(g->loop.profile);
    return ok;
}

bool lrt_engine_decode(lrt_engine *g, const float *x, lrt_error *e)
{
    return decode(g, decoder_of(g, false), x, e);
}

bool lrt_engine_preview(lrt_engine *g, const float *x, lrt_error *e)
{
    return decode(g, decoder_of(g, true), x, e);
}
