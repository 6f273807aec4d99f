/* Folders as diffusers' save_pretrained writes them, one of their component folders, or one of
 * their files:
 *
 *   model_index.json
 *   unet/config.json
 *   unet/diffusion_pytorch_model[.fp16].safetensors
 *        or its shards and diffusion_pytorch_model.safetensors.index.json
 *   vae/                         the same
 *   text_encoder/config.json, model[.fp16].safetensors
 *   scheduler/scheduler_config.json
 *   tokenizer/
 *
 * Names get their component in front: "unet/conv_in.weight". */
#include "diffusers.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <stdio.h>

#include "buf.h"
#include "config.h"
#include "diffusers_config.h"
#include "diffusers_scheduler.h"
#include "err.h"
#include "families.h"
#include "refused.h"
#include "signatures.h"
#include "versions.h"

/* clang-format off */
static const char *const extra[] = {
    "text_encoder/*embeddings.position_ids", "text_encoder/text_projection.weight", "text_encoder/*logit_scale", NULL,
};
/* clang-format on */
const Scheme diffusers_scheme = {.name = "diffusers",
                                 .about = "unet/, text_encoder/, vae/ and PyTorch's names there",
                                 .torch = true,
                                 .column = COLUMN_DIFFUSERS,
                                 .spell = spell_by_rules,
                                 .owns = owns_by_rules,
                                 .ignored = extra};

static bool file_exists(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* A component: what stands in front of its tensors, its folder, its files' stem, and a tensor that
 * no other component has. A folder has one of those that share a place. */
typedef struct {
    const char *name, *folder, *stem, *mark, *class;
    void (*settings)(Settings *s, Json config);
} Component;
/* clang-format off */
static const Component components[] = {
    {"text_encoder", "text_encoder", "model", "embeddings.token_embedding.weight", "CLIPTextModel", settings_of_text_encoder},
    {"unet", "unet", "diffusion_pytorch_model", "time_embedding.linear_1.weight", "UNet2DConditionModel", settings_of_unet},
    {"vae", "vae", "diffusion_pytorch_model", "decoder.mid_block.resnets.0.conv1.weight", "AutoencoderKL", settings_of_vae},
    {"taesd", "vae", "diffusion_pytorch_model", "decoder.layers.0.weight", "AutoencoderTiny", settings_of_tiny},
};
/* clang-format on */
enum { TEXT_ENCODER, UNET, VAE, TINY, N_COMPONENTS = sizeof components / sizeof components[0] };

/* ---- one component's files ---- */

/* A shard's name must be a plain file name: an index may come from anywhere. */
static void check_shard(Json at)
{
    const char *name = json_string(at);
    if (!*name || strchr(name, '/') || strchr(name, '\\') || !strcmp(name, ".."))
        json_err(at, "found \"%s\", expected the name of a file in the folder of the index", name);
}

static void add_sharded(Checkpoint *c, const char *folder, const char *index, const char *prefix)
{
    Json root = json_load_python(index), map = json_need(root, "weight_map");
    const char *opened = NULL;
    json_expect(map, JSON_OBJECT);
    if (!json_count(map))
        json_err(map, "found no tensors, expected the file of each");
    /* Each file once: where no earlier member has its name. A map has few files, so
     * members before are skipped quickly. */
    for (Json m = json_first(map); json_ok(m); m = json_next(m)) {
        check_shard(m);
        const char *mark = arena_printf(c->arena, "/%s/", json_string(m));
        if (opened && strstr(opened, mark))
            continue;
        opened = arena_printf(c->arena, "%s%s", opened ? opened : "", mark);
        const char *path = arena_printf(c->arena, "%s/%s", folder, json_string(m));
        if (access(path, R_OK))
            json_err(m, "%s: %s", path, strerror(errno));
        checkpoint_add_safetensors(c, path, prefix);
    }
    checkpoint_sort(c);
    for (Json m = json_first(map); json_ok(m); m = json_next(m)) {
        const Stored *t = checkpoint_find(c, arena_printf(c->arena, "%s%s", prefix, json_key(m)));
        const char *base = t ? strrchr(t->file, '/') : NULL;
        if (!t || strcmp(base ? base + 1 : t->file, json_string(m)))
            json_err(m, "tensor \"%s\" is not in %s", json_key(m), json_string(m));
    }
    json_free(root);
}

/* The files that hold the component's tensors, best first; %v is the variant with a dot before it.
 */
static const char *const file_names[] = {"%s%v.safetensors", "%s.safetensors%v.index.json",
                                         "%s.safetensors.index%v.json"};
enum { N_FILE_NAMES = sizeof file_names / sizeof file_names[0] };

static const char *file_name(Arena *a, const char *folder, const char *pattern, const char *stem,
                             const char *variant)
{
    Buf b = {0};
    for (const char *p = pattern; *p; p++)
        if (*p != '%')
            buf_printf(&b, "%c", *p);
        else if (*++p == 's')
            buf_printf(&b, "%s", stem);
        else
            buf_printf(&b, "%s%s", variant ? "." : "", variant ? variant : "");
    const char *path = arena_printf(a, "%s/%s", folder, b.data);
    buf_free(&b);
    return path;
}

static const char *find_files(Arena *a, const char *folder, const char *stem, const char *variant)
{
    for (int i = 0; i < N_FILE_NAMES; i++) {
        const char *path = file_name(a, folder, file_names[i], stem, variant);
        if (file_exists(path))
            return path;
    }
    return NULL;
}

static _Noreturn void no_files(Arena *a, const char *folder, const char *stem)
{
    static const char *const pickles[] = {"pytorch_model.bin", "diffusion_pytorch_model.bin"},
                             *const variants[] = {"fp16", "bf16", "fp32"};
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++)
        if (find_files(a, folder, stem, variants[i]))
            err("%s: has %s.%s.safetensors alone; give --variant %s", folder, stem, variants[i],
                variants[i]);
    for (size_t i = 0; i < sizeof pickles / sizeof pickles[0]; i++)
        if (file_exists(arena_printf(a, "%s/%s", folder, pickles[i])))
            err("%s/%s: %s", folder, pickles[i], pickle_advice);
    err("%s: expected %s.safetensors or its shards with %s.safetensors.index.json; found neither",
        folder, stem, stem);
}

/* Adds the files of a component. True: they are of the variant that the user wants. */
static bool add_component(Checkpoint *c, const Component *x, const char *folder,
                          const CheckpointOptions *o)
{
    const char *prefix = arena_printf(c->arena, "%s/", x->name),
               *path = o->variant ? find_files(c->arena, folder, x->stem, o->variant) : NULL;
    bool variant = path != NULL;
    if (!path)
        path = find_files(c->arena, folder, x->stem, NULL);
    if (!path)
        no_files(c->arena, folder, x->stem);
    size_t n = strlen(path);
    if (n > 5 && !strcmp(path + n - 5, ".json"))
        add_sharded(c, folder, path, prefix);
    else
        checkpoint_add_safetensors(c, path, prefix);
    return variant;
}

static void read_config(const char *path, Settings *s, void (*settings)(Settings *, Json))
{
    if (!file_exists(path))
        err("%s: is missing; it says how wide and deep the model is", path);
    Json config = json_load_python(path);
    json_expect(config, JSON_OBJECT);
    settings(s, config);
    json_free(config);
}

/* ---- the whole folder ---- */

/* vae/: an AutoencoderKL, or the tiny one. */
static const Component *vae_of(const char *path)
{
    if (!file_exists(path))
        return &components[VAE];
    Json config = json_load_python(path), class = json_get(config, "_class_name");
    bool tiny = json_ok(class) && json_kind(class) == JSON_STRING &&
                !strcmp(json_string(class), components[TINY].class);
    json_free(config);
    return &components[tiny ? TINY : VAE];
}

static const char *without_slash(Arena *a, const char *spec)
{
    size_t n = strlen(spec);
    while (n > 1 && spec[n - 1] == '/')
        n--;
    return arena_printf(a, "%.*s", (int)n, spec);
}

static bool has_file(const Peek *p, const char *name)
{
    char path[4096];
    return p->folder && snprintf(path, sizeof path, "%s/%s", p->spec, name) < (int)sizeof path &&
           file_exists(path);
}

bool is_diffusers_folder(const Peek *p) { return has_file(p, "model_index.json"); }

void open_diffusers_folder(Checkpoint *c, const CheckpointOptions *o)
{
    const char *folder = without_slash(c->arena, c->spec);
    Settings s = settings_new(c->arena, c->spec);
    bool variant = false;
    Json index = json_load_python(arena_printf(c->arena, "%s/model_index.json", folder));
    check_pipeline_class(&s, index);
    json_free(index);
    c->scheme = &diffusers_scheme;
    /* Every config before any weights, the UNet's first: so a message names the kind of model. */
    read_config(arena_printf(c->arena, "%s/unet/config.json", folder), &s, settings_of_unet);
    read_config(arena_printf(c->arena, "%s/text_encoder/config.json", folder), &s,
                settings_of_text_encoder);
    const char *vae_config = arena_printf(c->arena, "%s/vae/config.json", folder);
    const Component *vae = vae_of(vae_config);
    read_config(vae_config, &s, vae->settings);
    const char *scheduler = arena_printf(c->arena, "%s/scheduler/scheduler_config.json", folder);
    bool scheduled = file_exists(scheduler);
    if (scheduled)
        read_config(scheduler, &s, settings_of_scheduler);
    const Component *const parts[] = {&components[TEXT_ENCODER], &components[UNET], vae};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        variant |= add_component(c, parts[i],
                                 arena_printf(c->arena, "%s/%s", folder, parts[i]->folder), o);
    if (o->variant && !variant)
        err("%s: no component has a variant \"%s\"", folder, o->variant);
    settings_of_tokenizer(&s, arena_printf(c->arena, "%s/tokenizer", folder), &c->vocab);
    c->taken_for = arena_printf(c->arena, "%s%s%s", version_name(version_of_settings(&s)), s.form,
                                s.prediction ? arena_printf(c->arena, ", %s", s.prediction) : "");
    c->why =
        scheduled
            ? "model_index.json, and the configs of unet, text_encoder, vae and scheduler"
            : "model_index.json, and the configs of unet, text_encoder and vae; there is none of a scheduler";
    if (!scheduled)
        s.notes = arena_printf(c->arena,
                               "%s%s: is missing: schedule and sampler are the pipeline file's\n",
                               s.notes ? s.notes : "", scheduler);
    family_decide(&s);
    c->settings = s.json;
    c->notes = s.notes;
}

/* ---- one component ---- */

static const Component *component_of_class(Json config)
{
    Json class = config_get(config, "_class_name"), list = config_get(config, "architectures");
    if (!json_ok(class) && json_ok(list) && json_kind(list) == JSON_ARRAY)
        class = json_first(list);
    for (int i = 0; i < N_COMPONENTS && json_ok(class); i++)
        if (!strcmp(json_string(class), components[i].class))
            return &components[i];
    json_err(
        json_ok(class) ? class : config,
        "found %s, expected CLIPTextModel, UNet2DConditionModel, AutoencoderKL or AutoencoderTiny",
        json_ok(class) ? json_string(class) : "no _class_name");
}

static void finish_component(Checkpoint *c, const Component *x, Settings *s, bool config)
{
    if (x->settings == settings_of_unet && (config || s->seen.guidance))
        family_decide(s);
    c->scheme = &diffusers_scheme;
    c->taken_for = arena_printf(c->arena, "a %s (%s) of diffusers%s", x->name, x->class, s->form);
    c->why = config ? "config.json"
                    : arena_printf(c->arena,
                                   "it has a tensor \"%s\"; there is no config.json in its folder",
                                   x->mark);
    c->settings = s->json;
    c->notes = s->notes;
}

/* What the tensors of a U-Net without a config say. */
static void settings_of_tensors(const Checkpoint *c, Settings *s)
{
    static const char name[] = "unet/time_embedding.cond_proj.weight";
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->tensors[i].name, "unet/conv_in.weight") && c->tensors[i].rank == 4)
            settings_of_channels(s, c->tensors[i].dim[1]);
        else if (!strcmp(c->tensors[i].name, name) && c->tensors[i].rank == 2)
            settings_of_guidance(s, c->tensors[i].dim[1],
                                 arena_printf(c->arena, "%s: it has a tensor \"%s\"", c->spec,
                                              strchr(name, '/') + 1));
}

bool is_component_folder(const Peek *p) { return has_file(p, "config.json"); }

void open_component_folder(Checkpoint *c, const CheckpointOptions *o)
{
    const char *folder = without_slash(c->arena, c->spec);
    Settings s = settings_new(c->arena, c->spec);
    Json config = json_load_python(arena_printf(c->arena, "%s/config.json", folder));
    const Component *x = component_of_class(config);
    x->settings(&s, config);
    json_free(config);
    if (!add_component(c, x, folder, o) && o->variant)
        err("%s: has no variant \"%s\"", folder, o->variant);
    finish_component(c, x, &s, true);
}

bool is_component_file(const Peek *p)
{
    for (int i = 0; i < N_COMPONENTS && p->safetensors; i++) {
        char mark[64];
        snprintf(mark, sizeof mark, "%s\"", components[i].mark);
        if (peek_has(p, mark))
            return true;
    }
    return false;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

bool is_component_index(const Peek *p)
{
    return !p->folder && ends_with(p->spec, ".json") && strstr(p->spec, ".index");
}

/* The component whose mark ends a tensor's name. */
static const Component *component_of_names(const Checkpoint *c)
{
    for (int i = 0; i < N_COMPONENTS; i++)
        for (size_t k = 0; k < c->n; k++)
            if (ends_with(c->tensors[k].name, components[i].mark))
                return &components[i];
    err("%s: names of tensors are neither those of a UNet2DConditionModel nor of a CLIPTextModel, an AutoencoderKL or an AutoencoderTiny",
        c->spec);
}

/* Without a config, a width that everybody knows says the version. */
static void settings_without_config(const Checkpoint *c, Settings *s, const Component *x)
{
    settings_of_convention(s, x->name);
    const char *end = x == &components[UNET]           ? "attn2.to_k.weight"
                      : x == &components[TEXT_ENCODER] ? components[TEXT_ENCODER].mark
                                                       : NULL;
    for (size_t i = 0; i < c->n && end; i++) {
        const Stored *t = &c->tensors[i];
        if (!ends_with(t->name, end) || t->rank < 2)
            continue;
        version_settings(s, version_of_width(t->dim[1]),
                         x == &components[UNET] ? "diffusion_model" : "text_encoder");
        return;
    }
}

void open_component_file(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    const char *slash = strrchr(c->spec, '/');
    const char *folder = slash ? arena_printf(c->arena, "%.*s", (int)(slash - c->spec), c->spec)
                               : ".";
    const char *config_path = arena_printf(c->arena, "%s/config.json", folder);
    if (ends_with(c->spec, ".json"))
        add_sharded(c, folder, c->spec, "");
    else
        checkpoint_add_safetensors(c, c->spec, "");
    signature_refuse(c);
    Settings s = settings_new(c->arena, c->spec);
    const Component *x = component_of_names(c);
    for (size_t i = 0; i < c->n; i++)
        c->tensors[i].name = arena_printf(c->arena, "%s/%s", x->name, c->tensors[i].name);
    bool config = file_exists(config_path);
    if (config)
        read_config(config_path, &s, x->settings);
    else
        settings_without_config(c, &s, x);
    if (!config)
        settings_of_tensors(c, &s);
    finish_component(c, x, &s, config);
}
