/* Config files of diffusers and transformers, obeyed: their facts become parameters of the graphs;
 * facts that the graphs cannot express are refused. See diffusers_config.h. */
#include "diffusers_config.h"

#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "families.h"
#include "unet_levels.h"
#include "err.h"
#include "vocab.h"

enum { MOST_LATENT = 2048 }; /* rows or columns: pictures of 16384 pixels */
#define OURS "latentc's graphs are Stable Diffusion 1's and 2's"

/* clang-format off */
static const Member index_members[] = {
#define MEMBERS_OF_INDEX
#include "config_members.def"
};
static const Member unet_members[] = {
#define MEMBERS_OF_UNET
#include "config_members.def"
};
static const Member vae_members[] = {
#define MEMBERS_OF_VAE
#include "config_members.def"
};
static const Member tiny_members[] = {
#define MEMBERS_OF_TINY
#include "config_members.def"
};
static const Member text_members[] = {
#define MEMBERS_OF_TEXT_ENCODER
#include "config_members.def"
};
static const Member tokenizer_members[] = {
#define MEMBERS_OF_TOKENIZER
#include "config_members.def"
};
/* clang-format on */

void check_pipeline_class(Settings *s, Json index)
{
    /* clang-format off */
    static const struct { const char *part, *name; } others[] = {
        {"StableDiffusionXL", "Stable Diffusion XL (two text encoders, add_embedding)"},
        {"StableDiffusion3", "Stable Diffusion 3 (a transformer, three text encoders)"},
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
    if (strncmp(json_string(class), "StableDiffusion", strlen("StableDiffusion")) &&
        strncmp(json_string(class), "LatentConsistencyModel", strlen("LatentConsistencyModel")))
        json_err(class, "this is a %s: %s", json_string(class), OURS);
    CONFIG_MEMBERS(s, index, index_members);
    family_config(s, index);
}

/* Models of the same family, which the UNet's config shows. */
static void refuse_relatives(Json config)
{
    /* clang-format off */
    static const struct { int64_t channels; const char *name; } inputs[] = {
        {8, "InstructPix2Pix (8 channels in)"},
        {7, "an upscaler (7 channels in)"}, {5, "a depth model (5 channels in)"},
    };
    /* clang-format on */
    Json embedding = config_get(config, "addition_embed_type"),
         channels = config_get(config, "in_channels");
    if (json_ok(embedding) && json_kind(embedding) == JSON_STRING &&
        !strcmp(json_string(embedding), "text_time"))
        json_err(embedding,
                 "this is Stable Diffusion XL (two text encoders, add_embedding): " OURS);
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0] && json_ok(channels); i++)
        if (json_number(channels) == (double)inputs[i].channels)
            json_err(channels, "this is %s: " OURS, inputs[i].name);
}

/* ---- unet/config.json ---- */

/* The list must have kinds `first`, then kinds `then`, n in all; returns how many are `first`. */
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

/* diffusers' attention_head_dim is the number of heads per level, despite its name. The graph has
 * one size of heads, or one number of them. */
static void set_heads(const Settings *s, Json config, const Levels *widths, int attention_levels)
{
    Json j = config_get(config, "num_attention_heads");
    if (!json_ok(j))
        j = config_get(config, "attention_head_dim");
    Levels heads = {.n = widths->n};
    if (json_ok(j))
        heads = config_levels(j, widths->n);
    int64_t size = 0, number = 0;
    bool sizes = false, numbers = false; /* there is more than one */
    for (int i = 0; i < widths->n; i++) {
        int64_t n = json_ok(j) ? heads.of[i] : 8;
        if (i >= attention_levels && i < widths->n - 1)
            continue; /* no transformer at this level; the last level's is that of the middle */
        if (widths->of[i] % n)
            json_err(json_ok(j) ? j : config, "%lld heads do not divide %lld channels",
                     (long long)n, (long long)widths->of[i]);
        sizes |= size && widths->of[i] / n != size;
        numbers |= number && n != number;
        size = widths->of[i] / n;
        number = n;
    }
    if (sizes && numbers)
        json_err(
            json_ok(j) ? j : config,
            "the levels have different numbers of heads, of different sizes; latentc's graphs have one size or one number");
    Json m = settings_model(s, "diffusion_model");
    json_set_int(m, "heads", sizes ? number : 0);
    if (!sizes)
        json_set_int(m, "head_size", size);
}

/* sample_size: height and width of the latent, or a list of both. */
static void set_picture_size(const Settings *s, Json config)
{
    Json j = config_get(config, "sample_size"), into = settings_parameters(s);
    if (!json_ok(j))
        return;
    bool list = json_kind(j) == JSON_ARRAY;
    if (list && json_count(j) != 2)
        json_err(j, "found %d numbers, expected height and width of the latent", json_count(j));
    Json height = list ? json_first(j) : j, width = list ? json_next(height) : j;
    json_set_int(into, "img_height", 8 * json_int(height, 1, MOST_LATENT));
    json_set_int(into, "img_width", 8 * json_int(width, 1, MOST_LATENT));
}

void settings_of_guidance(Settings *s, int64_t width, const char *where)
{
    json_set_int(settings_model(s, "diffusion_model"), "guidance_in", width);
    s->seen.guidance = arena_strdup(s->arena, where);
}

/* The U-Net of a latent consistency model may take the guidance scale as an input. */
static void set_guidance(Settings *s, Json config)
{
    enum { MOST = 1 << 16 };
    Json j = config_get(config, "time_cond_proj_dim");
    if (!json_ok(j))
        return;
    int64_t width = json_int(j, 1, MOST);
    settings_of_guidance(
        s, width,
        arena_printf(s->arena, "%s: /time_cond_proj_dim: %lld, the guidance scale is an input",
                     json_file(config), (long long)width));
}

void settings_of_channels(Settings *s, int64_t channels)
{
    enum { LATENT = 4, INPAINTING = 9 };
    if (channels != INPAINTING)
        return;
    json_set_int(settings_model(s, "diffusion_model"), "mask_channels", INPAINTING - LATENT);
    s->form = arena_printf(s->arena, " inpainting%s", s->form);
}

void settings_of_unet(Settings *s, Json config)
{
    refuse_relatives(config);
    CONFIG_MEMBERS(s, config, unet_members);
    family_config(s, config);
    UnetLevels u = unet_levels_read(config);
    Levels widths = u.widths;
    Json m = settings_model(s, "diffusion_model");
    unet_levels_set(&u, m);
    if (*unet_levels_name(&u)) {
        s->form = arena_printf(s->arena, ", the U-Net of %s", unet_levels_name(&u));
        family_name(s, unet_levels_name(&u),
                    arena_printf(s->arena, "%s: the levels of the U-Net", json_file(config)));
    }
    settings_of_channels(s, config_int(config, "in_channels", 4));
    set_heads(s, config, &widths, unet_levels_attention(&u));
    json_set_int(m, "groups", config_int(config, "norm_num_groups", 32));
    json_set_int(m, "context_width",
                 config_same_level(config, "cross_attention_dim", widths.n, 1280));
    json_set_int(m, "time_in", widths.of[0]);
    json_set_int(m, "time_width", config_int(config, "time_embedding_dim", 4 * widths.of[0]));
    json_set_real(m, "eps_res", config_number(config, "norm_eps", 1e-5));
    set_guidance(s, config);
    settings_of_convention(s, "unet");
    set_picture_size(s, config);
}

/* ---- vae/config.json ---- */

void settings_of_vae(Settings *s, Json config)
{
    CONFIG_MEMBERS(s, config, vae_members);
    Levels widths = config_levels(json_need(config, "block_out_channels"), 0);
    kinds_at(config, "down_block_types", "DownEncoderBlock2D", "DownEncoderBlock2D", widths.n);
    kinds_at(config, "up_block_types", "UpDecoderBlock2D", "UpDecoderBlock2D", widths.n);
    int64_t blocks = config_int(config, "layers_per_block", 1);
    for (int i = 0; i < 2; i++) {
        Json m = settings_model(s, i ? "image_encoder" : "decoder");
        json_set_ints(m, "widths", widths.of, widths.n);
        json_set_int(m, "blocks", i ? blocks : blocks + 1);
        json_set_int(m, "groups", config_int(config, "norm_num_groups", 32));
        json_set_real(m, "latent_scale", config_number(config, "scaling_factor", 0.18215));
    }
    settings_of_convention(s, "vae");
}

/* ---- config.json of an AutoencoderTiny, in vae/ or alone ---- */

void settings_of_tiny(Settings *s, Json config)
{
    CONFIG_MEMBERS(s, config, tiny_members);
    for (int i = 0; i < 2; i++) {
        Json j = config_get(config,
                            i ? "encoder_block_out_channels" : "decoder_block_out_channels");
        Levels widths = json_ok(j) ? config_levels(j, 4) : (Levels){{64, 64, 64, 64}, 4};
        for (int k = 1; k < widths.n; k++)
            if (widths.of[k] != widths.of[0])
                json_err(
                    j,
                    "found levels of %lld and of %lld channels, but latentc's graphs of TAESD have one width",
                    (long long)widths.of[0], (long long)widths.of[k]);
        json_set_int(settings_model(s, i ? "tiny_image_encoder" : "tiny_decoder"), "width",
                     widths.of[0]);
    }
}

/* ---- text_encoder/config.json ---- */

void settings_of_text_encoder(Settings *s, Json config)
{
    /* clang-format off */
    static const struct { const char *name, *kind; } activations[] = {
        {"gelu", "erf"}, {"gelu_python", "erf"}, {"gelu_new", "tanh"}, {"gelu_fast", "tanh"}, {"gelu_pytorch_tanh", "tanh"},
        {"quick_gelu", "quick"},
    };
    /* clang-format on */
    const char *act = config_string(config, "hidden_act", "quick_gelu"), *kind = NULL;
    for (size_t i = 0; i < sizeof activations / sizeof activations[0]; i++)
        if (!strcmp(act, activations[i].name))
            kind = activations[i].kind;
    if (!kind)
        json_err(json_get(config, "hidden_act"),
                 "found \"%s\", expected quick_gelu, gelu, gelu_new or gelu_pytorch_tanh", act);
    CONFIG_MEMBERS(s, config, text_members);
    int64_t positions = config_int(config, "max_position_embeddings", 77);
    Json m = settings_model(s, "text_encoder");
    json_set_int(m, "width", config_int(config, "hidden_size", 512));
    json_set_int(m, "heads", config_int(config, "num_attention_heads", 8));
    json_set_int(m, "layers", config_int(config, "num_hidden_layers", 12));
    json_set_int(m, "mlp_width", config_int(config, "intermediate_size", 2048));
    json_set_int(m, "vocab_size", config_int(config, "vocab_size", 49408));
    json_set_int(m, "position_rows", positions);
    json_set_real(m, "eps_layer", config_number(config, "layer_norm_eps", 1e-5));
    json_set_string(m, "gelu", kind);
    json_set_int(settings_parameters(s), "max_text_length", positions);
}

/* ---- facts that no config has ---- */

void settings_of_convention(Settings *s, const char *component)
{
    if (!strcmp(component, "unet")) {
        /* GEGLU by erf; the transformers' GroupNorm and LayerNorm have constants in diffusers' code
         */
        Json m = settings_model(s, "diffusion_model");
        json_set_real(m, "eps_transformer", 1e-6);
        json_set_real(m, "eps_layer", 1e-5);
        json_set_string(m, "gelu", "erf");
    } else if (!strcmp(component, "vae")) {
        json_set_real(settings_model(s, "decoder"), "eps", 1e-6);
        json_set_real(settings_model(s, "image_encoder"), "eps", 1e-6);
        json_set_string(s->json, "rounding", "nearest");
        json_set_string(s->json, "encoding", "sample");
    } else {
        json_set_string(settings_model(s, "text_encoder"), "gelu", "erf");
    }
}

/* ---- tokenizer/ ---- */

static Json load_optional(Arena *a, const char *folder, const char *name)
{
    struct stat st;
    const char *path = arena_printf(a, "%s/%s", folder, name);
    return stat(path, &st) ? (Json){0} : json_load_python(path);
}

/* The text of a special token, which is a text or an object with one. NULL: none. */
static const char *special_token(Json config, const char *key)
{
    Json j = json_ok(config) ? config_get(config, key) : config;
    if (json_ok(j) && json_kind(j) == JSON_OBJECT)
        j = json_need(j, "content");
    return json_ok(j) ? json_string(j) : NULL;
}

/* diffusers fills prompts up to the tokenizer's model_max_length, latentc up to the positions that
 * the text encoder has. */
static void check_tokenizer(Settings *s, Json config, Json map)
{
    if (json_ok(map))
        CONFIG_MEMBERS(s, map, tokenizer_members);
    if (!json_ok(config))
        return;
    CONFIG_MEMBERS(s, config, tokenizer_members);
    Json most = config_get(config, "model_max_length"),
         positions = json_get(settings_parameters(s), "max_text_length");
    if (json_ok(most) && json_ok(positions) && json_number(most) != json_number(positions))
        settings_note(s, most,
                      "found %.15g: prompts have %.15g tokens, as the text encoder has positions",
                      json_number(most), json_number(positions));
}

/* As transformers reads it: from special_tokens_map.json, unless tokenizer_config.json is of the
 * newer kind, which lists the added tokens. */
void settings_of_tokenizer(Settings *s, const char *folder, const char **vocab)
{
    struct stat st;
    if (stat(folder, &st) || !S_ISDIR(st.st_mode))
        return;
    *vocab = folder;
    Json config = load_optional(s->arena, folder, "tokenizer_config.json"),
         map = load_optional(s->arena, folder, "special_tokens_map.json");
    const char *pad = special_token(map, "pad_token");
    if (!pad || (json_ok(config) && json_ok(config_get(config, "added_tokens_decoder")))) {
        const char *newer = special_token(config, "pad_token");
        pad = newer ? newer : pad;
    }
    if (pad)
        json_set_int(s->json, "pad_token", vocab_token(folder, pad));
    check_tokenizer(s, config, map);
    json_free(config);
    json_free(map);
}
