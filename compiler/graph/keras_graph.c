/* See keras_graph.h. */
#include "keras_graph.h"

#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "embedded.h"
#include "err.h"
#include "fnv.h"
#include "graphfile.h"
#include "keras_emit.h"
#include "keras_inputs.h"

/* ---- classes without layers ---- */

/* The graph file, in latentc, of a class of keras-cv. */
static Json class_graph(Arena *a, Json root)
{
    KerasRows *rows = keras_rows_open(a);
    Json module = json_get(root, "module");
    const char *class_name = json_string(json_need(root, "class_name"));
    const char *path = keras_class_graph(rows, class_name,
                                         json_ok(module) ? json_string(module) : "");
    if (!path)
        json_err(
            root,
            "class %s has no layers in this file, expected a functional or sequential model, or one of keras-cv's Stable Diffusion models",
            class_name);
    Json graph = embedded_graph(path);
    keras_rows_close(rows);
    return graph;
}

static Graph *graph_of_class(Json root, const ParamSet *sets, int n_sets)
{
    Arena *a = arena_new();
    Json file = class_graph(a, root);
    json_rename(file, json_file(root));
    Graph *g = graph_from_json(file, sets, n_sets);
    json_free(file);
    arena_free(a);
    return g;
}

/* ---- graphs ---- */

static int by_place(const void *a, const void *b)
{
    const KerasPlaced *x = a, *y = b;
    return x->place != y->place ? (x->place > y->place) - (x->place < y->place)
                                : (x->number > y->number) - (x->number < y->number);
}

/* Weights in Keras' order; a layer's own were noted in it. */
static void set_weights(Graph *g, KerasEmit *e)
{
    KerasWeight *list = arena_alloc(g->arena, (e->n_weights + 1) * sizeof *list);
    if (e->n_weights)
        qsort(e->weights, e->n_weights, sizeof *e->weights, by_place);
    for (size_t i = 0; i < e->n_weights; i++) {
        list[i] = e->weights[i].weight;
        list[i].layer = arena_strdup(g->arena, list[i].layer);
    }
    g->keras = list;
    g->n_keras = (uint32_t)e->n_weights;
}

static void add_outputs(Graph *g, const KerasModel *m, const KerasValue *out)
{
    for (int i = 0; i < m->outputs.n_args; i++) {
        const KerasArg *arg = &m->outputs.args[i];
        const KerasLayer *l = &m->layers[arg->layer];
        for (int k = 0; k < 4; k++)
            if (out[i].pad[k])
                json_err(l->json, "layer %s (%s) is an output, expected its zeros in a convolution",
                         l->name, l->class_name);
        if (tensor(g, out[i].t)->kind != T_TEMP)
            json_err(l->json, "output %s is an input, expected a result of a layer",
                     m->output_names[i]);
        graph_add_output(g, m->output_names[i], out[i].t);
    }
}

/* As in graph files: what nobody reads is a mistake. */
static void check_used(const Graph *g, const KerasModel *m)
{
    for (uint32_t i = 0; i < g->n_inputs; i++)
        if (!graph_use_count(g, g->inputs[i]))
            json_err(m->config, "input %s is never used, expected a layer that reads it",
                     tensor(g, g->inputs[i])->name);
    for (uint32_t i = 0; i < g->n_ops; i++)
        if (!graph_use_count(g, g->ops[i].out))
            json_err(m->config, "the result of layer %s is never used, expected a use or an output",
                     g->ops[i].path);
}

/* ---- step caching ---- */

/* For each result the largest number of operations from an input to it, by tensor id - 1. */
static int *depths(Arena *a, const Graph *g)
{
    int *depth = arena_alloc(a, ((size_t)g->n_tensors + 1) * sizeof *depth);
    for (uint32_t i = 0; i < g->n_ops; i++) {
        int most = 0;
        for (int s = 0; s < SLOT_COUNT; s++)
            if (tensor_ok(g->ops[i].in[s]) && depth[g->ops[i].in[s].id - 1] > most)
                most = depth[g->ops[i].in[s].id - 1];
        depth[g->ops[i].out.id - 1] = most + 1;
    }
    return depth;
}

/* In a model with a time, the last three concats of images get a cacheable value from below, as in
 * graphs/sd2/diffusion_model.json: that of the longer way. The skip is the other one. */
static void mark_cacheable(Arena *a, Graph *g)
{
    bool timed = false;
    int level = 0;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        timed |= tensor(g, g->inputs[i])->binding == BIND_TIME;
    if (!timed)
        return;
    const int *depth = depths(a, g);
    for (uint32_t i = g->n_ops; i-- > 0 && level < 3;) {
        const Op *o = &g->ops[i];
        if (o->kind != OP_CONCAT || tensor(g, o->out)->shape.rank != 4)
            continue;
        bool second = depth[o->in[1].id - 1] > depth[o->in[0].id - 1];
        level++;
        (void)graph_mark(g, o->in[second], level); /* or it cannot be cached */
    }
}

/* A line on standard error, once in this process; none in tests that catch errors. */
static void say_once(const char *text)
{
    static uint64_t said[64];
    static int n;
    if (err_catching())
        return;
    uint64_t hash = fnv1a64(text, strlen(text), FNV1A64_INIT);
    for (int i = 0; i < n; i++)
        if (said[i] == hash)
            return;
    if (n < 64)
        said[n++] = hash;
    note("%s", text);
}

static Graph *read_graph(Arena *scratch, Json root, const ParamSet *sets, int n_sets)
{
    Graph *g = graph_new(keras_model_name(scratch, root));
    g->file = arena_strdup(g->arena, json_file(root));
    KerasModel *m = keras_model_read(scratch, root);
    KerasRows *rows = keras_rows_open(scratch);
    Reader *r = arena_alloc(scratch, sizeof *r);
    *r = (Reader){.g = g, .root = root, .scratch = scratch, .prefix = ""};
    r->globals = r->scope = arena_alloc(scratch, sizeof *r->globals);
    int n_in = m->inputs.n_args, n_out = m->outputs.n_args;
    TensorId *inputs = arena_alloc(scratch, (size_t)n_in * sizeof *inputs);
    KerasValue *in = arena_alloc(scratch, (size_t)n_in * sizeof *in);
    KerasValue *out = arena_alloc(scratch, (size_t)n_out * sizeof *out);
    const char *guessed = keras_inputs(r, m, sets, n_sets, inputs);
    for (int i = 0; i < n_in; i++)
        in[i].t = inputs[i];
    KerasEmit e = {.r = r, .rows = rows, .model = m};
    keras_emit_model(&e, m, in, out);
    add_outputs(g, m, out);
    check_used(g, m);
    set_weights(g, &e);
    mark_cacheable(scratch, g);
    if (keras_rows_mixed(rows))
        say_once(arena_printf(
            scratch,
            "%s: layers have the dtype policy %s; what products are computed in is --dtype's choice",
            g->file, keras_rows_mixed(rows)));
    keras_rows_close(rows);
    if (*guessed)
        say_once(arena_printf(
            scratch,
            "%s: inputs change with: %s (by their names; --varies NAME=step|time|prompt|never says otherwise)",
            g->file, guessed));
    return g;
}

Graph *keras_graph(Json root, const ParamSet *sets, int n_sets)
{
    if (keras_class_only(root))
        return graph_of_class(root, sets, n_sets);
    Arena *scratch = arena_new();
    Graph *g = read_graph(scratch, root, sets, n_sets);
    arena_free(scratch);
    return g;
}

int keras_graph_parameters(Arena *a, Json root, const char **names, int most)
{
    int n = 0;
    if (!keras_class_only(root))
        return keras_parameters(a, keras_model_read(a, root), names, most);
    Json file = class_graph(a, root), section = json_get(file, "parameters");
    for (Json m = json_ok(section) ? json_first(section) : section; json_ok(m) && n < most;
         m = json_next(m))
        names[n++] = arena_strdup(a, json_key(m));
    json_free(file);
    return n;
}

const char *keras_graph_name(Arena *a, Json root)
{
    if (!keras_class_only(root))
        return keras_model_name(a, root);
    Json file = class_graph(a, root);
    const char *name = arena_strdup(a, json_string(json_need(file, "graph")));
    json_free(file);
    return name;
}
