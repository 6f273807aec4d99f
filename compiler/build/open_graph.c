/* Graphs alone and their weights: see open_models.h. */
#include "graph_json.h"
#include "graphfile.h"
#include "open_models.h"
#include "opened.h"
#include "parse_text.h"
#include "err.h"
#include "files.h"
#include <stdlib.h>
#include <string.h>

void param_put_or_err(ParamList *l, ParamSet p)
{
    if (!param_put(l, p))
        err("expected at most %d parameters", MAX_NAMES);
}

/* Names of the parameters that a graph takes. */
typedef struct {
    const char *names[MAX_NAMES];
    int n;
} Declared;

/* Parameters of the section that the graph declares. */
static void take_params(Arena *a, Json section, const Declared *d, ParamList *l)
{
    for (Json m = json_ok(section) ? json_first(section) : section; json_ok(m); m = json_next(m))
        for (int i = 0; i < d->n; i++)
            if (!strcmp(d->names[i], json_key(m)))
                param_put_or_err(l, param_from_json(a, json_key(m), m));
}

/* The weights of a .keras archive are the ones of its graph unless flags name others. */
static void archive_weights(const char *path, GraphWeights *from)
{
    if (from->spec || !is_model_archive(path))
        return;
    from->checkpoint = checkpoint_open(path, NULL);
    from->spec = from->checkpoint->spec;
}

void graph_weights_find(const char *model, const WeightFlags *w, GraphWeights *from)
{
    *from = (GraphWeights){0};
    if (!w->specs.n)
        return;
    Opened checkpoints = {.options = {.variant = w->variant, .offline = w->offline}};
    from->spec = flags_fitting(&w->specs, model, opened_serves, &checkpoints);
    if (from->spec && !weights_synthetic(from->spec))
        from->checkpoint = opened_use(&checkpoints, from->spec);
    opened_close_unused(&checkpoints);
}

/* A graph in its text form: it has no parameters. */
static Graph *open_text(const char *path, int n_sets)
{
    if (n_sets)
        usage_err("--set: a text file has no parameters");
    char *text = read_file(path, NULL);
    Graph *g = graph_parse_text(text, path);
    free(text);
    return g;
}

ParamList graph_params(Arena *a, Json root, const WeightFlags *w, GraphWeights *from)
{
    ParamList list = {.n = 0};
    *from = (GraphWeights){0};
    if (!graph_json_is_graph(root))
        return list;
    const char *name = graph_json_name(a, root);
    graph_weights_find(name, w, from);
    archive_weights(json_file(root), from);
    if (!from->checkpoint || !json_ok(from->checkpoint->settings))
        return list;
    Json settings = from->checkpoint->settings, models = json_get(settings, "models");
    Json own = json_ok(models) ? json_get(models, name) : models;
    Declared *declared = arena_alloc(a, sizeof *declared);
    declared->n = graph_json_parameters(a, root, declared->names, MAX_NAMES);
    take_params(a, json_get(settings, "parameters"), declared, &list);
    if (json_ok(own))
        take_params(a, json_get(own, "parameters"), declared, &list);
    return list;
}

Graph *graph_open(const char *path, const ParamSet *sets, int n_sets, const WeightFlags *w,
                  GraphWeights *from)
{
    *from = (GraphWeights){0};
    size_t length = strlen(path);
    if (length > 4 && strcmp(path + length - 4, ".txt") == 0) {
        Graph *g = open_text(path, n_sets);
        if (w)
            graph_weights_find(g->name, w, from);
        return g;
    }
    if (!w || (!w->specs.n && !is_model_archive(path)))
        return graph_load(path, sets, n_sets);
    Json root = graph_json(path);
    Arena *a = arena_new();
    ParamList list = graph_params(a, root, w, from);
    for (int i = 0; i < n_sets; i++)
        param_put_or_err(&list, sets[i]);
    json_free(root);
    Graph *g = graph_load(path, list.list, list.n);
    arena_free(a);
    return g;
}

static bool has_weights(const Graph *g)
{
    for (uint32_t i = 0; i < g->n_tensors; i++)
        if (g->tensors[i].kind == T_WEIGHT)
            return true;
    return false;
}

WeightSource *graph_weights(const Graph *g, const GraphWeights *from, const char *command)
{
    if (!from->spec && !has_weights(g)) /* nothing is read from it */
        return weights_open("synthetic:0", g->name);
    if (!from->spec)
        usage_err(
            "%s: no weights for %s: give --weights FILE.safetensors or --weights synthetic:SEED",
            command, g->name);
    WeightSource *s = from->checkpoint ? weights_from(from->checkpoint, g->name)
                                       : weights_open(from->spec, g->name);
    weights_check(s, g);
    return s;
}
