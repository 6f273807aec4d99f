/* See session.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* vasprintf */
#endif
#include "session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guidance.h"
#include "progress.h"
#include "shell_word.h"
#include "tensors.h"
#include "threads.h"
#include "utf8.h"

static char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *text(const char *fmt, ...)
{
    char *s;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&s, fmt, ap);
    va_end(ap);
    return n < 0 ? NULL : s;
}

/* The file of packed weights: the given one, else the one that the pipeline names, in the program's
 * folder. */
static bool find_weights_file(lrt_session *s, const char *program, const char *given, lrt_error *e)
{
    const char *name = s->pipeline->weights_file, *options = s->pipeline->program->options;
    char *own = given ? NULL : realpath(program, NULL), *slash = own ? strrchr(own, '/') : NULL;
    s->weights_path = given   ? strdup(given)
                      : slash ? text("%.*s/%s", (int)(slash - own), own, name)
                              : strdup(name);
    free(own);
    s->weights_what = s->weights_path ? text("the weights file %.300s", s->weights_path) : NULL;
    char *out = lrt_shell_word(name ? name : "FILE");
    s->weights_remedy = text(
        "expected what 'latentc weights convert SPEC PIPELINE.json --to packed -o %s %s' makes%s%s",
        out ? out : "FILE", options ? options : "",
        given ? "" : "; if it is elsewhere: ", given ? "" : s->elsewhere);
    free(out);
    return (s->weights_path && s->weights_what && s->weights_remedy) ||
           lrt_fail(e, "out of memory");
}

static bool open_files(lrt_session *s, const char *program, const char *weights, unsigned sections,
                       lrt_error *e)
{
    const lrt_program *c = s->pipeline->program;
    const lrt_container_file own = {program, "the program file", NULL, c->layout_hash,
                                    s->code_checked};
    unsigned context = sections & LRT_MAP_WEIGHTS ? LRT_MAP_CONTEXT : 0;
    if (!weights && !s->pipeline->weights_file)
        return lrt_container_open(&own, sections | context, LRT_MAP_WEIGHTS, &s->container, e);
    if (!find_weights_file(s, program, weights, e))
        return false;
    const lrt_container_file file = {s->weights_path, s->weights_what, s->weights_remedy,
                                     c->layout_hash, false};
    bool there = lrt_container_open(&file, sections, LRT_MAP_WEIGHTS, &s->container, e);
    if (!there && sections != LRT_MAP_VOCAB) /* tokens can be printed without weights */
        return false;
    unsigned vocab = s->container.section[LRT_SECTION_VOCAB] ? 0 : sections & LRT_MAP_VOCAB;
    bool opened = !(vocab | context) || lrt_container_open(&own, vocab | context, 0, &s->own, e);
    if (opened || !vocab) /* an archive is linked into a program that is no container */
        return true;
    lrt_error why = *e;
    return lrt_fail(e, "%s; %s has no vocabulary either; %s", why.text, s->weights_what,
                    s->weights_remedy);
}

/* The vocabulary in the section of one of the files. */
static bool open_vocab(lrt_session *s, unsigned sections, lrt_error *e)
{
    const lrt_container *from = s->container.section[LRT_SECTION_VOCAB] ? &s->container : &s->own;
    return !(sections & LRT_MAP_VOCAB) ||
           lrt_vocab_open(from->section[LRT_SECTION_VOCAB],
                          from->footer.sections[LRT_SECTION_VOCAB].bytes, &s->vocab, e);
}

bool lrt_session_open(lrt_session *s, const char *program, const char *weights, unsigned sections,
                      lrt_error *e)
{
    const lrt_program *c = s->pipeline->program;
    if (sections & LRT_MAP_WEIGHTS && (!lrt_cpu_check(c->cpu, e) || !lrt_cpu_enable(c->cpu, e)))
        return false;
    lrt_profile_begin(s->profile, "threads", 0, NULL, 0);
    s->set.threads = lrt_threads(s->set.threads, &s->fewer_threads);
    lrt_profile_threads(s->profile, (int)s->set.threads);
    lrt_profile_end(s->profile);
    lrt_profile_begin(s->profile, "files", 0, NULL, 0);
    bool ok = open_files(s, program, weights, sections, e) && open_vocab(s, sections, e);
    lrt_profile_end(s->profile);
    return ok;
}

/* Frees what depends on the size of the picture. */
static void free_sized(lrt_session *s)
{
    lrt_sampling_free(&s->sampling);
    lrt_schedule_free(&s->schedule);
    lrt_init_image_free(&s->init_image);
    lrt_engine_free(&s->engine);
    free(s->encoded);
    free(s->x);
    s->encoded = NULL;
    s->x = NULL;
}

void lrt_session_close(lrt_session *s)
{
    free_sized(s);
    lrt_container_close(&s->container);
    lrt_container_close(&s->own);
    free(s->weights_path);
    free(s->weights_what);
    free(s->weights_remedy);
    free(s->ids);
    free(s->notice);
    *s = (lrt_session){0};
}

static void put_brief(FILE *notice, const char *text)
{
    lrt_brief_text brief;
    lrt_brief(&brief, text);
    lrt_put_plain(notice, brief.text, strlen(brief.text));
}

/* The text of the tokens from `first` on, its beginning. A character may be spread over several of
 * them. */
static void put_cut(const lrt_session *s, const lrt_tokens *t, size_t first, FILE *notice)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);
    if (!f)
        return;
    for (size_t i = first; i + 1 < t->n; i++) {
        size_t n;
        const char *token = lrt_token_text(&s->vocab, t->ids[i], &n);
        fwrite(token, 1, n, f);
    }
    if (!fclose(f))
        put_brief(notice, text);
    fputc('\n', notice);
    free(text);
}

/* The ids of a prompt, (max_text_length): cut, with a line in the notice, or padded. what: its name
 * in messages. */
static bool fill_ids(const lrt_session *s, const char *what, const char *prompt, int32_t *ids,
                     FILE *notice, lrt_error *e)
{
    lrt_tokens t = {0};
    lrt_error why;
    size_t length = (size_t)s->pipeline->max_text_length;
    bool ok = lrt_prompt_ids(&s->vocab, s->pipeline, prompt, &t, ids, &why) ||
              lrt_fail(e, "%s: %s", what, why.text);
    if (ok && t.n > length) {
        fprintf(notice, "the %s has %zu tokens, %zu more than fit; cut: ", what, t.n, t.n - length);
        put_cut(s, &t, length - 1, notice);
    }
    free(t.ids);
    return ok;
}

static size_t ids_bytes(const lrt_session *s)
{
    return 2 * (size_t)s->pipeline->max_text_length * sizeof *s->ids;
}

static void choose_size(lrt_session *s)
{
    const lrt_size *z = &s->set.size;
    if (s->pipeline == &s->sized && z->width == s->sized.width && z->height == s->sized.height)
        return;
    free_sized(s);
    lrt_pipeline p = *s->pipeline;
    p.width = z->width;
    p.height = z->height;
    p.diffusion_model = z->diffusion_model;
    p.decoder = z->decoder;
    p.image_encoder = z->image_encoder;
    p.tiny_decoder = z->tiny_decoder;
    p.tiny_image_encoder = z->tiny_image_encoder;
    s->sized = p;
    s->pipeline = &s->sized;
}

static bool read_pictures(lrt_session *s, FILE *notice, lrt_error *e)
{
    const lrt_pipeline *p = s->pipeline;
    if (s->set.init_img && p->image_encoder < 0 && p->tiny_image_encoder < 0)
        return lrt_fail(e, "--init-img: this program was built without an image encoder");
    int32_t decoder = p->decoder < 0 ? p->tiny_decoder : p->decoder;
    const lrt_io *latent = &p->program->stages[decoder]->inputs[0];
    const lrt_init_image_size size = {p->width, p->height, (int)latent->dim[2],
                                      (int)latent->dim[1]};
    return lrt_init_image_read(&s->init_image, s->set.init_img, s->set.mask, &size, notice, e);
}

/* Where the model takes the scale as an input, no step is guided. */
static lrt_guidance guidance_of(const lrt_session *s)
{
    const lrt_settings *set = &s->set;
    double scale = lrt_takes_guidance(s->pipeline) ? 1 : set->cfg_scale;
    return (lrt_guidance){scale, set->guidance_rescale, set->guidance_start, set->guidance_stop};
}

/* A negative prompt that no step uses. */
static void note_unguided(const lrt_session *s, FILE *notice)
{
    lrt_guidance g = guidance_of(s);
    int steps = lrt_settings_steps(&s->set);
    if (!*s->set.negative || lrt_guides_any(&g, steps))
        return;
    fputs("the negative prompt is not used: ", notice);
    if (lrt_takes_guidance(s->pipeline))
        fputs("this model takes --cfg-scale as an input, and has no half without the prompt\n",
              notice);
    else if (!lrt_guides(g.scale))
        fprintf(notice, "--cfg-scale %g is no guidance, which begins above 1\n", g.scale);
    else
        fprintf(notice,
                "from --guidance-start %g to --guidance-stop %g there is none of %d steps\n",
                g.start, g.stop, steps);
}

bool lrt_session_read(lrt_session *s, lrt_error *e)
{
    choose_size(s);
    free(s->notice);
    s->notice = NULL;
    size_t bytes;
    if (!s->ids && !(s->ids = malloc(ids_bytes(s))))
        return lrt_fail(e, "out of memory");
    FILE *notice = open_memstream(&s->notice, &bytes);
    if (!notice)
        return lrt_fail(e, "out of memory");
    note_unguided(s, notice);
    lrt_profile_begin(s->profile, "tokens", 0, NULL, 0);
    int32_t *negative = s->ids + s->pipeline->max_text_length;
    bool ok = fill_ids(s, "negative prompt", s->set.negative, negative, notice, e) &&
              fill_ids(s, "prompt", s->set.prompt, s->ids, notice, e);
    lrt_profile_end(s->profile);
    ok = ok && read_pictures(s, notice, e);
    if (fclose(notice))
        ok = ok && lrt_fail(e, "out of memory");
    return ok;
}

/* The context of the empty prompt, where the program has it and it was computed with these weights.
 */
static const lrt_empty_context *empty_context(const lrt_session *s)
{
    const lrt_container *files[] = {&s->container, &s->own};
    uint64_t weights_hash = s->container.footer.sections[LRT_SECTION_WEIGHTS].hash;
    for (int i = 0; i < 2; i++) {
        const void *section = files[i]->section[LRT_SECTION_CONTEXT];
        if (section &&
            lrt_empty_context_fits(section, files[i]->footer.sections[LRT_SECTION_CONTEXT].bytes,
                                   s->pipeline, weights_hash))
            return section;
    }
    return NULL;
}

/* What does not depend on the settings. */
static bool prepare_once(lrt_session *s, lrt_error *e)
{
    const lrt_pipeline *p = s->pipeline;
    if (s->x)
        return true;
    if (!lrt_engine_init(&s->engine, p, &s->container, (int)s->set.threads, e))
        return false;
    s->engine.loop.profile = s->profile;
    s->engine.loop.halves = s->halves;
    s->engine.empty = empty_context(s);
    if (!lrt_schedule_init(&s->schedule, &p->schedule) || !(s->encoded = malloc(ids_bytes(s))) ||
        !(s->x = calloc((size_t)s->engine.loop.n, sizeof *s->x)))
        return lrt_fail(e, "out of memory");
    memset(s->encoded, 0xff, ids_bytes(s)); /* no token */
    return true;
}

/* The steps of the settings, and how many of them run. */
static bool plan_steps(lrt_session *s, lrt_error *e)
{
    int steps = (int)s->set.steps;
    s->left = lrt_settings_steps(&s->set);
    lrt_sampling_free(&s->sampling);
    s->sampling = (lrt_sampling){.sampler = s->set.sampler,
                                 .schedule = &s->schedule,
                                 .config = s->set.schedule,
                                 .steps = steps,
                                 .first = s->left ? steps - s->left
                                                  : 0, /* without a step there is nothing to plan */
                                 .alpha = s->set.alpha,
                                 .eta = s->set.eta,
                                 .cache_interval = (int)s->set.cache_interval,
                                 .n = s->engine.loop.n};
    return lrt_sampling_plan(&s->sampling, e);
}

/* The prompts' contexts and the prompt plan, unless they are those of the picture before. */
static bool encode_prompts(lrt_session *s, lrt_error *e)
{
    lrt_guidance guidance = guidance_of(s);
    bool guided = lrt_guides_any(&guidance, s->left);
    double scale = lrt_takes_guidance(s->pipeline) ? s->set.cfg_scale : 0;
    if (!memcmp(s->encoded, s->ids, ids_bytes(s)) && s->encoded_guided == guided &&
        s->encoded_scale == scale)
        return true;
    memset(s->encoded, 0xff, ids_bytes(s));
    if (!lrt_engine_encode(&s->engine, s->ids, guided, scale, e))
        return false;
    memcpy(s->encoded, s->ids, ids_bytes(s));
    s->encoded_guided = guided;
    s->encoded_scale = scale;
    return true;
}

bool lrt_session_prepare(lrt_session *s, lrt_error *e)
{
    lrt_profile_begin(s->profile, "buffers", 0, NULL, 0);
    bool ready = prepare_once(s, e) && plan_steps(s, e);
    lrt_profile_end(s->profile);
    if (!ready)
        return false;
    s->init_image.keep_pixels = s->set.keep_pixels;
    s->init_image.pure = s->init_image.mask && lrt_settings_strength(&s->set) == 1;
    s->init_image.conditions = s->pipeline->masks;
    s->engine.tiny = s->set.taesd;
    s->engine.loop.init_image = s->init_image.rgb ? &s->init_image : NULL;
    return lrt_engine_encode_init_image(&s->engine, e) && encode_prompts(s, e);
}

static bool read_latent(lrt_session *s, lrt_error *e)
{
    const int64_t shape[4] = {1, s->engine.latent_h, s->engine.latent_w, 4};
    lrt_tensor_file f;
    if (!lrt_tensors_read(s->set.latent_in, &f, e))
        return false;
    const lrt_tensor_spec want = {.name = "latent_in", .dtype = "F32", .rank = 4, .dim = shape};
    const lrt_tensor *t = lrt_tensors_find(&f, &want, e);
    if (t)
        memcpy(s->x, t->data, t->bytes);
    lrt_tensors_free(&f);
    for (int64_t i = 0; t && i < s->engine.loop.n; i++)
        if (s->x[i] - s->x[i] != 0)
            return lrt_fail(e, "%s: tensor 'latent_in' has values that are not finite",
                            s->set.latent_in);
    return t;
}

/* The next draw of noise, and the latent that it samples where the encoder gives moments. */
static void sample(lrt_session *s, lrt_encoding *x, float *noise)
{
    int64_t n = s->engine.loop.n;
    lrt_noise_latent(&s->noise, noise, n);
    if (x && x->moments)
        lrt_encoding_sample(x, n, s->pipeline->latent_scale, noise);
}

/* The draws of a picture, in diffusers' order: for the init image's latent, where the run needs
 * one; the noise, which goes to s->x; for the masked picture's. A model that reads no masks leaves
 * the last sample unused. */
static void draw_noise(lrt_session *s, float *noise)
{
    lrt_init_image *k = &s->init_image;
    bool whole = k->rgb && k->whole.moments && !(k->conditions && k->pure),
         masked = k->rgb && k->mask && (k->conditions ? k->masked.moments : k->whole.moments);
    if (whole)
        sample(s, &k->whole, noise);
    lrt_noise_latent(&s->noise, noise, s->engine.loop.n);
    memcpy(s->x, noise, (size_t)s->engine.loop.n * sizeof *noise);
    if (masked)
        sample(s, k->conditions ? &k->masked : NULL, noise);
}

/* --latent-in replaces the first draw of noise, so the noise of the steps is the same with it and
 * without it. */
bool lrt_session_start(lrt_session *s, uint64_t seed, lrt_error *e)
{
    lrt_init_image *k = &s->init_image;
    int64_t n = s->engine.loop.n;
    float *noise = malloc(2 * (size_t)n * sizeof *noise);
    if (!noise)
        return lrt_fail(e, "out of memory");
    lrt_noise_seed(&s->noise, s->set.rng, seed);
    draw_noise(s, noise);
    free(noise);
    if (s->set.latent_in && !read_latent(s, e))
        return false;
    if (k->rgb)
        lrt_init_image_start(k, s->left ? s->sampling.point[0].a : 1, s->x);
    if (k->conditions)
        lrt_init_image_condition(k, s->engine.inputs.data[LRT_INPUT_mask_latent]);
    bool pure = !k->rgb || k->pure;
    for (int64_t i = 0; pure && s->sampling.start != 1 && i < n; i++)
        s->x[i] = (float)(s->x[i] * s->sampling.start);
    return true;
}

bool lrt_session_denoise(lrt_session *s, lrt_on_step *on_step, void *context, lrt_error *e)
{
    lrt_denoiser *loop = &s->engine.loop;
    loop->guidance = guidance_of(s);
    loop->noise = &s->noise;
    loop->on_step = on_step;
    loop->context = context;
    return s->left == 0 || lrt_engine_denoise(&s->engine, &s->sampling, s->x, e);
}
