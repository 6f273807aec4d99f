/* See settings.h. */
#include "settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "guidance.h"
#include "model_inputs.h"
#include "names.h"
#include "output.h"
#include "picture_out.h"
#include "progress.h"
#include "spacing.h"
#include "utf8.h"

const lrt_setting_traits lrt_settings_traits[LRT_SETTING_COUNT] = {
/* clang-format off */
#define HEADLINE(id, title, example) {NULL, LRT_SCOPE_RUN, LRT_RECORD_NONE, NULL},
#define SETTING(member, name, letter, kind, value, help, least, most, scope, record, key) \
    {name, LRT_SCOPE_##scope, LRT_RECORD_##record, key},
#include "settings.def"
#undef HEADLINE
#undef SETTING
    /* clang-format on */
};

/* A setting is recorded exactly when it shapes the picture; KEY rows have a key, others NULL. */
#define HEADLINE(id, title, example)
#define SETTING(member, name, letter, kind, value, help, least, most, scope, record, key)     \
    _Static_assert((LRT_SCOPE_##scope == LRT_SCOPE_PICTURE) ==                                \
                       (LRT_RECORD_##record != LRT_RECORD_NONE),                              \
                   "scope and record of " name);                                              \
    _Static_assert((LRT_RECORD_##record == LRT_RECORD_KEY) == (sizeof #key != sizeof "NULL"), \
                   "record and key of " name);
#include "settings.def"
#undef HEADLINE
#undef SETTING

int lrt_setting_find(const char *name)
{
    for (int i = 0; i < LRT_SETTING_COUNT; i++)
        if (lrt_settings_traits[i].name && !strcmp(lrt_settings_traits[i].name, name))
            return i;
    return -1;
}

static bool is_sampler(const char *name)
{
    int curve;
    return lrt_sampler_find_spaced(name, &curve) != NULL;
}

static bool is_spacing(const char *name)
{
    return lrt_spacing_find(name) >= 0 || lrt_curve_find(name) >= 0;
}

void lrt_settings_table(lrt_option t[LRT_SETTING_COUNT], lrt_settings *s, const lrt_pipeline *p)
{
    const lrt_option rows[] = {
/* clang-format off */
#define HEADLINE(id, title, example) {.help = title, .value = example},
#define SETTING(member, name, letter, kind, value, help, least, most, scope, record, key) \
    {name, letter, LRT_OPT_##kind, &s->member, value, help, least, most, NULL, false},
#include "settings.def"
#undef HEADLINE
#undef SETTING
        /* clang-format on */
    };
    memcpy(t, rows, sizeof rows);
    t[LRT_SETTING_sampler_name].takes = is_sampler;
    t[LRT_SETTING_spacing_name].takes = is_spacing;
}

bool lrt_seed_choose(lrt_seed_choice *seed)
{
    if (!seed->random)
        return false;
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = (uint32_t)(lrt_now() * 1e6);
    *seed = (lrt_seed_choice){.value = random & 0x7fffffff};
    return true;
}

void lrt_settings_default(lrt_settings *s, const lrt_pipeline *p)
{
    *s = (lrt_settings){
        .negative = "",
        .output = p->output ? p->output : "output.png",
        .sampler_name = p->sampler ? p->sampler : "ddim",
        .rng_name = "cuda",
        .steps = p->steps,
        .seed = {.value = p->seed == -1 ? 0 : (uint64_t)p->seed, .random = p->seed == -1},
        .batch_count = 1,
        .cache_interval = 1,
        .quality = 90,
        .cfg_scale = p->cfg_scale,
        .guidance_stop = 1,
        .alpha = NAN,
        .strength = NAN,
        .schedule = p->schedule};
}

/* name is none of the n names: suggests the nearest one, or lists all. Always false. */
static bool unknown_name(const char *flag, const char *name, lrt_names names, lrt_error *e)
{
    lrt_hint hint;
    char plain[64];
    snprintf(plain, sizeof plain, "%s", name);
    for (char *c = plain; *c; c++)
        *c = *c == ' ' ? '_' : *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    for (int i = LRT_SIGMAS_TIMESTEPS + 1; i < lrt_curve_count; i++) {
        size_t length = strlen(plain), k = strlen(lrt_curves[i].name);
        if (length > k && plain[length - k - 1] == '_' &&
            !strcmp(plain + length - k, lrt_curves[i].name)) /* of a sampler */
            plain[length - k - 1] = 0;
    }
    return lrt_fail(e, "--%s: unknown '%s': %s", flag, LRT_BRIEFLY(name),
                    lrt_name_hint(plain, names, &hint));
}

enum { MOST_NAMES = 32 };

bool lrt_settings_find_sampler(lrt_settings *s, lrt_error *e)
{
    s->sampler = lrt_sampler_find_spaced(s->sampler_name, &s->curve);
    return s->sampler || unknown_name("sampling-method", s->sampler_name,
                                      LRT_NAMES_OF(lrt_samplers, name, lrt_sampler_count), e);
}

static bool find_rng(lrt_settings *s, lrt_error *e)
{
    s->rng = lrt_rng_find(s->rng_name);
    return s->rng ||
           unknown_name("rng", s->rng_name, LRT_NAMES_OF(lrt_rngs, name, lrt_rng_count), e);
}

/* A curve of sigmas is not a spacing of timesteps: it is combined with the schedule's own.
 * --spacing overrules the sampler's name. */
static bool find_spacing(lrt_settings *s, const lrt_pipeline *p, lrt_error *e)
{
    const char *names[MOST_NAMES];
    int n = 0;
    s->schedule.spacing = p->schedule.spacing;
    s->schedule.sigmas = s->curve ? s->curve : p->schedule.sigmas;
    if (!s->spacing_name)
        return true;
    int curve = lrt_curve_find(s->spacing_name);
    s->schedule.sigmas = s->curve = curve < 0 ? LRT_SIGMAS_TIMESTEPS : curve;
    if (curve >= 0) {
        s->spacing_name = lrt_curves[curve].name;
        return true;
    }
    for (int i = 0; i < lrt_spacing_count && n < MOST_NAMES; i++)
        names[n++] = lrt_spacings[i].name;
    for (int i = LRT_SIGMAS_TIMESTEPS + 1; i < lrt_curve_count && n < MOST_NAMES; i++)
        names[n++] = lrt_curves[i].name;
    int row = lrt_spacing_find(s->spacing_name);
    if (row < 0)
        return unknown_name("spacing", s->spacing_name, LRT_NAMES(names, n), e);
    s->schedule.spacing = row;
    s->spacing_name = lrt_spacings[row].name;
    return true;
}

static bool find_prediction(lrt_settings *s, const lrt_pipeline *p, lrt_error *e)
{
    static const char *const names[] = {[LRT_PREDICT_EPSILON] = "epsilon", [LRT_PREDICT_V] = "v"};
    s->schedule.prediction = p->schedule.prediction;
    for (int i = 0; s->prediction_name && i < 2; i++)
        if (!strcmp(s->prediction_name, names[i])) {
            s->schedule.prediction = i;
            return true;
        }
    return !s->prediction_name ||
           unknown_name("prediction", s->prediction_name, LRT_NAMES(names, 2), e);
}

/* Finds --size among the pipeline's sizes; *e lists them. */
static bool find_size(lrt_settings *s, const lrt_pipeline *p, lrt_error *e)
{
    const lrt_size own = {p->width,         p->height,       p->diffusion_model,   p->decoder,
                          p->image_encoder, p->tiny_decoder, p->tiny_image_encoder},
                   *sizes = p->n_sizes ? p->sizes : &own;
    char list[256] = "", name[32];
    s->size = *sizes;
    for (uint32_t i = 0; s->size_name && i < (p->n_sizes ? p->n_sizes : 1); i++) {
        size_t used = strlen(list);
        snprintf(name, sizeof name, "%dx%d", sizes[i].width, sizes[i].height);
        snprintf(list + used, sizeof list - used, "%s%s",
                 !i                    ? ""
                 : i + 1 == p->n_sizes ? " or "
                                       : ", ",
                 name);
        if (!strcmp(s->size_name, name)) {
            s->size = sizes[i];
            return true;
        }
    }
    return !s->size_name ||
           lrt_fail(e, "--size: found '%s': this program draws %s", s->size_name, list);
}

/* Finds what the names stand for. The setting whose name is unknown; -1: all are found. */
static int find_rows(lrt_settings *s, const lrt_pipeline *p, lrt_error *e)
{
    return !find_size(s, p, e)                ? LRT_SETTING_size_name
           : !lrt_settings_find_sampler(s, e) ? LRT_SETTING_sampler_name
           : !find_rng(s, e)                  ? LRT_SETTING_rng_name
           : !find_spacing(s, p, e)           ? LRT_SETTING_spacing_name
           : !find_prediction(s, p, e)        ? LRT_SETTING_prediction_name
                                              : -1;
}

/* The setting that the sampler does not take; -1: it takes all. A property of the schedule that it
 * does not take is ignored, as in diffusers. */
static int check_sampler(lrt_settings *s, lrt_error *e)
{
    unsigned takes = s->sampler->traits;
    const char *name = s->sampler->name;
    if (!isnan(s->alpha) && !(takes & LRT_TAKES_ALPHA)) {
        lrt_fail(e, "--alpha goes with --sampling-method relax, not with %s", name);
        return LRT_SETTING_alpha;
    }
    if (s->eta > 0 && !(takes & LRT_TAKES_ETA)) {
        lrt_fail(e, "--eta goes with --sampling-method ddim or tcd, not with %s", name);
        return LRT_SETTING_eta;
    }
    if (s->curve ? !(takes & lrt_curves[s->curve].takes)
                 : s->spacing_name && !(takes & LRT_TAKES_SPACING)) {
        lrt_fail(e, "--spacing %s does not go with --sampling-method %s",
                 s->curve ? lrt_curves[s->curve].name : s->spacing_name, name);
        return LRT_SETTING_spacing_name;
    }
    if (!s->curve && !(takes & lrt_curves[s->schedule.sigmas].obeys))
        s->schedule.sigmas = LRT_SIGMAS_TIMESTEPS;
    if (s->schedule.zero_snr && s->schedule.prediction == LRT_PREDICT_EPSILON) {
        lrt_fail(
            e,
            "--prediction epsilon: this model's steps start from pure noise, where epsilon carries no information: expected v");
        return LRT_SETTING_prediction_name;
    }
    return -1;
}

/* The same for step caching. */
static int check_caching(const lrt_settings *s, const lrt_pipeline *p, lrt_error *e)
{
    if (s->cache_interval <= 1)
        return -1;
    if (!lrt_settings_cache_level(p))
        lrt_fail(
            e,
            "--cache-interval: this program was built without step caching: latentc build --cache on");
    else if (s->cache_interval > s->steps)
        lrt_fail(e, "--cache-interval: expected 1 to %lld, the number of steps, found %lld",
                 (long long)s->steps, (long long)s->cache_interval);
    else
        return -1;
    return LRT_SETTING_cache_interval;
}

/* The same for guidance. */
static int check_guidance(const lrt_settings *s, const lrt_pipeline *p, lrt_error *e)
{
    int given = s->guidance_start > 0     ? LRT_SETTING_guidance_start
                : s->guidance_stop < 1    ? LRT_SETTING_guidance_stop
                : s->guidance_rescale > 0 ? LRT_SETTING_guidance_rescale
                                          : -1;
    if (given >= 0 && lrt_takes_guidance(p)) {
        lrt_fail(
            e,
            "--%s does not go with this model: it takes --cfg-scale as an input, and no step has two halves",
            lrt_settings_traits[given].name);
        return given;
    }
    if (s->guidance_start <= s->guidance_stop)
        return -1;
    lrt_fail(e, "--guidance-start %g is above --guidance-stop %g: expected at most that",
             s->guidance_start, s->guidance_stop);
    return LRT_SETTING_guidance_start;
}

/* The same for init images and latents. */
static int check_inputs(const lrt_settings *s, lrt_error *e)
{
    if (!s->init_img && (s->mask || !isnan(s->strength))) {
        lrt_fail(e, "--%s needs an init image: -i FILE", s->mask ? "mask" : "strength");
        return s->mask ? LRT_SETTING_mask : LRT_SETTING_strength;
    }
    if (s->keep_pixels && !s->mask) {
        lrt_fail(e, "--keep-pixels needs a mask: --mask FILE");
        return LRT_SETTING_keep_pixels;
    }
    if (s->latent_in && s->batch_count > 1) {
        lrt_fail(e, "--latent-in gives one picture: --batch-count must be 1");
        return LRT_SETTING_latent_in;
    }
    return -1;
}

/* Which decoder draws: s->taesd says so afterwards. A program with TAESD alone has no choice. */
static int check_decoder(lrt_settings *s, const lrt_pipeline *p, lrt_error *e)
{
    if (s->taesd && p->tiny_decoder < 0 && !s->no_taesd) {
        lrt_fail(
            e,
            "--taesd: this program was built without TAESD: 'latentc build --taesd SPEC' adds it");
        return LRT_SETTING_taesd;
    }
    if (s->no_taesd && p->decoder < 0) {
        lrt_fail(e, "--no-taesd: TAESD is the only decoder of this program");
        return LRT_SETTING_no_taesd;
    }
    s->taesd = (s->taesd && !s->no_taesd) || p->decoder < 0;
    return -1;
}

int lrt_settings_unfit(lrt_settings *s, const lrt_pipeline *p, lrt_error *e)
{
    int i = find_rows(s, p, e);
    i = i < 0 ? check_decoder(s, p, e) : i;
    i = i < 0 ? check_sampler(s, e) : i;
    i = i < 0 ? check_caching(s, p, e) : i;
    i = i < 0 ? check_guidance(s, p, e) : i;
    return i < 0 ? check_inputs(s, e) : i;
}

bool lrt_settings_check(lrt_settings *s, const lrt_pipeline *p, lrt_error *e)
{
    return lrt_settings_unfit(s, p, e) < 0 &&
           (!p->masks || (s->init_img && s->mask) ||
            lrt_fail(e, "this model repaints a part of a picture: it needs the picture and a mask "
                        "of that part: -i FILE --mask FILE"));
}

double lrt_settings_strength(const lrt_settings *s)
{
    return isnan(s->strength) ? LRT_STRENGTH : s->strength;
}

bool lrt_settings_set(lrt_settings *s, const lrt_pipeline *p, const char *name, const char *value,
                      lrt_error *e)
{
    lrt_option table[LRT_SETTING_COUNT];
    int i = lrt_setting_find(name);
    lrt_settings_table(table, s, p);
    if (i >= 0 && lrt_settings_traits[i].scope != LRT_SCOPE_PICTURE)
        return lrt_fail(e, "--%s is for programs: a library cannot set it", name);
    if (i >= 0 && !value) {
        lrt_settings plain;
        lrt_option defaults[LRT_SETTING_COUNT];
        lrt_settings_default(&plain, p);
        lrt_settings_table(defaults, &plain, p);
        lrt_option_copy(&table[i], &defaults[i]);
        return find_rows(s, p, e) < 0;
    }
    return lrt_settings_assign(s, p, name, value ? value : "", e) && find_rows(s, p, e) < 0;
}

bool lrt_settings_check_output(const lrt_settings *s, lrt_error *e)
{
    lrt_picture_format format;
    bool standard = !strcmp(s->output, LRT_STANDARD_OUTPUT);
    if (standard && s->batch_count > 1)
        return lrt_fail(e, "-o -: standard output takes one picture: --batch-count must be 1");
    if (standard && s->preview_every)
        return lrt_fail(e, "-o -: standard output takes one picture: no --preview-every");
    return lrt_picture_format_of(s->output, &format, e);
}

bool lrt_settings_complete(lrt_settings *s, const lrt_pipeline *p, lrt_error *e)
{
    if (s->profile && !*s->profile)
        s->profile = "profile.json";
    bool draws = !s->print_tokens;
    if (s->part && !s->prompts)
        return lrt_fail(e, "--part goes with a list: --prompts FILE");
    if (s->split && strcmp(s->split, "guidance") && strcmp(s->split, "batch"))
        return lrt_fail(e, "--split: expected guidance or batch, found '%s'",
                        LRT_BRIEFLY(s->split));
    if (s->log && !strcmp(s->log, LRT_STANDARD_OUTPUT))
        return lrt_fail(e, "--log: expected the name of a file, found -");
    if (!s->prompts)
        lrt_settings_fast(s, p);
    bool fits = draws && !s->prompts ? lrt_settings_check(s, p, e)
                                     : lrt_settings_unfit(s, p, e) < 0;
    if (!fits || (draws && !s->prompts && !lrt_settings_check_output(s, e)))
        return false;
    if (!s->prompt && (!s->prompts || s->print_tokens))
        return lrt_fail(e, "no prompt: -p \"%s\", for example; --help says more",
                        p->prompt ? p->prompt : "a red circle");
    return true;
}

bool lrt_settings_parse(lrt_settings *s, const lrt_pipeline *p, int argc, char **argv, lrt_error *e)
{
    lrt_option table[LRT_SETTING_COUNT];
    lrt_settings_default(s, p);
    lrt_settings_table(table, s, p);
    if (!lrt_options_parse(table, LRT_SETTING_COUNT, argc, argv, e))
        return false;
    lrt_settings_note_given(s, table);
    return s->help || s->version || s->info || s->from_png || lrt_settings_complete(s, p, e);
}
