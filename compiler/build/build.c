/* See build.h. */
#include "build.h"
#include "graphfile.h"
#include "pipeline.h"
#include "tune_file.h"
#include <stdlib.h>
#include <string.h>

Program *program_for(const CodeFlags *f)
{
    Program *p = program_new(target_for(f->target, dtype_parse(f->dtype)),
                             fuse_parse(f->fuse ? f->fuse : "all"), conv_parse(f->conv),
                             dtype_parse(f->dtype));
    p->optimize = optimize_parse(f->optimize);
    if (f->tune && p->conv != CONV_AUTO)
        usage_err("--tune: there is nothing to choose with --conv %s%s", conv_names[p->conv],
                  p->fuse == FUSE_NONE ? " (nothing is fused)" : "");
    if (f->tune)
        p->tuning = tuning_open(f->tune);
    return p;
}

/* ---- pipelines and the checkpoints of their weights ---- */

static const char *const model_names[] = {"text_encoder", "diffusion_model", "decoder",
                                          "image_encoder"};
enum { N_MODELS = 4 };

static const char *text_or(Json object, const char *key, const char *otherwise)
{
    Json j = json_ok(object) ? json_get(object, key) : object;
    return json_ok(j) && json_kind(j) == JSON_STRING && *json_string(j) ? json_string(j)
                                                                        : otherwise;
}

/* Checkpoints that were opened, each once. */
enum { MOST_CHECKPOINTS = 64 };
typedef struct {
    Checkpoint *list[MOST_CHECKPOINTS];
    bool used[MOST_CHECKPOINTS];
    int n;
    CheckpointOptions options;
} Opened;

static int opened(Opened *o, const char *spec)
{
    for (int i = 0; i < o->n; i++)
        if (strcmp(o->list[i]->spec, spec) == 0)
            return i;
    if (o->n == MOST_CHECKPOINTS)
        err("--weights: more than %d", MOST_CHECKPOINTS);
    o->list[o->n] = checkpoint_open(spec, &o->options);
    return o->n++;
}

/* Of several --weights without a name, each is for the models that it has weights of. */
static bool fits(void *context, const char *spec, const char *model)
{
    Opened *o = context;
    if (weights_synthetic(spec))
        return true;
    return checkpoint_serves(o->list[opened(o, spec)], model);
}

/* Each of several --weights without a name must be of one of the pipeline's models: else it is not
 * what the user takes it for. */
static void check_all_fit(const FlagList *specs, Json models, const char *path, Opened *o)
{
    Buf names = {0};
    int unnamed = 0;
    for (int i = 0; i < N_MODELS; i++)
        if (json_ok(models) && json_ok(json_get(models, model_names[i])))
            buf_printf(&names, "%s%s", names.len ? ", " : "", model_names[i]);
    for (int i = 0; i < specs->n; i++)
        unnamed += flags_unnamed(specs->items[i]);
    for (int i = 0; i < specs->n && unnamed > 1; i++) {
        bool any = !flags_unnamed(specs->items[i]);
        for (int k = 0; k < N_MODELS && !any; k++)
            any = json_ok(models) && json_ok(json_get(models, model_names[k])) &&
                  fits(o, specs->items[i], model_names[k]);
        if (!any)
            err("--weights %s: has weights of none of the models of %s (%s): taken for %s; MODEL=%s names one",
                specs->items[i], path, names.data, o->list[opened(o, specs->items[i])]->taken_for,
                specs->items[i]);
    }
    free(names.data);
}

static Checkpoint *use(Opened *o, const char *spec)
{
    int i = opened(o, spec);
    o->used[i] = true;
    return o->list[i];
}

static void close_unused(Opened *o)
{
    for (int i = 0; i < o->n; i++)
        if (!o->used[i])
            checkpoint_close(o->list[i]);
}

/* What weights each model has: the flag, else the model's entry, else the pipeline's; NULL: nothing
 * says. */
static const char *spec_of(Arena *a, Json root, const char *path, const char *model,
                           const FlagList *flags, Opened *o)
{
    const char *flag = flags_fitting(flags, model, fits, o);
    if (flag)
        return flag;
    Json models = json_get(root, "models");
    const char *named = text_or(json_ok(models) ? json_get(models, model) : models, "weights",
                                text_or(root, "weights", NULL));
    return named ? pipeline_resolve(a, pipeline_folder(a, path), named) : NULL;
}

/* The members of `from` that concern the model go over the pipeline's: its own parameters, and of
 * what all share, what it decides. */
static void lay_over(Json root, Json from, const char *model)
{
    /* clang-format off */
    static const struct { const char *model, *section, *key; } shared[] = {
        {"diffusion_model", "parameters", "img_height"}, {"diffusion_model", "parameters", "img_width"},
        {"text_encoder", "parameters", "max_text_length"}, {"diffusion_model", NULL, "schedule"}, {"diffusion_model", "defaults", "sampler"}, {"text_encoder", NULL, "pad_token"}, {"decoder", NULL, "rounding"},
        {"image_encoder", NULL, "encoding"}};
    Json theirs = json_get(from, "models"), ours = json_need(root, "models");
    Json settings = json_ok(theirs) ? json_get(theirs, model) : theirs, into = json_get(ours, model);
    if (json_ok(settings) && json_ok(into) && json_ok(json_get(settings, "parameters"))) json_merge(into, "parameters", json_get(settings, "parameters"));
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++) {
        Json of = shared[i].section ? json_get(from, shared[i].section) : from, to = shared[i].section ? json_get(root, shared[i].section) : root;
        Json value = strcmp(shared[i].model, model) == 0 && json_ok(of) ? json_get(of, shared[i].key) : (Json){0};
        if (json_ok(value) && json_ok(to)) json_merge(to, shared[i].key, value);
    }
    /* clang-format on */
}

static Json parse_settings(const char *text, const char *from)
{
    return json_parse(text, strlen(text), from);
}

Pipeline *pipeline_open(const char *path, const ParamSet *sets, int n_sets, const WeightFlags *w,
                        const char *over)
{
    Json root = json_load(path);
    json_expect(root, JSON_OBJECT);
    Arena *a = arena_new();
    const char *spec[N_MODELS], *file = path;
    Checkpoint *from[N_MODELS] = {0};
    Opened checkpoints = {.options = {.variant = w->variant, .offline = w->offline}};
    Json models = json_get(root, "models");
    check_all_fit(&w->specs, models, path, &checkpoints);
    for (int i = 0; i < N_MODELS; i++) {
        bool has = json_ok(models) && json_kind(models) == JSON_OBJECT &&
                   json_ok(json_get(models, model_names[i]));
        spec[i] = has ? spec_of(a, root, path, model_names[i], &w->specs, &checkpoints) : NULL;
        if (!spec[i] || weights_synthetic(spec[i]))
            continue;
        from[i] = use(&checkpoints, spec[i]);
        if (!from[i]->settings)
            continue;
        Json settings = parse_settings(from[i]->settings, from[i]->spec);
        lay_over(root, settings, model_names[i]);
        json_free(settings);
        file = arena_printf(a, "%s (with %s)", path, from[i]->spec);
    }
    if (over) {
        Json last = parse_settings(over, path);
        for (Json m = json_first(last); json_ok(m); m = json_next(m))
            json_merge(root, json_key(m), m);
        json_free(last);
    }
    json_rename(root, file);
    Pipeline *p = pipeline_from_json(root, path, sets, n_sets);
    struct PipelineModel *model[] = {&p->text_encoder, &p->diffusion_model, &p->decoder,
                                     &p->image_encoder};
    for (int i = 0; i < N_MODELS; i++) {
        model[i]->weights = spec[i] ? arena_strdup(p->arena, spec[i]) : NULL;
        model[i]->checkpoint = from[i];
    }
    if (from[0] && from[0]->vocab)
        p->vocab = from[0]->vocab;
    close_unused(&checkpoints);
    json_free(root);
    arena_free(a);
    return p;
}

void pipeline_close(Pipeline *p)
{
    struct PipelineModel *model[] = {&p->text_encoder, &p->diffusion_model, &p->decoder,
                                     &p->image_encoder};
    for (int i = 0; i < N_MODELS; i++) {
        Checkpoint *c = model[i]->checkpoint;
        for (int k = i; k < N_MODELS; k++)
            if (model[k]->checkpoint == c)
                model[k]->checkpoint = NULL;
        if (c)
            checkpoint_close(c);
    }
    arena_free(p->arena);
}

/* ---- graphs alone ---- */

static void put_param(ParamList *l, ParamSet p)
{
    if (!param_put(l, p))
        err("expected at most %d parameters", MAX_NAMES);
}

/* Parameters of the section that the graph declares. */
static void take_params(Arena *a, Json section, Json declared, ParamList *l)
{
    for (Json m = json_ok(section) ? json_first(section) : section; json_ok(m); m = json_next(m))
        if (json_ok(declared) && json_ok(json_get(declared, json_key(m))))
            put_param(l, param_from_json(a, json_key(m), m));
}

Graph *graph_open(const char *path, const ParamSet *sets, int n_sets, const WeightFlags *w,
                  GraphWeights *from)
{
    *from = (GraphWeights){0};
    if (!w->specs.n)
        return graph_load(path, sets, n_sets);
    Json root = json_load(path), name = json_get(root, "graph");
    Opened checkpoints = {.options = {.variant = w->variant, .offline = w->offline}};
    ParamList list = {.n = 0};
    Arena *a = arena_new();
    from->spec = json_ok(name) ? flags_fitting(&w->specs, json_string(name), fits, &checkpoints)
                               : NULL;
    if (from->spec && !weights_synthetic(from->spec))
        from->checkpoint = use(&checkpoints, from->spec);
    close_unused(&checkpoints);
    if (from->checkpoint && from->checkpoint->settings) {
        Json settings = parse_settings(from->checkpoint->settings, from->spec),
             declared = json_get(root, "parameters"), models = json_get(settings, "models");
        Json own = json_ok(models) ? json_get(models, json_string(name)) : models;
        take_params(a, json_get(settings, "parameters"), declared, &list);
        if (json_ok(own))
            take_params(a, json_get(own, "parameters"), declared, &list);
        json_free(settings);
    }
    for (int i = 0; i < n_sets; i++)
        put_param(&list, sets[i]);
    json_free(root);
    Graph *g = graph_load(path, list.list, list.n);
    arena_free(a);
    return g;
}

WeightSource *graph_weights(const Graph *g, const GraphWeights *from, const char *command)
{
    if (!from->spec)
        usage_err(
            "%s: no weights for %s: give --weights FILE.safetensors or --weights synthetic:SEED",
            command, g->name);
    WeightSource *s = from->checkpoint ? weights_from(from->checkpoint, g->name)
                                       : weights_open(from->spec, g->name);
    weights_check(s, g);
    return s;
}

/* ---- models ---- */

Model model_open(const Pipeline *l, const struct PipelineModel *m, int batch, bool guided,
                 const char *otherwise)
{
    Model r = {.graph = pipeline_graph(m, batch, guided)};
    const char *spec = pipeline_weights(l, m);
    if (!spec)
        spec = otherwise;
    if (!spec)
        usage_err(
            "no weights for %s: give --weights with a diffusers folder, FILE.safetensors or synthetic:SEED",
            r.graph->name);
    r.weights = m->checkpoint ? weights_from(m->checkpoint, r.graph->name)
                              : weights_open(spec, r.graph->name);
    weights_check(r.weights, r.graph);
    return r;
}

void model_close(Model *m)
{
    weights_close(m->weights);
    graph_free(m->graph);
    memset(m, 0, sizeof *m);
}
