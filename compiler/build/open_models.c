/* See open_models.h. */
#include "open_models.h"
#include "graph_json.h"
#include "keras_model.h"
#include "opened.h"
#include "schemes.h"
#include "tiny_models.h"
#include "err.h"
#include "files.h"
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

/* ---- pipelines and the checkpoints of their weights ---- */

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
        const Checkpoint *c = any ? NULL : opened_checkpoint(o, specs->items[i]);
        for (int k = 0; k < MODEL_COUNT && !any; k++)
            any = json_ok(models) && json_ok(json_get(models, model_rows[k].name)) &&
                  opened_serves(o, specs->items[i], model_rows[k].name);
        if (!any && c->foreign)
            err("%s: this is %s", specs->items[i], c->foreign);
        if (!any)
            err("--weights %s: has weights of none of the models of %s (%s): taken for %s; MODEL=%s names one",
                specs->items[i], path, names.data, c->taken_for, specs->items[i]);
    }
    free(names.data);
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
    Json root = graph_json(path); /* a graph is refused later, by name */
    json_expect(root, JSON_OBJECT);
    Arena *a = arena_new();
    const char *spec[MODEL_COUNT] = {0}, *file = path;
    Checkpoint *from[MODEL_COUNT];
    Opened checkpoints = {.options = {.variant = w->variant, .offline = w->offline}};
    Json models = json_get(root, "models");
    const PipelineSource source = {a, root, path};
    tiny_add(&source, w, &checkpoints, spec);
    check_all_fit(&w->specs, models, path, &checkpoints);
    tiny_drop_large(&source, w, &checkpoints, spec);
    for (int i = 0; i < MODEL_COUNT; i++) {
        const char *name = model_rows[i].name;
        bool has = json_ok(models) && json_kind(models) == JSON_OBJECT &&
                   json_ok(json_get(models, name));
        if (!spec[i])
            spec[i] = has ? opened_spec(&source, name, &w->specs, &checkpoints) : NULL;
        from[i] = open_settings(&checkpoints, spec[i], root,
                                has ? opened_graph(&source, name) : NULL, i);
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
