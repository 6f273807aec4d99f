/* Single files of the original program (LDM): model.diffusion_model..., cond_stage_model.model...
 * (open_clip), first_stage_model... They have no configs: names and shapes show the model, and the
 * rest was in the program's code. */
#include "ldm.h"

#include <math.h>
#include <string.h>

#include "diffusers_config.h"
#include "err.h"

/* clang-format off */
static const char *const extra[] = {
    /* layers after the one that is used; "conditioner" is in files of the newer program */
    "conditioner.embedders.0.model.transformer.resblocks.{layers}.*", "conditioner.embedders.0.model.text_projection",
    "conditioner.embedders.0.model.logit_scale", "conditioner.embedders.0.model.attn_mask", "denoiser.*",
    "cond_stage_model.model.transformer.resblocks.{layers}.*", "cond_stage_model.model.text_projection",
    "cond_stage_model.model.logit_scale", "cond_stage_model.model.attn_mask", "cond_stage_model.*position_ids",
    "cond_stage_model.model.transformer.text_projection*",
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

#define OURS "latentc's graphs are Stable Diffusion 2's"

bool is_ldm_file(const Peek *p)
{
    return p->safetensors && peek_has(p, "\"model.diffusion_model.");
}

/* ---- which model it is ---- */

static bool has_prefix(const Checkpoint *c, const char *prefix)
{
    for (size_t i = 0; i < c->n; i++)
        if (!strncmp(c->tensors[i].name, prefix, strlen(prefix)))
            return true;
    return false;
}

static void refuse_relatives(const Checkpoint *c)
{
    /* clang-format off */
    static const struct { int64_t channels; const char *name; } inputs[] = {
        {9, "an inpainting model (9 channels in)"}, {8, "InstructPix2Pix (8 channels in)"},
        {7, "an upscaler (7 channels in)"}, {5, "a depth model (5 channels in)"},
    };
    /* clang-format on */
    /* clang-format off */
    static const struct { const char *prefix, *name; } marks[] = {
        {"conditioner.embedders.1.", "Stable Diffusion XL (two text encoders, add_embedding)"},
        {"model.diffusion_model.label_emb.", "Stable Diffusion XL or unCLIP (an embedding of labels)"},
        {"model.diffusion_model.joint_blocks.", "Stable Diffusion 3 (a transformer)"},
        {"model.diffusion_model.double_blocks.", "Flux (a transformer)"},
        {"cond_stage_model.transformer.", "Stable Diffusion 1.x (CLIP ViT-L, a context of 768 channels)"},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (has_prefix(c, marks[i].prefix))
            err("%s: this is %s: " OURS, c->spec, marks[i].name);
    const Stored *context = checkpoint_find(
        c, "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight");
    if (context && context->rank == 2 && context->dim[1] == 768)
        err("%s: this is Stable Diffusion 1.x (\"%s\" takes a context of 768 channels): " OURS,
            c->spec, context->name);
    const Stored *in = checkpoint_find(c, "model.diffusion_model.input_blocks.0.0.weight");
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0] && in && in->rank == 4; i++)
        if (in->dim[1] == inputs[i].channels)
            err("%s: this is %s: " OURS, c->spec, inputs[i].name);
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
static void set_schedule(const Settings *s, bool zero_snr)
{
    Json to = settings_schedule(s);
    json_set_int(s->json, "pad_token", 0);
    json_set_string(to, "prediction", s->prediction);
    json_set_string(to, "spacing", "sampler");
    json_set_int(to, "steps_offset", 1);
    json_set_string(to, "previous", "ratio");
    json_set_string(to, "final_alpha", "first");
    if (zero_snr)
        json_set_bool(to, "zero_snr", true);
}

void open_ldm_file(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    const StFile *f = checkpoint_add_safetensors(c, c->spec, "");
    checkpoint_sort(c);
    refuse_relatives(c);
    const char *why;
    Settings s = settings_new(c->arena, c->spec);
    s.prediction = prediction_of(c, f, &why);
    bool v = !strcmp(s.prediction, "v");
    settings_of_convention(&s, "unet");
    settings_of_convention(&s, "vae");
    settings_of_convention(&s, "text_encoder");
    set_schedule(&s, v && checkpoint_find(c, "ztsnr"));
    if (v) {
        Json size = settings_parameters(&s);
        json_set_int(size, "img_height", 768);
        json_set_int(size, "img_width", 768);
    }
    c->scheme = &ldm_scheme;
    c->settings = s.json;
    c->taken_for = v ? "Stable Diffusion 2, 768-v" : "Stable Diffusion 2, 512-base (epsilon)";
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
    Settings s = settings_new(c->arena, c->spec);
    settings_of_convention(&s, "vae");
    c->scheme = &ldm_scheme;
    c->settings = s.json;
    c->taken_for = "an autoencoder of Stable Diffusion";
    c->why = "names are LDM's, without first_stage_model in front";
}
