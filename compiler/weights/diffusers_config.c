/* Config files of diffusers and transformers, obeyed: what they say becomes parameters of the
 * graphs and the schedule; what the graphs cannot express is refused. Absent members have the
 * defaults of the classes that read them there. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "diffusers.h"
#include "vocab.h"

/* ---- settings
 * ---------------------------------------------------------------------------------------------------------------------
 */

Settings settings_new(Arena *a) { return (Settings){.arena = a, .pad_token = -1}; }

void settings_add(Buf *members, const char *name, const char *fmt, ...)
{
    char value[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    buf_printf(members, "%s\"%s\":%s", members->len ? "," : "", name, value);
}

void settings_add_real(Buf *members, const char *name, double value)
{
    Buf b = {0};
    buf_real(&b, value);
    settings_add(members, name, "%s", b.data);
    buf_free(&b);
}

static void put_object(Buf *out, const char *name, const char *before, const Buf *members,
                       const char *after)
{
    if (members->len)
        buf_printf(out, "%s\"%s\":%s{%s}%s", out->data && out->data[out->len - 1] != '{' ? "," : "",
                   name, before, members->data, after);
}

const char *settings_text(const Settings *s)
{
    Buf models = {0}, all = {0};
    put_object(&models, "text_encoder", "{\"parameters\":", &s->text_encoder, "}");
    put_object(&models, "diffusion_model", "{\"parameters\":", &s->diffusion_model, "}");
    put_object(&models, "decoder", "{\"parameters\":", &s->decoder, "}");
    put_object(&models, "image_encoder", "{\"parameters\":", &s->image_encoder, "}");
    buf_printf(&all, "{");
    put_object(&all, "parameters", "", &s->parameters, "");
    put_object(&all, "models", "", &models, "");
    put_object(&all, "schedule", "", &s->schedule, "");
    if (s->sampler)
        buf_printf(&all, "%s\"defaults\":{\"sampler\":\"%s\"}", all.len > 1 ? "," : "", s->sampler);
    if (s->pad_token >= 0)
        buf_printf(&all, "%s\"pad_token\":%d", all.len > 1 ? "," : "", s->pad_token);
    if (s->of_diffusers)
        buf_printf(&all, "%s\"rounding\":\"nearest\",\"encoding\":\"sample\"",
                   all.len > 1 ? "," : "");
    buf_printf(&all, "}");
    const char *text = arena_strdup(s->arena, all.data);
    const Buf *const used[] = {
        &s->text_encoder, &s->diffusion_model, &s->decoder, &s->image_encoder,
        &s->parameters,   &s->schedule,        &models,     &all};
    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++)
        free(used[i]->data);
    return text;
}

/* ---- reading configs
 * --------------------------------------------------------------------------------------------------------------
 */

/* The member; absent when it is null, too. */
static Json given(Json config, const char *key)
{
    Json j = json_get(config, key);
    return json_ok(j) && json_kind(j) == JSON_NULL ? (Json){0} : j;
}

static int64_t int_or(Json config, const char *key, int64_t otherwise)
{
    Json j = given(config, key);
    return json_ok(j) ? json_int(j, 0, 1 << 20) : otherwise;
}

static double number_or(Json config, const char *key, double otherwise)
{
    Json j = given(config, key);
    return json_ok(j) ? json_number(j) : otherwise;
}

static bool bool_or(Json config, const char *key, bool otherwise)
{
    Json j = given(config, key);
    return json_ok(j) ? json_bool(j) : otherwise;
}

static const char *string_or(Json config, const char *key, const char *otherwise)
{
    Json j = given(config, key);
    return json_ok(j) ? json_string(j) : otherwise;
}

/* Members that must have one value, for the graphs know no other: allowed values as JSON, separated
 * by spaces; null and absent are fine. */
typedef struct {
    const char *key, *allowed;
} Must;

static void check_musts(Json config, const Must *m, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        Json j = given(config, m[i].key);
        if (!json_ok(j))
            continue;
        const char *text = json_text(j);
        size_t length = strlen(text);
        bool fine = false;
        for (const char *p = m[i].allowed; *p && !fine; p += strspn(p, " ")) {
            size_t k = strcspn(p, " ");
            fine = k == length && !memcmp(p, text, k);
            p += k;
        }
        if (!fine)
            json_err(j, "found %.200s, but latentc's graphs have %s%s", text,
                     *m[i].allowed ? m[i].allowed : "no such part",
                     strchr(m[i].allowed, ' ') ? " (one of them)" : "");
    }
}
#define CHECK_MUSTS(config, list) check_musts(config, list, sizeof list / sizeof list[0])

enum { MOST_LEVELS = 16 };
typedef struct {
    int64_t of[MOST_LEVELS];
    int n;
} Levels;

/* A list with a number per level, or one number for all n levels. */
static Levels levels_at(Json j, int n)
{
    Levels l = {0};
    if (json_kind(j) == JSON_NUMBER) {
        for (l.n = 0; l.n < n; l.n++)
            l.of[l.n] = json_int(j, 1, 1 << 20);
        return l;
    }
    json_expect(j, JSON_ARRAY);
    for (Json e = json_first(j); json_ok(e); e = json_next(e)) {
        if (l.n == MOST_LEVELS)
            json_err(j, "expected at most %d levels", MOST_LEVELS);
        l.of[l.n++] = json_int(e, 1, 1 << 20);
    }
    if (n ? l.n != n : !l.n)
        json_err(j, "found %d levels, expected %d", l.n, n ? n : 4);
    return l;
}

static void add_list(Buf *members, const char *name, const Levels *l)
{
    char text[256];
    size_t at = 0;
    for (int i = 0; i < l->n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%lld", i ? "," : "",
                               (long long)l->of[i]);
    settings_add(members, name, "[%s]", text);
}

/* One number that a config may give per level. */
static int64_t same_at_every_level(Json config, const char *key, int n, int64_t otherwise)
{
    Json j = given(config, key);
    if (!json_ok(j))
        return otherwise;
    Levels l = levels_at(j, n);
    for (int i = 1; i < l.n; i++)
        if (l.of[i] != l.of[0])
            json_err(j, "found %s, but latentc's graphs have one number for all levels",
                     json_text(j));
    return l.of[0];
}

/* ---- what it is
 * -------------------------------------------------------------------------------------------------------------------
 */

#define OURS "latentc's graphs are Stable Diffusion 2's"

void check_pipeline_class(Json index)
{
    /* clang-format off */
    static const struct { const char *part, *name; } others[] = {
        {"StableDiffusionXL", "Stable Diffusion XL (two text encoders, add_embedding)"},
        {"StableDiffusion3", "Stable Diffusion 3 (a transformer, three text encoders)"},
        {"StableDiffusionInpaint", "an inpainting model (9 channels in)"},
        {"StableDiffusionDepth2Img", "a depth model (5 channels in)"},
        {"StableDiffusionUpscale", "an upscaler (7 channels in)"},
        {"StableDiffusionLatentUpscale", "a latent upscaler"},
        {"StableDiffusionInstructPix2Pix", "InstructPix2Pix (8 channels in)"},
        {"StableUnCLIP", "Stable unCLIP (class embeddings of pictures)"},
    };
    /* clang-format on */
    Json class = json_need(index, "_class_name");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (!strncmp(json_string(class), others[i].part, strlen(others[i].part)))
            json_err(class, "this is %s: %s", others[i].name, OURS);
    if (strncmp(json_string(class), "StableDiffusion", strlen("StableDiffusion")))
        json_err(class, "this is a %s: %s", json_string(class), OURS);
}

/* Models of the same family, told by the UNet. */
static void refuse_relatives(Json config)
{
    /* clang-format off */
    static const struct { int64_t channels; const char *name; } inputs[] = {
        {9, "an inpainting model (9 channels in)"}, {8, "InstructPix2Pix (8 channels in)"},
        {7, "an upscaler (7 channels in)"}, {5, "a depth model (5 channels in)"},
    };
    /* clang-format on */
    Json context = given(config, "cross_attention_dim"),
         embedding = given(config, "addition_embed_type"), channels = given(config, "in_channels");
    if (json_ok(embedding) && json_kind(embedding) == JSON_STRING &&
        !strcmp(json_string(embedding), "text_time"))
        json_err(embedding,
                 "this is Stable Diffusion XL (two text encoders, add_embedding): " OURS);
    if (json_ok(context) && json_kind(context) == JSON_NUMBER && json_number(context) == 768)
        json_err(
            context,
            "this is Stable Diffusion 1.x (a context of 768 channels, eight heads at every level): " OURS);
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0] && json_ok(channels); i++)
        if (json_number(channels) == (double)inputs[i].channels)
            json_err(channels, "this is %s: " OURS, inputs[i].name);
}

/* ---- unet/config.json
 * -------------------------------------------------------------------------------------------------------------
 */

/* Blocks of the first kind `first` times, then of the second; returns how often, or err(). */
static int kinds_at(Json config, const char *key, const char *first, const char *then, int n)
{
    Json list = json_need(config, key);
    int count = 0, i = 0;
    json_expect(list, JSON_ARRAY);
    for (Json e = json_first(list); json_ok(e); e = json_next(e), i++) {
        bool is_first = !strcmp(json_string(e), first);
        if ((!is_first && strcmp(json_string(e), then)) || (is_first && count < i))
            json_err(e, "found \"%s\", but latentc's graphs have %s, then %s", json_string(e),
                     first, then);
        count += is_first;
    }
    if (i != n)
        json_err(list, "found %d blocks, expected %d, as block_out_channels has", i, n);
    return count;
}

/* diffusers' attention_head_dim is the number of heads per level, whatever its name says. The graph
 * has one size of heads. */
static void add_heads(Settings *s, Json config, const Levels *widths, int attention_levels)
{
    Json j = given(config, "num_attention_heads");
    if (!json_ok(j))
        j = given(config, "attention_head_dim");
    Levels heads = {.n = widths->n};
    if (json_ok(j))
        heads = levels_at(j, widths->n);
    int64_t size = 0;
    for (int i = 0; i < widths->n; i++) {
        int64_t n = json_ok(j) ? heads.of[i] : 8;
        if (i >= attention_levels && i < widths->n - 1)
            continue; /* no transformer at this level; the last level's is that of the middle */
        if (widths->of[i] % n)
            json_err(json_ok(j) ? j : config, "%lld heads do not divide %lld channels",
                     (long long)n, (long long)widths->of[i]);
        if (size && widths->of[i] / n != size)
            json_err(
                json_ok(j) ? j : config,
                "heads of %lld and of %lld channels, but latentc's graphs have one size of heads",
                (long long)size, (long long)(widths->of[i] / n));
        size = widths->of[i] / n;
    }
    settings_add(&s->diffusion_model, "head_size", "%lld", (long long)size);
}

static void add_picture_size(Settings *s, Json config)
{
    Json j = given(config, "sample_size");
    if (!json_ok(j) || json_kind(j) != JSON_NUMBER || fmod(json_number(j), 8) != 0 ||
        json_number(j) < 8 || json_number(j) > 2048)
        return;
    settings_add(&s->parameters, "img_height", "%.0f", 8 * json_number(j));
    settings_add(&s->parameters, "img_width", "%.0f", 8 * json_number(j));
}

void settings_of_unet(Settings *s, Json config)
{
    /* clang-format off */
    static const Must musts[] = {
        {"in_channels", "4"}, {"out_channels", "4"}, {"act_fn", "\"silu\" \"swish\""}, {"time_embedding_type", "\"positional\""},
        {"flip_sin_to_cos", "true"}, {"freq_shift", "0"}, {"center_input_sample", "false"}, {"class_embed_type", ""},
        {"addition_embed_type", ""}, {"num_class_embeds", ""}, {"encoder_hid_dim", ""}, {"encoder_hid_dim_type", ""},
        {"dual_cross_attention", "false"}, {"only_cross_attention", "false"}, {"mid_block_only_cross_attention", "false"},
        {"resnet_time_scale_shift", "\"default\""}, {"resnet_skip_time_act", "false"}, {"resnet_out_scale_factor", "1"},
        {"mid_block_scale_factor", "1"}, {"mid_block_type", "\"UNetMidBlock2DCrossAttn\""}, {"downsample_padding", "1"},
        {"conv_in_kernel", "3"}, {"conv_out_kernel", "3"}, {"attention_type", "\"default\""}, {"time_cond_proj_dim", ""},
        {"time_embedding_act_fn", ""}, {"timestep_post_act", ""}, {"cross_attention_norm", ""}, {"reverse_transformer_layers_per_block", ""},
    };
    /* clang-format on */
    Buf *m = &s->diffusion_model;
    refuse_relatives(config);
    CHECK_MUSTS(config, musts);
    Levels widths = levels_at(json_need(config, "block_out_channels"), 0);
    int levels = kinds_at(config, "down_block_types", "CrossAttnDownBlock2D", "DownBlock2D",
                          widths.n);
    int plain = kinds_at(config, "up_block_types", "UpBlock2D", "CrossAttnUpBlock2D", widths.n);
    if (plain != widths.n - levels)
        json_err(json_get(config, "up_block_types"),
                 "found %d blocks with attention, expected %d as on the way down", widths.n - plain,
                 levels);
    add_list(m, "widths", &widths);
    settings_add(m, "blocks", "%lld",
                 (long long)same_at_every_level(config, "layers_per_block", widths.n, 2));
    settings_add(m, "attention_levels", "%d", levels);
    settings_add(
        m, "depth", "%lld",
        (long long)same_at_every_level(config, "transformer_layers_per_block", widths.n, 1));
    add_heads(s, config, &widths, levels);
    settings_add(m, "groups", "%lld", (long long)int_or(config, "norm_num_groups", 32));
    settings_add(m, "context_width", "%lld",
                 (long long)same_at_every_level(config, "cross_attention_dim", widths.n, 1280));
    settings_add(m, "time_in", "%lld", (long long)widths.of[0]);
    settings_add(m, "time_width", "%lld",
                 (long long)int_or(config, "time_embedding_dim", 4 * widths.of[0]));
    settings_add_real(m, "eps_res", number_or(config, "norm_eps", 1e-5));
    settings_of_convention(s, "unet");
    add_picture_size(s, config);
}

/* ---- vae/config.json
 * --------------------------------------------------------------------------------------------------------------
 */

void settings_of_vae(Settings *s, Json config)
{
    /* clang-format off */
    static const Must musts[] = {
        {"in_channels", "3"}, {"out_channels", "3"}, {"latent_channels", "4"}, {"act_fn", "\"silu\" \"swish\""}, {"shift_factor", "0"},
        {"latents_mean", ""}, {"latents_std", ""}, {"use_quant_conv", "true"}, {"use_post_quant_conv", "true"},
        {"mid_block_add_attention", "true"},
    };
    /* clang-format on */
    CHECK_MUSTS(config, musts);
    Levels widths = levels_at(json_need(config, "block_out_channels"), 0);
    kinds_at(config, "down_block_types", "DownEncoderBlock2D", "DownEncoderBlock2D", widths.n);
    kinds_at(config, "up_block_types", "UpDecoderBlock2D", "UpDecoderBlock2D", widths.n);
    long long blocks = (long long)int_or(config, "layers_per_block", 1);
    Buf *const both[] = {&s->decoder, &s->image_encoder};
    for (int i = 0; i < 2; i++) {
        add_list(both[i], "widths", &widths);
        settings_add(both[i], "blocks", "%lld", i ? blocks : blocks + 1);
        settings_add(both[i], "groups", "%lld", (long long)int_or(config, "norm_num_groups", 32));
        settings_add_real(both[i], "latent_scale", number_or(config, "scaling_factor", 0.18215));
    }
    settings_of_convention(s, "vae");
}

/* ---- text_encoder/config.json
 * -----------------------------------------------------------------------------------------------------
 */

void settings_of_text_encoder(Settings *s, Json config)
{
    /* clang-format off */
    static const struct { const char *name, *kind; } activations[] = {
        {"gelu", "erf"}, {"gelu_python", "erf"}, {"gelu_new", "tanh"}, {"gelu_fast", "tanh"}, {"gelu_pytorch_tanh", "tanh"},
    };
    /* clang-format on */
    const char *act = string_or(config, "hidden_act", "quick_gelu"), *kind = NULL;
    Buf *m = &s->text_encoder;
    for (size_t i = 0; i < sizeof activations / sizeof activations[0]; i++)
        if (!strcmp(act, activations[i].name))
            kind = activations[i].kind;
    if (!kind && !strcmp(act, "quick_gelu"))
        json_err(
            config,
            "hidden_act is quick_gelu: this is the text encoder of Stable Diffusion 1.x (CLIP ViT-L): " OURS);
    if (!kind)
        json_err(json_get(config, "hidden_act"),
                 "found \"%s\", expected gelu, gelu_new or gelu_pytorch_tanh", act);
    long long positions = (long long)int_or(config, "max_position_embeddings", 77);
    settings_add(m, "width", "%lld", (long long)int_or(config, "hidden_size", 512));
    settings_add(m, "heads", "%lld", (long long)int_or(config, "num_attention_heads", 8));
    settings_add(m, "layers", "%lld", (long long)int_or(config, "num_hidden_layers", 12));
    settings_add(m, "mlp_width", "%lld", (long long)int_or(config, "intermediate_size", 2048));
    settings_add(m, "vocab_size", "%lld", (long long)int_or(config, "vocab_size", 49408));
    settings_add(m, "position_rows", "%lld", positions);
    settings_add_real(m, "eps_layer", number_or(config, "layer_norm_eps", 1e-5));
    settings_add(m, "gelu", "\"%s\"", kind);
    settings_add(&s->parameters, "max_text_length", "%lld", positions);
}

/* ---- what no config says
 * ----------------------------------------------------------------------------------------------------------
 */

void settings_of_convention(Settings *s, const char *component)
{
    if (!strcmp(component, "unet")) { /* GEGLU by erf; the transformers' GroupNorm and LayerNorm
                                         have constants in diffusers' code */
        settings_add(&s->diffusion_model, "eps_transformer", "1e-6");
        settings_add(&s->diffusion_model, "eps_layer", "1e-5");
        settings_add(&s->diffusion_model, "gelu", "\"erf\"");
    } else if (!strcmp(component, "vae")) {
        s->of_diffusers = true;
        settings_add(&s->decoder, "eps", "1e-6");
        settings_add(&s->image_encoder, "eps", "1e-6");
    } else {
        settings_add(&s->text_encoder, "gelu", "\"erf\"");
    }
}

/* ---- scheduler/scheduler_config.json
 * ---------------------------------------------------------------------------------------------- */

/* A word of theirs and ours for it. */
typedef struct {
    const char *theirs, *ours;
} Word;

static const char *word_at(const Settings *s, Json config, const char *key, const char *otherwise,
                           const Word *words, size_t n)
{
    const char *found = string_or(config, key, otherwise), *list = "";
    for (size_t i = 0; i < n; i++)
        if (!strcmp(found, words[i].theirs))
            return words[i].ours;
    for (size_t i = 0; i < n; i++)
        list = arena_printf(s->arena, "%s%s%s", list, i ? ", " : "", words[i].theirs);
    json_err(json_get(config, key), "found \"%s\", expected %s", found, list);
}
#define WORD_AT(s, config, key, otherwise, words) \
    word_at(s, config, key, otherwise, words, sizeof words / sizeof words[0])

/* clang-format off */
static const SchedulerClass scheduler_classes[] = {
    {"DDIMScheduler", NULL, "ddim", true, "true"},
    {"DDPMScheduler", NULL, "ddpm", true, "true"},
    {"PNDMScheduler", NULL, "pndm", false, "\"sampler\""},
    {"LCMScheduler", NULL, "lcm", true, "false"},
    {"EulerDiscreteScheduler", NULL, "euler", true, "\"sampler\""},
    {"EulerAncestralDiscreteScheduler", NULL, "euler_a", true, "\"sampler\""},
    {"HeunDiscreteScheduler", NULL, "heun", true, "false"},
    {"LMSDiscreteScheduler", NULL, "lms", true, "\"sampler\""},
    {"DPMSolverMultistepScheduler", "dpmsolver++", "dpm++2m", true, "\"sampler\""},
    {"DPMSolverMultistepScheduler", "sde-dpmsolver++", "dpm++2m_sde", true, "\"sampler\""},
    {"UniPCMultistepScheduler", NULL, "unipc", true, "\"sampler\""},
    {"", NULL, NULL, true, "\"sampler\""}, /* all others */
};
/* clang-format on */

const SchedulerClass *scheduler_class_of(const char *sampler)
{
    for (const SchedulerClass *x = scheduler_classes; x->sampler; x++)
        if (!strcmp(x->sampler, sampler))
            return x;
    return scheduler_classes;
}

static const SchedulerClass *class_of(Json config)
{
    const char *class = string_or(config, "_class_name", ""),
               *algorithm = string_or(config, "algorithm_type", "dpmsolver++");
    const SchedulerClass *x = scheduler_classes;
    while (*x->class &&
           (strcmp(x->class, class) || (x->algorithm && strcmp(x->algorithm, algorithm))))
        x++;
    return x;
}

void settings_of_scheduler(Settings *s, Json config)
{
    static const Word betas[] = {{"scaled_linear", "scaled_linear"}, {"linear", "linear"}};
    static const Word predictions[] = {{"epsilon", "epsilon"}, {"v_prediction", "v"}};
    static const Word spacings[] = {{"", "sampler"},
                                    {"linspace", "linspace"},
                                    {"leading", "leading"},
                                    {"trailing", "trailing"}};
    static const Must musts[] = {{"trained_betas", ""},
                                 {"thresholding", "false"},
                                 {"use_flow_sigmas", "false"},
                                 {"use_exponential_sigmas", "false"},
                                 {"use_beta_sigmas", "false"}};
    static const Word finals[] = {{"zero", "zero"}, {"sigma_min", "least"}};
    const SchedulerClass *d = class_of(config);
    s->sampler = d->sampler;
    CHECK_MUSTS(config, musts);
    double first = number_or(config, "beta_start", 0.0001);
    s->prediction = WORD_AT(s, config, "prediction_type", "epsilon", predictions);
    settings_add(&s->schedule, "train_steps", "%lld",
                 (long long)int_or(config, "num_train_timesteps", 1000));
    settings_add_real(&s->schedule, "beta_start", first);
    settings_add_real(&s->schedule, "beta_end", number_or(config, "beta_end", 0.02));
    settings_add(&s->schedule, "beta_schedule", "\"%s\"",
                 WORD_AT(s, config, "beta_schedule", "linear", betas));
    settings_add(&s->schedule, "prediction", "\"%s\"", s->prediction);
    settings_add(&s->schedule, "spacing", "\"%s\"",
                 WORD_AT(s, config, "timestep_spacing", "", spacings));
    settings_add(&s->schedule, "steps_offset", "%lld",
                 (long long)int_or(config, "steps_offset", 0));
    settings_add(&s->schedule, "previous", "\"ratio\"");
    settings_add(&s->schedule, "final_alpha",
                 bool_or(config, "set_alpha_to_one", d->alpha_to_one) ? "1" : "\"first\"");
    settings_add(&s->schedule, "final_sigma", "\"%s\"",
                 WORD_AT(s, config, "final_sigmas_type", "zero", finals));
    settings_add(&s->schedule, "sigmas", "\"%s\"",
                 bool_or(config, "use_karras_sigmas", false) ? "karras" : "timesteps");
    settings_add(&s->schedule, "lower_order_final", "%s",
                 bool_or(config, "lower_order_final", true) ? "true" : "false");
    settings_add(&s->schedule, "skip_prk_steps", "%s",
                 bool_or(config, "skip_prk_steps", false) ? "true" : "false");
    if (!json_ok(given(config, "clip_sample")))
        settings_add(&s->schedule, "clip_sample", "%s", d->clip);
    else if (bool_or(config, "clip_sample", false))
        settings_add_real(&s->schedule, "clip_sample", number_or(config, "clip_sample_range", 1));
    else
        settings_add(&s->schedule, "clip_sample", "false");
    settings_add(&s->schedule, "zero_snr", "%s",
                 bool_or(config, "rescale_betas_zero_snr", false) ? "true" : "false");
}

/* ---- tokenizer/
 * -------------------------------------------------------------------------------------------------------------------
 */

static Json load_if_there(Arena *a, const char *folder, const char *name)
{
    struct stat st;
    const char *path = arena_printf(a, "%s/%s", folder, name);
    return stat(path, &st) ? (Json){0} : json_load(path);
}

/* The text of a special token: a text, or an object with it. NULL: none. */
static const char *special_token(Json config, const char *key)
{
    Json j = json_ok(config) ? given(config, key) : config;
    if (json_ok(j) && json_kind(j) == JSON_OBJECT)
        j = json_need(j, "content");
    return json_ok(j) ? json_string(j) : NULL;
}

/* As transformers reads it: special_tokens_map.json counts, unless tokenizer_config.json is of the
 * newer kind, which lists the added tokens. */
void settings_of_tokenizer(Settings *s, const char *folder, const char **vocab)
{
    struct stat st;
    if (stat(folder, &st) || !S_ISDIR(st.st_mode))
        return;
    *vocab = folder;
    Json config = load_if_there(s->arena, folder, "tokenizer_config.json"),
         map = load_if_there(s->arena, folder, "special_tokens_map.json");
    const char *pad = special_token(map, "pad_token");
    if (!pad || (json_ok(config) && json_ok(given(config, "added_tokens_decoder")))) {
        const char *newer = special_token(config, "pad_token");
        pad = newer ? newer : pad;
    }
    if (pad)
        s->pad_token = vocab_token(folder, pad);
    json_free(config);
    json_free(map);
}
