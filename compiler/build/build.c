/* See build.h. */
#include "build.h"
#include "defaults.h"
#include "model_inputs.h"
#include "tiny_models.h"
#include "tune.h"
#include "err.h"
#include "alloc.h"
#include "utf8.h"
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

/* The pipeline for a size: as if it were set by --set. NULL: as it is. */
static Pipeline *open_size(const PipelineFlags *f, const char *path, const lrt_size *size,
                           const char *over)
{
    ParamSet *given;
    int n = flags_sets(&f->code.sets, &given);
    ParamSet *sets = xcalloc((size_t)n + 2, sizeof *sets);
    memcpy(sets, given, (size_t)n * sizeof *sets);
    for (int i = 0; i < n && size; i++)
        if (strcmp(given[i].name, "img_width") == 0 || strcmp(given[i].name, "img_height") == 0)
            usage_err("--set %s does not go with --size or --sizes", given[i].name);
    if (size) {
        sets[n++] = (ParamSet){.name = "img_width", .value = size->width};
        sets[n++] = (ParamSet){.name = "img_height", .value = size->height};
    }
    Pipeline *l = pipeline_open(path, sets, n, &f->weights, over);
    free(sets);
    return l;
}

void build_open(Build *b, const char *path, const PipelineFlags *f, const char *over)
{
    *b = (Build){.flags = f};
    b->n_sizes = f->sizes.n;
    memcpy(b->sizes, f->sizes.list, sizeof b->sizes);
    for (int i = 0; i < b->n_sizes || i < 1; i++)
        b->of_size[i] = open_size(f, path, b->n_sizes ? &b->sizes[i] : NULL, over);
    tiny_check(b->of_size[0]);
}

void build_close(Build *b)
{
    if (b->program)
        program_free(b->program);
    for (int i = 0; i < b->n_models; i++)
        model_close(&b->models[i]);
    for (int i = 0; i < b->n_sizes || i < 1; i++)
        pipeline_close(b->of_size[i]);
    buf_free(&b->options);
    buf_free(&b->code);
    buf_free(&b->made_from);
    buf_free(&b->weights);
}

/* The model's graph, compiled into the program; returns its stage, or -1 when the pipeline has
 * none. */
static int add_model(Build *b, const Pipeline *l, ModelId id, bool batched)
{
    bool encoder = id == MODEL_IMAGE_ENCODER || id == MODEL_TINY_IMAGE_ENCODER;
    if (!l->model[id].graph || (encoder && b->flags->no_init_img))
        return -1;
    bool guided = batched && model_rows[id].guided;
    Model *x = &b->models[b->n_models];
    *x = model_open(l, &l->model[id], guided ? 2 : 1, guided, NULL);
    b->sources[b->n_models++] = x->weights;
    flags_quantise(&b->flags->code, x->graph);
    if (model_rows[id].guided)
        flags_cache(&b->flags->code, x->graph);
    return program_add_tuned(b->program, x->graph);
}

/* Adds the models of one kind, per_size or not, and notes their stages. */
static void add_models(Build *b, const Pipeline *l, bool per_size, int32_t stage[MODEL_COUNT])
{
    for (int i = 0; i < MODEL_COUNT; i++)
        if (model_rows[i].per_size == per_size)
            stage[i] = add_model(b, l, i, b->constants.batched_guidance);
}

/* The models that a size has for itself. */
static void add_size(Build *b, int i)
{
    int32_t stage[MODEL_COUNT];
    lrt_size *size = &b->sizes[i];
    add_models(b, b->of_size[i], true, stage);
/* The fields of lrt_size are the models that are PER_SIZE. */
#define ONCE(name, id)
#define PER_SIZE(name, id) size->name = stage[MODEL_##id];
#define MODEL(id, name, measured, need, number, ...) number(name, id)
#include "models.def"
#undef MODEL
#undef PER_SIZE
#undef ONCE
}

static const Tensor *find_input(const Graph *g, const char *name)
{
    for (uint32_t i = 0; i < g->n_inputs; i++)
        if (strcmp(tensor(g, g->inputs[i])->name, name) == 0)
            return tensor(g, g->inputs[i]);
    return NULL;
}

/* Whether the diffusion model reads a mask and a masked picture, which an image encoder encodes. */
static bool reads_masks(const Build *b, const char *path)
{
    const lrt_pipeline *c = &b->constants;
    bool masks = c->diffusion_model >= 0 &&
                 find_input(b->models[c->diffusion_model].graph,
                            lrt_model_input_names[LRT_INPUT_mask_latent]);
    if (masks && c->image_encoder < 0 && c->tiny_image_encoder < 0)
        err("%s: this is an inpainting model, which reads the picture that it repaints: expected an image encoder%s",
            path, b->flags->no_init_img ? ", so no --no-init-img" : "");
    return masks;
}

/* "77x1024": the sizes of one batch element. */
static const char *element_text(Arena *a, const Shape *s)
{
    const char *text = "";
    for (int i = 1; i < s->rank; i++)
        text = arena_printf(a, "%s%s%lld", text, i > 1 ? "x" : "", (long long)s->dim[i]);
    return text;
}

/* err() unless the text encoder's result has as many numbers as the diffusion model's context: a
 * generator would refuse to draw. */
static void check_context(const Build *b)
{
    const lrt_pipeline *c = &b->constants;
    if (c->text_encoder < 0 || c->diffusion_model < 0)
        return;
    const Graph *text = b->models[c->text_encoder].graph,
                *model = b->models[c->diffusion_model].graph;
    const Tensor *in = find_input(model, "context"), *out = tensor(text, text->outputs[0]);
    if (!in)
        err("%s: a diffusion model needs an input \"context\"; found none", model->file);
    if (shape_count(&in->shape) / in->shape.dim[0] == shape_count(&out->shape) / out->shape.dim[0])
        return;
    Arena *a = arena_new();
    err("%s: its context has %s numbers, but the text encoder (%s) makes %s", model->file,
        element_text(a, &in->shape), text->file, element_text(a, &out->shape));
}

/* The same of what goes through the loop and a decoder that reads it. */
static void check_decoder(const Build *b, int32_t stage)
{
    if (stage < 0 || b->constants.diffusion_model < 0)
        return;
    const Graph *model = b->models[b->constants.diffusion_model].graph,
                *decoder = b->models[stage].graph;
    const Tensor *made = tensor(model, model->outputs[0]),
                 *read = tensor(decoder, decoder->inputs[0]);
    if (shape_count(&made->shape) / made->shape.dim[0] ==
        shape_count(&read->shape) / read->shape.dim[0])
        return;
    Arena *a = arena_new();
    err("%s: it reads a latent of %s numbers, but the diffusion model (%s) makes %s", decoder->file,
        element_text(a, &read->shape), model->file, element_text(a, &made->shape));
}

static int time_width(const Graph *g)
{
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const Tensor *t = tensor(g, g->inputs[i]);
        if (strcmp(t->name, "timestep_embedding") == 0)
            return (int)shape_channels(&t->shape);
    }
    err("%s: a diffusion model needs an input \"timestep_embedding\"; found none%s", g->file,
        g->n_keras ? ": the model's \"inputs\" in the pipeline file says which it is" : "");
}

static lrt_pipeline constants(const Pipeline *l, bool batched)
{
    return (lrt_pipeline){.name = l->name,
                          .height = l->img_height,
                          .width = l->img_width,
                          .max_text_length = l->max_text_length,
                          .pad_token = l->pad_token,
                          .round_nearest = l->round_nearest,
                          .latent_scale = l->latent_scale,
                          .batched_guidance = batched,
                          .schedule = l->schedule,
                          .steps = l->steps,
                          .cfg_scale = l->cfg_scale,
                          .sampler = l->sampler,
                          .seed = l->seed,
                          .output = l->output,
                          .prompt = l->prompt};
}

/* The flags that decide how weights are packed, as a shell reads them: those with names that the
 * program has found (its target, ...), and all others that differ from their defaults. */
static void describe_flags(Build *b)
{
    const Program *p = b->program;
    Arena *a = arena_new();
    Buf fuse = {0};
    fuse_print(p->fuse, &fuse);
    PipelineFlags now = *b->flags;
    now.code.fuse = fuse.data;
    now.code.conv = conv_names[p->conv];
    now.code.tune_seconds = 0; /* FILE has what was measured */
    now.sizes_text = sizes_text(a, &now.sizes);
    now.code.target = NULL; /* packed weights are the same for every target */
    flags_options(&now, &b->options);
    now.code.target = p->target->name;
    flags_options(&now, &b->code);
    buf_free(&fuse);
    arena_free(a);
}

/* The flags, and the weights of the first size. */
static void describe(Build *b, const char *path)
{
    const Pipeline *l = b->of_size[0];
    describe_flags(b);
    for (int i = 0; i < b->n_first; i++)
        buf_printf(&b->weights, "%s%s: %s", i ? "; " : "", b->models[i].graph->name,
                   weights_describe(b->sources[i]));
    buf_printf(&b->made_from, "%s (%s, %dx%d); %s", path, l->name, l->img_width, l->img_height,
               b->weights.data);
}

void build_lower(Build *b, const char *path)
{
    const Pipeline *l = b->of_size[0];
    Program *p = b->program = program_for(&b->flags->code);
    lrt_pipeline *c = &b->constants;
    *c = constants(l, p->fuse & FUSE_GUIDANCE && pipeline_guided(&l->model[MODEL_DIFFUSION_MODEL]));
    int32_t stage[MODEL_COUNT];
    add_models(b, l, false, stage);
    p->share_weights = b->n_sizes > 1;
    for (int i = 0; i < b->n_sizes || i < 1; i++) {
        add_size(b, i);
        b->n_first = i ? b->n_first : b->n_models;
    }
#define ONCE(name, id) c->name = stage[MODEL_##id];
#define PER_SIZE(name, id) c->name = b->sizes[0].name;
#define MODEL(id, name, measured, need, number, ...) number(name, id)
#include "models.def"
#undef MODEL
#undef PER_SIZE
#undef ONCE
    c->sizes = b->sizes;
    c->n_sizes = (uint32_t)b->n_sizes;
    if (c->diffusion_model >= 0)
        c->time_width = time_width(b->models[c->diffusion_model].graph);
    check_context(b);
    check_decoder(b, c->decoder);
    check_decoder(b, c->tiny_decoder);
    c->masks = reads_masks(b, path);
    describe(b, path);
    p->options = b->code.data;
    p->made_from = b->made_from.data;
}

const char *build_about(Arena *a, const Build *b)
{
    const Pipeline *l = b->of_size[0];
    const char *sizes = arena_printf(a, "%dx%d", l->img_width, l->img_height);
    for (int i = 1; i < b->n_sizes; i++)
        sizes = arena_printf(a, "%s, %dx%d", sizes, b->sizes[i].width, b->sizes[i].height);
    return arena_printf(a, LRT_PACKED "pipeline  %s\npicture   %s\noptions   %s\nweights   %s\n",
                        l->name, sizes, b->options.data, b->weights.data);
}
