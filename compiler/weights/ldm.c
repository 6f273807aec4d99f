/* Single files of the original program (LDM): model.diffusion_model..., cond_stage_model.model...
 * (open_clip; in Stable Diffusion 1.x cond_stage_model.transformer..., transformers' names),
 * first_stage_model... They have no configs: names and shapes show the model, and the
 * rest was in the program's code. */
#include "ldm.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "diffusers.h"
#include "diffusers_config.h"
#include "families.h"
#include "signatures.h"
#include "versions.h"

/* clang-format off */
static const char *const extra[] = {
    /* layers after the one that is used; "conditioner" is in files of the newer program */
    "conditioner.embedders.0.model.transformer.resblocks.{layers}.*", "conditioner.embedders.0.model.text_projection",
    "conditioner.embedders.0.model.logit_scale", "conditioner.embedders.0.model.attn_mask", "denoiser.*",
    "cond_stage_model.model.transformer.resblocks.{layers}.*", "cond_stage_model.model.text_projection",
    "cond_stage_model.model.logit_scale", "cond_stage_model.model.attn_mask", "cond_stage_model.*position_ids",
    "cond_stage_model.model.transformer.text_projection*", "cond_stage_model.transformer.text_projection*",
    "cond_stage_model.text_projection", "cond_stage_model.*logit_scale", "conditioner.embedders.0.*position_ids", "embedding_manager.*",
    /* averages, the noise schedule, the autoencoder's critic, marks of training programs */
    "model_ema.*", "betas", "*alphas_cumprod*", "posterior_*", "log_one_minus_alphas_cumprod", "logvar", "scale_factor",
    "first_stage_model.loss.*", "global_step", "epoch", "v_pred", "ztsnr", "lvlb_weights", NULL,
};
/* clang-format on */
const Scheme ldm_scheme = {
    .name = "ldm",
    .about = "model.diffusion_model, cond_stage_model (open_clip), first_stage_model",
    .torch = true,
    .column = COLUMN_LDM,
    .spell = spell_by_rules,
    .owns = owns_by_rules,
    .ignored = extra};

/* ---- Stable Diffusion 1.x ---- */

/* What stands in front of the text encoder's names, which are those of transformers; the first is
 * written. */
static const char *const clip_prefixes[] = {"cond_stage_model.transformer.",
                                            "conditioner.embedders.0.transformer."};
enum { N_CLIP_PREFIXES = sizeof clip_prefixes / sizeof clip_prefixes[0] };

static bool begins_as_clip(const char *name)
{
    for (int i = 0; i < N_CLIP_PREFIXES; i++)
        if (!strncmp(name, clip_prefixes[i], strlen(clip_prefixes[i])))
            return true;
    return false;
}

/* The text encoder's names are diffusers', behind another prefix; its projections are written as
 * 1x1 convolutions. */
static bool spell_with_clip(const Scheme *s, const Checkpoint *c, const WeightName *w, int choice,
                            Place *out)
{
    static const char theirs[] = "text_encoder/";
    if (strcmp(w->model, "text_encoder")) {
        bool found = spell_by_rules(s, c, w, choice, out);
        out->conv = !strcmp(w->model, "diffusion_model") &&
                    (strstr(w->path, ".proj1.kernel") || strstr(w->path, ".proj2.kernel"));
        return found;
    }
    Place p;
    if (!spell_by_rules(&diffusers_scheme, c, w, choice / N_CLIP_PREFIXES, &p))
        return false;
    *out = p;
    return snprintf(out->name, sizeof out->name, "%s%s", clip_prefixes[choice % N_CLIP_PREFIXES],
                    p.name + sizeof theirs - 1) < (int)sizeof out->name;
}

static bool owns_with_clip(const Scheme *s, const Checkpoint *c, const char *model,
                           const char *name)
{
    return strcmp(model, "text_encoder") ? owns_by_rules(s, c, model, name) : begins_as_clip(name);
}

const Scheme ldm1_scheme = {
    .name = "ldm1",
    .about = "model.diffusion_model, cond_stage_model (transformers' CLIP), first_stage_model",
    .torch = true,
    .column = COLUMN_LDM,
    .spell = spell_with_clip,
    .owns = owns_with_clip,
    .ignored = extra};

static bool has_clip(const Checkpoint *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (begins_as_clip(c->tensors[i].name))
            return true;
    return false;
}

bool is_ldm_file(const Peek *p)
{
    return p->safetensors && peek_has(p, "\"model.diffusion_model.");
}

/* ---- epsilon or v ---- */

/* Population standard deviation. */
static double deviation(const Stored *t)
{
    int64_t n = 1;
    double sum = 0, squares = 0;
    for (int i = 0; i < t->rank; i++)
        n *= t->dim[i];
    for (int64_t i = 0; i < n; i++) {
        double v = stored_value(t->dtype, t->data, i);
        sum += v;
        squares += v * v;
    }
    return n ? sqrt(fmax(0, squares / (double)n - sum / (double)n * (sum / (double)n))) : 0;
}

/* The file does not say directly what the UNet predicts. These decide, in this order: the metadata
 * of Stability's model specification; a tensor named v_pred, which some training programs write;
 * and a weight whose spread differs between the published models with v (above 0.09) and with
 * epsilon. ComfyUI's loader uses the last rule. */
static const char *prediction_of(const Checkpoint *c, const StFile *f, const char **why)
{
    static const double LIMIT = 0.09;
    const char *said = st_meta(f, "modelspec.prediction_type");
    const Stored *bias = checkpoint_find(
        c, "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias");
    if (said && (!strcmp(said, "v") || !strcmp(said, "epsilon"))) {
        *why = arena_printf(c->arena, "its metadata says modelspec.prediction_type %s", said);
        return said;
    }
    if (checkpoint_find(c, "v_pred")) {
        *why = "it has a tensor v_pred";
        return "v";
    }
    if (!bias || !stored_is_real(bias->dtype)) {
        *why = "nothing in the file says v";
        return "epsilon";
    }
    double d = deviation(bias);
    *why = arena_printf(c->arena, "%s spreads by %.3f, and %s 0.09 is usual for %s",
                        strstr(bias->name, "output_blocks"), d, d > LIMIT ? "above" : "up to",
                        d > LIMIT ? "v" : "epsilon");
    return d > LIMIT ? "v" : "epsilon";
}

/* As diffusers reads such a file: the config that it takes names no spacing. */
static void set_schedule(const Settings *s, Version version, bool zero_snr)
{
    Json to = settings_schedule(s);
    if (version == VERSION_1) {
        Json defaults = json_object_at(s->json, "defaults");
        json_set_string(s->json, "pad_token", "end_of_text");
        if (!json_ok(json_get(defaults, "sampler")))
            json_set_string(defaults, "sampler", "pndm");
    } else {
        json_set_int(s->json, "pad_token", 0);
    }
    json_set_string(to, "prediction", s->prediction);
    if (!json_ok(json_get(to, "spacing")))
        json_set_string(to, "spacing", "sampler");
    json_set_int(to, "steps_offset", 1);
    json_set_string(to, "previous", "ratio");
    json_set_string(to, "final_alpha", "first");
    if (zero_snr)
        json_set_bool(to, "zero_snr", true);
}

/* The family by the file's title and name. */
static void name_family(Settings *s, const char *path, const StFile *f)
{
    const char *title = st_meta(f, "modelspec.title"), *slash = strrchr(path, '/');
    if (title)
        family_name(s, title, arena_printf(s->arena, "%s: modelspec.title", path));
    family_name(s, slash ? slash + 1 : path, "the file's name");
    family_decide(s);
}

/* Facts that the program had in its code; widths where they are a published version's. */
static void set_models(Settings *s, const Checkpoint *c, bool clip)
{
    const Stored *k = checkpoint_find(
        c, "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight");
    Version published = k && k->rank == 2 ? version_of_width(k->dim[1]) : VERSION_OTHER;
    settings_of_convention(s, "unet");
    settings_of_convention(s, "vae");
    settings_of_convention(s, "text_encoder");
    if (clip)
        json_set_string(settings_model(s, "text_encoder"), "gelu", "quick");
    version_settings(s, published, "diffusion_model");
    version_settings(s, published, "text_encoder");
}

void open_ldm_file(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    const StFile *f = checkpoint_add_safetensors(c, c->spec, "");
    checkpoint_sort(c);
    signature_refuse(c);
    const char *why;
    Settings s = settings_new(c->arena, c->spec);
    s.prediction = prediction_of(c, f, &why);
    bool v = !strcmp(s.prediction, "v"), clip = has_clip(c);
    const Stored *first = checkpoint_find(c, "model.diffusion_model.input_blocks.0.0.weight");
    if (first && first->rank == 4)
        settings_of_channels(&s, first->dim[1]);
    set_models(&s, c, clip);
    if (v && version_of_settings(&s) != VERSION_1) {
        Json size = settings_parameters(&s);
        json_set_int(size, "img_height", 768);
        json_set_int(size, "img_width", 768);
    }
    name_family(&s, c->spec, f);
    Version version = version_of_settings(&s);
    set_schedule(&s, version, v && checkpoint_find(c, "ztsnr"));
    c->scheme = clip || version == VERSION_1 ? &ldm1_scheme : &ldm_scheme;
    c->settings = s.json;
    const char *kind = version == VERSION_1 ? (v ? ", v" : "")
                       : v                  ? ", 768-v"
                                            : ", 512-base (epsilon)";
    c->taken_for = arena_printf(c->arena, "%s%s%s", version_name(version), s.form, kind);
    c->why = arena_printf(c->arena, "names are LDM's; %s; --prediction replaces it", why);
}

/* ---- an autoencoder alone, without the prefix ---- */

bool is_ldm_vae(const Peek *p)
{
    return p->safetensors && peek_has(p, "\"decoder.mid.block_1.norm1.weight\"");
}

void open_ldm_vae(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    checkpoint_add_safetensors(c, c->spec, "first_stage_model.");
    signature_refuse(c);
    Settings s = settings_new(c->arena, c->spec);
    settings_of_convention(&s, "vae");
    c->scheme = &ldm_scheme;
    c->settings = s.json;
    c->taken_for = "an autoencoder of Stable Diffusion";
    c->why = "names are LDM's, without first_stage_model in front";
}
