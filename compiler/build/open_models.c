/* See open_models.h. */
#include "open_models.h"
#include "graph_json.h"
#include "keras_model.h"
#include "opened.h"
#include "schemes.h"
#include "err.h"
#include "files.h"
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

/* ---- pipelines and the checkpoints of their weights ---- */

static const char *text_or(Json object, const char *key, const char *otherwise)
{
    Json j = json_ok(object) ? json_get(object, key) : object;
    return json_ok(j) && json_kind(j) == JSON_STRING && *json_string(j) ? json_string(j)
                                                                        : otherwise;
}

/* Each of several --weights without a name must be of one of the pipeline's models: else it is not
 * what the user takes it for. */
static void check_all_fit(const FlagList *specs, Json models, const char *path, Opened *o)
{
    Buf names = {0};
    int unnamed = 0;
    for (int i = 0; i < MODEL_COUNT; i++)
        if (json_ok(models) && json_ok(json_get(models, model_rows[i].name)))
            buf_printf(&names, "%s%s", names.len ? ", " : "", model_rows[i].name);
    for (int i = 0; i < specs->n; i++)
        unnamed += flags_unnamed(specs->items[i]);
    for (int i = 0; i < specs->n && unnamed > 1; i++) {
        bool any = !flags_unnamed(specs->items[i]) || weights_synthetic(specs->items[i]);
        const char *foreign = any ? NULL : o->list[opened_place(o, specs->items[i])]->foreign;
        for (int k = 0; k < MODEL_COUNT && !any; k++)
            any = json_ok(models) && json_ok(json_get(models, model_rows[k].name)) &&
                  opened_serves(o, specs->items[i], model_rows[k].name);
        if (!any && foreign)
            err("%s: this is %s", specs->items[i], foreign);
        if (!any)
            err("--weights %s: has weights of none of the models of %s (%s): taken for %s; MODEL=%s names one",
                specs->items[i], path, names.data,
                o->list[opened_place(o, specs->items[i])]->taken_for, specs->items[i]);
    }
    free(names.data);
}

/* The graph file of a model of the pipeline, NULL when it names none. */
static const char *graph_of(Arena *a, Json models, const char *path, const char *model)
{
    const char *named = text_or(json_ok(models) ? json_get(models, model) : models, "graph", NULL);
    return named ? pipeline_resolve(a, pipeline_folder(a, path), named) : NULL;
}

/* The weights in an archive give way to --weights MODEL=SPEC, and to a SPEC without a name that can
 * have weights by Keras' names: others are for the other models. */
static bool replaces_archive(Opened *o, const FlagList *flags, const char *spec, const char *model)
{
    bool unnamed = false;
    for (int i = 0; i < flags->n; i++)
        unnamed |= flags->items[i] == spec;
    if (!unnamed || weights_synthetic(spec))
        return true;
    const Checkpoint *c = o->list[opened_place(o, spec)];
    return (c->scheme == scheme_find("keras") || c->scheme == scheme_find("latentc")) &&
           checkpoint_serves(c, model);
}

/* The weights of each model: the flag, else the model's entry, else those in its archive, else the
 * pipeline's; NULL: nothing says. */
static const char *spec_of(Arena *a, Json root, const char *path, const char *model,
                           const FlagList *flags, Opened *o)
{
    Json models = json_get(root, "models");
    const char *graph = graph_of(a, models, path, model),
               *flag = flags_fitting(flags, model, opened_serves, o);
    bool archive = graph && is_model_archive(graph);
    if (flag && (!archive || replaces_archive(o, flags, flag, model)))
        return flag;
    const char *named = text_or(json_ok(models) ? json_get(models, model) : models, "weights",
                                archive ? NULL : text_or(root, "weights", NULL));
    return named ? pipeline_resolve(a, pipeline_folder(a, path), named) : archive ? graph : NULL;
}

/* One member of a pipeline file, such as "schedule" or "parameters/img_height": that of `from` goes
 * over that of `root`. */
static void lay_member_over(Json root, Json from, const char *member)
{
    char section[64];
    const char *slash = strchr(member, '/'), *key = slash ? slash + 1 : member;
    snprintf(section, sizeof section, "%.*s", slash ? (int)(slash - member) : 0, member);
    Json of = slash ? json_get(from, section) : from, to = slash ? json_get(root, section) : root;
    Json value = json_ok(of) ? json_get(of, key) : (Json){0};
    if (json_ok(value) && json_ok(to))
        json_merge(to, key, value);
}

/* The members of a checkpoint's settings that concern the model go over the pipeline's: its own
 * parameters, and the shared settings that it decides. */
static void lay_over(Json root, Json from, const ModelRow *model)
{
    Json theirs = json_get(from, "models"), ours = json_need(root, "models");
    Json settings = json_ok(theirs) ? json_get(theirs, model->name) : theirs,
         into = json_get(ours, model->name);
    if (json_ok(settings) && json_ok(into) && json_ok(json_get(settings, "parameters")))
        json_merge(into, "parameters", json_get(settings, "parameters"));
    for (const char *p = model->decides; *p; p += strspn(p, " ")) {
        char member[64];
        int n = (int)strcspn(p, " ");
        snprintf(member, sizeof member, "%.*s", n, p);
        lay_member_over(root, from, member);
        p += n;
    }
}

/* Does the graph file have parameters as graphs/sd2 has them? Not Keras' JSON with layers. */
static bool takes_settings(const char *graph)
{
    if (!graph)
        return true;
    Json root = graph_json(graph);
    bool takes = !keras_json(root) || keras_class_only(root);
    json_free(root);
    return takes;
}

/* Opens the checkpoint that spec names and lays its settings over the pipeline file. NULL: the
 * weights are synthetic, or nothing names them. */
static Checkpoint *open_settings(Opened *o, const char *spec, Json root, const char *graph,
                                 ModelId id)
{
    if (!spec || weights_synthetic(spec))
        return NULL;
    Checkpoint *c = opened_use(o, spec);
    if (json_ok(c->settings) && takes_settings(graph))
        lay_over(root, c->settings, &model_rows[id]);
    return c;
}

/* ---- the tiny decoder and image encoder ---- */

static bool serves(Opened *o, const char *spec, ModelId id)
{
    return spec && opened_serves(o, spec, model_rows[id].name);
}

/* What --taesd names for one of the tiny models; without it the --weights without a name that has
 * such weights and none of the large decoder. NULL: nothing. */
static const char *tiny_spec(const WeightFlags *w, ModelId id, Opened *o)
{
    const char *model = model_rows[id].name;
    for (int i = w->tiny.n - 1; i >= 0; i--)
        if (serves(o, w->tiny.items[i], id))
            return w->tiny.items[i];
    const char *spec = w->tiny.n ? NULL : flags_fitting(&w->specs, model, opened_serves, o);
    bool own = spec && !weights_synthetic(spec) && serves(o, spec, id);
    return own && !serves(o, spec, MODEL_DECODER) ? spec : NULL;
}

/* --taesd that has weights of neither, or of no decoder. */
static void check_tiny(const WeightFlags *w, Opened *o)
{
    bool decoder = false;
    for (int i = 0; i < w->tiny.n; i++) {
        const char *spec = w->tiny.items[i];
        bool here = serves(o, spec, MODEL_TINY_DECODER);
        decoder |= here;
        if (here || serves(o, spec, MODEL_TINY_IMAGE_ENCODER))
            continue;
        const Checkpoint *c = o->list[opened_place(o, spec)];
        if (c->foreign)
            err("--taesd %s: this is %s", spec, c->foreign);
        err("--taesd %s: found %s, expected TAESD's decoder, its encoder, or an AutoencoderTiny of diffusers",
            spec, c->taken_for);
    }
    if (w->tiny.n && !decoder)
        err("--taesd %s: has the encoder alone, expected the decoder too: give --taesd twice",
            w->tiny.items[0]);
    if (w->no_vae && !w->tiny.n)
        usage_err("--no-vae goes only with --taesd, whose decoder then is the only one");
}

/* The path of the graph of one of the tiny models, which comes with latentc. */
static const char *tiny_graph(Arena *a, ModelId id)
{
    const char *name = id == MODEL_TINY_DECODER ? "graphs/taesd/decoder.json"
                                                : "graphs/taesd/encoder.json";
    const char *own = own_file(a, name);
    char *whole = own ? realpath(own, NULL) : NULL;
    if (!whole)
        err("%s is not in the folder of latentc", name);
    const char *path = arena_strdup(a, whole);
    free(whole);
    return path;
}

/* Adds the tiny models that have weights to the pipeline, and takes the large ones out where there
 * are none of them. spec: NULL for those that are not there. */
static void add_tiny(Arena *a, Json models, const WeightFlags *w, Opened *o,
                     const char *spec[MODEL_COUNT])
{
    check_tiny(w, o);
    if (!json_ok(models) || json_kind(models) != JSON_OBJECT)
        return;
    for (int i = MODEL_TINY_DECODER; i <= MODEL_TINY_IMAGE_ENCODER; i++) {
        spec[i] = tiny_spec(w, i, o);
        if (!spec[i] || json_ok(json_get(models, model_rows[i].name)))
            continue;
        json_set_string(json_object_at(models, model_rows[i].name), "graph", tiny_graph(a, i));
    }
    bool served = w->tiny.n ? !w->no_vae : !spec[MODEL_TINY_DECODER];
    if (!served) {
        json_remove(models, model_rows[MODEL_DECODER].name);
        json_remove(models, model_rows[MODEL_IMAGE_ENCODER].name);
    }
}

static void merge_all(Json root, const char *over, const char *path)
{
    Json last = json_parse(over, strlen(over), path);
    for (Json m = json_first(last); json_ok(m); m = json_next(m))
        json_merge(root, json_key(m), m);
    json_free(last);
}

Pipeline *pipeline_open(const char *path, const ParamSet *sets, int n_sets, const WeightFlags *w,
                        const char *over)
{
    Json root = json_load(path);
    json_expect(root, JSON_OBJECT);
    Arena *a = arena_new();
    const char *spec[MODEL_COUNT] = {0}, *file = path;
    Checkpoint *from[MODEL_COUNT];
    Opened checkpoints = {.options = {.variant = w->variant, .offline = w->offline}};
    Json models = json_get(root, "models");
    add_tiny(a, models, w, &checkpoints, spec);
    check_all_fit(&w->specs, models, path, &checkpoints);
    for (int i = 0; i < MODEL_COUNT; i++) {
        const char *name = model_rows[i].name;
        bool has = json_ok(models) && json_kind(models) == JSON_OBJECT &&
                   json_ok(json_get(models, name));
        if (!spec[i])
            spec[i] = has ? spec_of(a, root, path, name, &w->specs, &checkpoints) : NULL;
        from[i] = open_settings(&checkpoints, spec[i], root,
                                has ? graph_of(a, models, path, name) : NULL, i);
        if (from[i] && json_ok(from[i]->settings))
            file = arena_printf(a, "%s (with %s)", path, from[i]->spec);
    }
    if (over)
        merge_all(root, over, path);
    json_rename(root, file);
    Pipeline *p = pipeline_from_json(root, path, sets, n_sets);
    for (int i = 0; i < MODEL_COUNT; i++) {
        p->model[i].weights = spec[i] ? arena_strdup(p->arena, spec[i]) : NULL;
        p->model[i].checkpoint = from[i];
    }
    const Checkpoint *text = from[MODEL_TEXT_ENCODER];
    if (text && text->vocab)
        p->vocab = text->vocab;
    opened_close_unused(&checkpoints);
    json_free(root);
    arena_free(a);
    return p;
}

void pipeline_close(Pipeline *p)
{
    for (int i = 0; i < MODEL_COUNT; i++) {
        Checkpoint *c = p->model[i].checkpoint;
        for (int k = i; k < MODEL_COUNT; k++)
            if (p->model[k].checkpoint == c)
                p->model[k].checkpoint = NULL;
        if (c)
            checkpoint_close(c);
    }
    arena_free(p->arena);
}

/* ---- models ---- */

static _Noreturn void no_weights(const Pipeline *l, const PipelineModel *m)
{
    ModelId id = (ModelId)(m - l->model);
    usage_err(
        "no weights for %s: give --weights with a diffusers folder, FILE.safetensors or synthetic:SEED%s",
        model_rows[id].name,
        id == MODEL_IMAGE_ENCODER ? ", or --no-init-img to leave this model out" : "");
}

void pipeline_need_weights(const Pipeline *l)
{
    for (int i = 0; i < MODEL_COUNT; i++) {
        const Checkpoint *c = l->model[i].checkpoint;
        if (l->model[i].graph && !pipeline_weights(l, &l->model[i]))
            no_weights(l, &l->model[i]);
        if (c && c->foreign && !checkpoint_serves(c, model_rows[i].name))
            err("%s: this is %s", c->spec, c->foreign);
    }
}

Model model_open(const Pipeline *l, const PipelineModel *m, int batch, bool guided,
                 const char *otherwise)
{
    Model r = {.graph = pipeline_graph(m, batch, guided)};
    const char *spec = pipeline_weights(l, m) ? pipeline_weights(l, m) : otherwise;
    if (!spec)
        no_weights(l, m);
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
