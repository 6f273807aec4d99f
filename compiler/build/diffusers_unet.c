/* unet/config.json of a diffusers folder, from the parameters of graphs/sd2/diffusion_model.json.
 */
#include "diffusers_params.h"

#include "err.h"

/* "64", or "[64, 96]": height and width of the latent. */
static const char *latent_size(Arena *a, const Pipeline *l)
{
    int h = l->img_height / 8, w = l->img_width / 8;
    return h == w ? arena_printf(a, "%d", h) : arena_printf(a, "[%d, %d]", h, w);
}

/* ---- levels of a U-Net; level 0 is the finest ---- */

/* Element `level` of a list of the graph, or `otherwise` where it is not listed. */
static int64_t at(const Params *p, const char *name, int level, int64_t otherwise)
{
    if (!params_declare(p, name))
        return otherwise;
    ParamSet x = params_find(p, name);
    return level < x.n_ints ? x.ints[level] : otherwise;
}

/* A number of the graph, or `otherwise` where the graph has no such parameter. */
static int64_t number(const Params *p, const char *name, int64_t otherwise)
{
    return params_declare(p, name) ? params_int(p, name) : otherwise;
}

/* What a level has of each. attention: 0 none, 1 transformers, 2 to the prompt alone. */
typedef struct {
    int64_t blocks, depth, attention, up_attention, heads;
} Level;

static Level level_of(const Params *p, int level)
{
    Level l = {.blocks = at(p, "level_blocks", level, params_int(p, "blocks")),
               .depth = at(p, "depths", level, params_int(p, "depth")),
               .attention = at(p, "attention", level, level < params_int(p, "attention_levels"))};
    l.up_attention = at(p, "up_attention", level, l.attention);
    int64_t heads = number(p, "heads", 0), width = params_find(p, "widths").ints[level];
    l.heads = heads ? heads : width / params_int(p, "head_size");
    return l;
}

/* A list with an element for each of n levels. up: from the coarsest one. */
typedef const char *LevelText(Arena *a, const Level *l);
static const char *levels_text(const Params *p, int n, bool up, LevelText *text)
{
    const char *s = "";
    for (int i = 0; i < n; i++) {
        Level l = level_of(p, up ? n - 1 - i : i);
        s = arena_printf(p->arena, "%s%s%s", s, i ? "," : "", text(p->arena, &l));
    }
    return arena_printf(p->arena, "[%s]", s);
}

static const char *blocks_text(Arena *a, const Level *l)
{
    return arena_printf(a, "%lld", (long long)l->blocks);
}

static const char *depth_text(Arena *a, const Level *l)
{
    return arena_printf(a, "%lld", (long long)l->depth);
}

static const char *heads_text(Arena *a, const Level *l)
{
    return arena_printf(a, "%lld", (long long)l->heads);
}

static const char *cross_text(Arena *a, const Level *l)
{
    (void)a;
    return l->attention == 2 || l->up_attention == 2 ? "true" : "false";
}

static const char *down_text(Arena *a, const Level *l)
{
    (void)a;
    return l->attention ? "\"CrossAttnDownBlock2D\"" : "\"DownBlock2D\"";
}

static const char *up_text(Arena *a, const Level *l)
{
    (void)a;
    return l->up_attention ? "\"CrossAttnUpBlock2D\"" : "\"UpBlock2D\"";
}

/* What no config of diffusers says: transformers that differ between the ways down and up. */
static void check_levels(const Conversion *v, const Params *p, int n)
{
    for (int i = 0; i < n; i++) {
        Level l = level_of(p, i);
        if (l.attention && l.up_attention && l.attention != l.up_attention)
            err("%s: attention and up_attention of level %d differ (%lld and %lld), which no config of diffusers says",
                v->out, i, (long long)l.attention, (long long)l.up_attention);
    }
}

static void unet_levels_config(const Conversion *v, const Params *p, Buf *b)
{
    static const char *const middles[] = {"null", "\"UNetMidBlock2D\"",
                                          "\"UNetMidBlock2DCrossAttn\""};
    int n = params_find(p, "widths").n_ints;
    bool cross = false;
    check_levels(v, p, n);
    for (int i = 0; i < n; i++) {
        Level l = level_of(p, i);
        cross |= l.attention == 2 || l.up_attention == 2;
    }
    buf_printf(b, "  \"block_out_channels\": %s,\n", params_list(p, "widths", 1));
    if (params_declare(p, "level_blocks") && params_find(p, "level_blocks").n_ints)
        buf_printf(b, "  \"layers_per_block\": %s,\n", levels_text(p, n, false, blocks_text));
    else
        buf_printf(b, "  \"layers_per_block\": %lld,\n", params_int(p, "blocks"));
    if (params_declare(p, "depths") && params_find(p, "depths").n_ints)
        buf_printf(b, "  \"transformer_layers_per_block\": %s,\n",
                   levels_text(p, n, false, depth_text));
    else
        buf_printf(b, "  \"transformer_layers_per_block\": %lld,\n", params_int(p, "depth"));
    if (cross)
        buf_printf(b, "  \"only_cross_attention\": %s,\n", levels_text(p, n, false, cross_text));
    buf_printf(b, "  \"attention_head_dim\": %s,\n", levels_text(p, n, false, heads_text));
    buf_printf(b, "  \"down_block_types\": %s,\n", levels_text(p, n, false, down_text));
    buf_printf(b, "  \"mid_block_type\": %s,\n  \"up_block_types\": %s,\n",
               middles[number(p, "mid_blocks", 2)], levels_text(p, n, true, up_text));
}

void unet_config(const Conversion *v, Buf *b)
{
    const Pipeline *l = v->subject->pipeline;
    Params p = params_of(v, MODEL_DIFFUSION_MODEL);
    ParamSet widths = params_find(&p, "widths");
    params_constant("eps_transformer", params_real(&p, "eps_transformer"), 1e-6);
    params_constant("eps_layer", params_real(&p, "eps_layer"), 1e-5);
    params_erf(&p, "diffusion_model");
    if (params_int(&p, "time_in") != widths.ints[0])
        err("%s: time_in is %lld, but diffusers has as many channels as the first level: %lld",
            v->out, params_int(&p, "time_in"), (long long)widths.ints[0]);
    buf_printf(
        b,
        "{\n  \"_class_name\": \"UNet2DConditionModel\",\n  \"act_fn\": \"silu\",\n  \"in_channels\": %lld,\n  \"out_channels\": %lld,\n",
        params_int(&p, "latent_channels") + number(&p, "mask_channels", 0),
        params_int(&p, "latent_channels"));
    unet_levels_config(v, &p, b);
    if (number(&p, "guidance_in", 0) > 0)
        buf_printf(b, "  \"time_cond_proj_dim\": %lld,\n", params_int(&p, "guidance_in"));
    buf_printf(b, "  \"cross_attention_dim\": %lld,\n  \"use_linear_projection\": true,\n",
               params_int(&p, "context_width"));
    buf_printf(
        b,
        "  \"norm_num_groups\": %lld,\n  \"norm_eps\": %s,\n  \"time_embedding_dim\": %lld,\n  \"sample_size\": %s\n}\n",
        params_int(&p, "groups"), real_text(p.arena, params_real(&p, "eps_res")),
        params_int(&p, "time_width"), latent_size(p.arena, l));
    json_free(p.graph);
}

bool unet_reads_masks(const Conversion *v)
{
    Params p = params_of(v, MODEL_DIFFUSION_MODEL);
    bool masks = number(&p, "mask_channels", 0) > 0;
    json_free(p.graph);
    return masks;
}
