/* A folder as diffusers' save_pretrained writes it: weights, and configs made of the pipeline's
 * parameters and schedule. model_index.json comes last: until then the folder is none. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diffusers_scheduler.h"
#include "graphfile.h"
#include "diffusers.h"
#include "families.h"
#include "pipeline.h"
#include "conversion.h"
#include "diffusers_params.h"
#include "spacing.h"
#include "err.h"
#include "files.h"
#include "outfile.h"

/* ---- configs ---- */

/* `n` names, the first `k` of them one, the others another. */
static const char *kinds(Arena *a, int n, int k, const char *first, const char *then)
{
    const char *s = "";
    for (int i = 0; i < n; i++)
        s = arena_printf(a, "%s%s\"%s\"", s, i ? "," : "", i < k ? first : then);
    return arena_printf(a, "[%s]", s);
}

/* vae/ has TAESD where the pipeline has no other decoder. */
static bool tiny_alone(const Conversion *v)
{
    return !v->subject->pipeline->model[MODEL_DECODER].graph;
}

static void tiny_config(const Conversion *v, Buf *b)
{
    if (!v->subject->pipeline->model[MODEL_TINY_IMAGE_ENCODER].graph)
        err("%s: TAESD's encoder is missing, which an AutoencoderTiny of diffusers has", v->out);
    Params p = params_of(v, MODEL_TINY_DECODER);
    long long width = params_int(&p, "width");
    buf_printf(b, "{\n  \"_class_name\": \"AutoencoderTiny\",\n  \"act_fn\": \"relu\",\n");
    for (int i = 0; i < 2; i++)
        buf_printf(b, "  \"%s_block_out_channels\": [%lld,%lld,%lld,%lld],\n",
                   i ? "encoder" : "decoder", width, width, width, width);
    buf_printf(
        b,
        "  \"num_decoder_blocks\": [3,3,3,1],\n  \"num_encoder_blocks\": [1,3,3,3],\n  \"latent_channels\": %lld,\n  \"scaling_factor\": 1.0\n}\n",
        params_int(&p, "latent_channels"));
    json_free(p.graph);
}

static void vae_config(const Conversion *v, Buf *b)
{
    const Pipeline *l = v->subject->pipeline;
    if (tiny_alone(v)) {
        tiny_config(v, b);
        return;
    }
    if (l->model[MODEL_TINY_DECODER].graph)
        note("note: TAESD is left out: a diffusers folder has one autoencoder");
    Params p = params_of(v, MODEL_DECODER);
    int n = params_find(&p, "widths").n_ints;
    params_constant("eps of the decoder", params_real(&p, "eps"), 1e-6);
    if (l->model[MODEL_IMAGE_ENCODER].graph) {
        Params e = params_of(v, MODEL_IMAGE_ENCODER);
        if (strcmp(params_list(&e, "widths", 1), params_list(&p, "widths", 1)) ||
            params_int(&e, "blocks") + 1 != params_int(&p, "blocks") ||
            params_int(&e, "groups") != params_int(&p, "groups") ||
            params_real(&e, "latent_scale") != params_real(&p, "latent_scale"))
            err("%s: decoder and image_encoder have other widths, blocks, groups or scale than one another, which no config of diffusers says",
                v->out);
        json_free(e.graph);
    }
    buf_printf(
        b,
        "{\n  \"_class_name\": \"AutoencoderKL\",\n  \"act_fn\": \"silu\",\n  \"in_channels\": 3,\n  \"out_channels\": 3,\n  \"latent_channels\": %lld,\n",
        params_int(&p, "latent_channels"));
    buf_printf(
        b,
        "  \"block_out_channels\": %s,\n  \"layers_per_block\": %lld,\n  \"norm_num_groups\": %lld,\n",
        params_list(&p, "widths", 1), params_int(&p, "blocks") - 1, params_int(&p, "groups"));
    buf_printf(b, "  \"down_block_types\": %s,\n  \"up_block_types\": %s,\n",
               kinds(p.arena, n, n, "DownEncoderBlock2D", ""),
               kinds(p.arena, n, n, "UpDecoderBlock2D", ""));
    buf_printf(b, "  \"scaling_factor\": %s,\n  \"sample_size\": %d\n}\n",
               real_text(p.arena, params_real(&p, "latent_scale")), l->img_height);
    json_free(p.graph);
}

static void text_config(const Conversion *v, Buf *b)
{
    static const struct {
        const char *ours, *theirs;
    } acts[] = {{"erf", "gelu"}, {"tanh", "gelu_new"}, {"quick", "quick_gelu"}};
    Params p = params_of(v, MODEL_TEXT_ENCODER);
    const char *act = params_find(&p, "gelu").text;
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
        if (!strcmp(act, acts[i].ours))
            act = acts[i].theirs;
    long long words = params_int(&p, "vocab_size");
    buf_printf(
        b,
        "{\n  \"architectures\": [\"CLIPTextModel\"],\n  \"model_type\": \"clip_text_model\",\n  \"hidden_act\": \"%s\",\n",
        act);
    buf_printf(
        b,
        "  \"hidden_size\": %lld,\n  \"intermediate_size\": %lld,\n  \"num_hidden_layers\": %lld,\n  \"num_attention_heads\": %lld,\n",
        params_int(&p, "width"), params_int(&p, "mlp_width"), params_int(&p, "layers"),
        params_int(&p, "heads"));
    buf_printf(
        b,
        "  \"layer_norm_eps\": %s,\n  \"max_position_embeddings\": %lld,\n  \"vocab_size\": %lld,\n",
        real_text(p.arena, params_real(&p, "eps_layer")), params_int(&p, "position_rows"), words);
    buf_printf(
        b, "  \"bos_token_id\": %lld,\n  \"eos_token_id\": %lld,\n  \"projection_dim\": %lld\n}\n",
        words - 2, words - 1, params_int(&p, "width"));
    json_free(p.graph);
}

/* Members that have another value than in every class. */
static void write_solver(Buf *b, const Conversion *v, const SchedulerClass *class)
{
    const lrt_schedule_config *c = &v->subject->pipeline->schedule;
    static const char *const curves[] = {[LRT_SIGMAS_KARRAS] = "karras_sigmas",
                                         [LRT_SIGMAS_EXPONENTIAL] = "exponential_sigmas",
                                         [LRT_SIGMAS_LU] = "lu_lambdas"};
    Arena *a = v->subject->arena;
    if (class->sde || c->noise_solver)
        buf_printf(b, "  \"algorithm_type\": \"%sdpmsolver%s\",\n", class->sde ? "sde-" : "",
                   c->noise_solver ? "" : "++");
    if (c->sigmas != LRT_SIGMAS_TIMESTEPS)
        buf_printf(b, "  \"use_%s\": true,\n", curves[c->sigmas]);
    if (c->sigma_min > 0)
        buf_printf(b, "  \"sigma_min\": %s,\n", real_text(a, c->sigma_min));
    if (c->sigma_max > 0)
        buf_printf(b, "  \"sigma_max\": %s,\n", real_text(a, c->sigma_max));
    if (c->final_sigma_least)
        buf_printf(b, "  \"final_sigmas_type\": \"sigma_min\",\n");
    buf_printf(b, "  \"lower_order_final\": %s,\n", c->full_order_last ? "false" : "true");
    if (c->euler_at_final)
        buf_printf(b, "  \"euler_at_final\": true,\n");
    if (c->solver_order)
        buf_printf(b, "  \"solver_order\": %d,\n", c->solver_order);
    if (c->solver_type)
        buf_printf(b, "  \"solver_type\": \"%s\",\n",
                   c->solver_type == LRT_SOLVER_HEUN ? "heun" : "bh1");
    if (c->log_linear)
        buf_printf(b, "  \"interpolation_type\": \"log_linear\",\n");
    if (c->continuous)
        buf_printf(b, "  \"timestep_type\": \"continuous\",\n");
}

/* The same for single samplers. */
static void write_special(Buf *b, const Conversion *v)
{
    const lrt_schedule_config *c = &v->subject->pipeline->schedule;
    Arena *a = v->subject->arena;
    if (c->noise_unipc)
        buf_printf(b, "  \"predict_x0\": false,\n");
    if (c->variance == LRT_VARIANCE_LARGE)
        buf_printf(b, "  \"variance_type\": \"fixed_large\",\n");
    if (c->original_steps)
        buf_printf(b, "  \"original_inference_steps\": %d,\n", c->original_steps);
    if (c->timestep_scaling > 0)
        buf_printf(b, "  \"timestep_scaling\": %s,\n", real_text(a, c->timestep_scaling));
    if (c->sigma_clipped > 0)
        buf_printf(b, "  \"lambda_min_clipped\": %s,\n", real_text(a, -log(c->sigma_clipped)));
    if (c->threshold_ratio > 0)
        buf_printf(b, "  \"dynamic_thresholding_ratio\": %s,\n  \"sample_max_value\": %s,\n",
                   real_text(a, c->threshold_ratio), real_text(a, c->threshold_most));
    for (int i = 0; c->no_corrector && i < 63; i++)
        if (c->no_corrector >> i & 1)
            buf_printf(
                b, "%s%d",
                c->no_corrector & (((int64_t)1 << i) - 1) ? ", " : "  \"disable_corrector\": [", i);
    if (c->no_corrector)
        buf_printf(b, "],\n");
}

/* Spacings of other programs. */
static const char *diffusers_spacing(int spacing)
{
    if (spacing != LRT_SPACING_SGM_UNIFORM && spacing != LRT_SPACING_SIMPLE)
        return lrt_spacings[spacing].name;
    note("note: diffusers has no spacing \"%s\"; written as trailing", lrt_spacings[spacing].name);
    return "trailing";
}

static void scheduler_config(const Conversion *v, Buf *b)
{
    static const char *const betas[] = {[LRT_BETAS_LINEAR] = "linear",
                                        [LRT_BETAS_SCALED_LINEAR] = "scaled_linear",
                                        [LRT_BETAS_COSINE] = "squaredcos_cap_v2"};
    const lrt_schedule_config *c = &v->subject->pipeline->schedule;
    const SchedulerClass *class = scheduler_class_of(v->subject->pipeline->sampler);
    Arena *a = v->subject->arena;
    if (c->final_alpha != 0 && c->final_alpha != 1)
        note("note: final_alpha is %g here, and 1 or that of timestep 0 in diffusers; written as 1",
             c->final_alpha);
    buf_printf(
        b,
        "{\n  \"_class_name\": \"%s\",\n  \"num_train_timesteps\": %d,\n  \"beta_start\": %s,\n  \"beta_end\": %s,\n",
        class->class, c->train_steps, real_text(a, c->beta_start), real_text(a, c->beta_end));
    buf_printf(b, "  \"beta_schedule\": \"%s\",\n  \"prediction_type\": \"%s\",\n",
               betas[c->beta_schedule],
               c->prediction == LRT_PREDICT_V ? "v_prediction" : "epsilon");
    if (c->spacing != LRT_SPACING_SAMPLER) /* without it, diffusers uses the sampler's own, too */
        buf_printf(b, "  \"timestep_spacing\": \"%s\",\n", diffusers_spacing(c->spacing));
    buf_printf(b, "  \"steps_offset\": %d,\n  \"set_alpha_to_one\": %s,\n", c->steps_offset,
               c->final_alpha == 0 ? "false" : "true");
    if (c->clip != LRT_CLIP_SAMPLER) /* likewise */
        buf_printf(b, "  \"clip_sample\": %s,\n  \"clip_sample_range\": %s,\n",
                   c->clip > 0 ? "true" : "false", real_text(a, c->clip > 0 ? c->clip : 1));
    write_solver(b, v, class);
    write_special(b, v);
    buf_printf(b, "  \"skip_prk_steps\": %s,\n", c->prk_steps ? "false" : "true");
    buf_printf(
        b,
        "  \"rescale_betas_zero_snr\": %s,\n  \"thresholding\": %s,\n  \"trained_betas\": null\n}\n",
        c->zero_snr ? "true" : "false", c->threshold_ratio > 0 ? "true" : "false");
}

static void index_config(const Conversion *v, Buf *b)
{
    const Checkpoint *c = v->subject->checkpoint;
    const char *family = c ? family_with_defaults(c->settings) : NULL;
    /* diffusers needs its version in the folder of an inpainting model. */
    buf_printf(b, "{\n  \"_class_name\": \"StableDiffusion%s\",\n",
               unet_reads_masks(v) ? "InpaintPipeline\",\n  \"_diffusers_version\": \"0.42.1"
                                   : "Pipeline");
    if (family) /* so that it is recognised again, whatever its scheduler's form */
        buf_printf(b, "  \"_name_or_path\": \"%s\",\n", family);
    buf_printf(
        b,
        "  \"feature_extractor\": [null, null],\n  \"image_encoder\": [null, null],\n"
        "  \"requires_safety_checker\": false,\n  \"safety_checker\": [null, null],\n  \"scheduler\": [\"diffusers\", \"%s\"],\n"
        "  \"text_encoder\": [\"transformers\", \"CLIPTextModel\"],\n  \"tokenizer\": [\"transformers\", \"CLIPTokenizer\"],\n"
        "  \"unet\": [\"diffusers\", \"UNet2DConditionModel\"],\n  \"vae\": [\"diffusers\", \"%s\"]\n}\n",
        scheduler_class_of(v->subject->pipeline->sampler)->class,
        tiny_alone(v) ? "AutoencoderTiny" : "AutoencoderKL");
}

/* ---- files ---- */

static void write_text(const char *path, const char *text, size_t n)
{
    OutFile *f = outfile_open(path);
    outfile_write(f, text, n);
    outfile_commit(f, 0644);
}

/* The tokenizer's files as they are; padding as the pipeline has it. */
static void copy_tokenizer(const Conversion *v, const char *out)
{
    static const char *const names[] = {"vocab.json",
                                        "merges.txt",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "special_tokens_map.json",
                                        "added_tokens.json"};
    Arena *a = v->subject->arena;
    const char *from = v->subject->checkpoint ? v->subject->checkpoint->vocab : NULL,
               *to = arena_printf(a, "%s/tokenizer", out);
    if (!from)
        return;
    outfolder_make(to);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *path = arena_printf(a, "%s/%s", from, names[i]);
        if (access(path, R_OK))
            continue;
        size_t n;
        char *text = read_file(path, &n);
        write_text(arena_printf(a, "%s/%s", to, names[i]), text, n);
        free(text);
    }
}

typedef struct {
    const char *folder, *file, *config;
    void (*write)(const Conversion *v, Buf *b);
} Component;

void diffusers_write(Conversion *v)
{
    /* clang-format off */
    static const Component components[] = {
        {"text_encoder", "model.safetensors", "config.json", text_config},
        {"unet", "diffusion_pytorch_model.safetensors", "config.json", unet_config},
        {"vae", "diffusion_pytorch_model.safetensors", "config.json", vae_config},
        {"scheduler", NULL, "scheduler_config.json", scheduler_config},
        {"", NULL, "model_index.json", index_config},
    };
    /* clang-format on */
    enum { N = sizeof components / sizeof components[0] };
    static const char *const meta[] = {"format", "pt"};
    Arena *a = v->subject->arena;
    Buf config[N] = {0};
    if (!access(arena_printf(a, "%s/model_index.json", v->out), F_OK))
        err("%s: is a diffusers folder already, expected a name that is free", v->out);
    for (int i = 0; i < N; i++) /* before gigabytes: what no config can say */
        components[i].write(v, &config[i]);
    const char *out = outfolder_open(v->out);
    copy_tokenizer(v, out);
    for (int i = 0; i < N; i++) {
        const Component *c = &components[i];
        const char *folder = *c->folder ? arena_printf(a, "%s/%s", out, c->folder) : out;
        if (*c->folder)
            outfolder_make(folder);
        const char *prefix = tiny_alone(v) && !strcmp(c->folder, "vae") ? "taesd" : c->folder;
        if (c->file)
            conversion_file(v, arena_printf(a, "%s/%s", folder, c->file),
                            arena_printf(a, "%s/", prefix), meta, 1);
        write_text(arena_printf(a, "%s/%s", folder, c->config), config[i].data, config[i].len);
        buf_free(&config[i]);
    }
    outfolder_commit();
    if (!v->subject->checkpoint || !v->subject->checkpoint->vocab)
        note(
            "note: there is no tokenizer/ to copy; give its vocabulary with --vocab when building from %s",
            v->out);
}
