/* Layers and connections of Keras' JSON: see keras_model.h. */
#include "keras_model.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "keras_names.h"

typedef struct {
    Arena *arena;
    /* layers so far, nested models' layers included */
    int place;
    int depth;
} Read;

/* ---- what kind of file ---- */

bool keras_json(Json root)
{
    return json_kind(root) == JSON_OBJECT && json_ok(json_get(root, "class_name")) &&
           json_ok(json_get(root, "config"));
}

static bool has_layers(Json root)
{
    Json config = json_need(root, "config");
    return json_kind(config) == JSON_OBJECT && json_ok(json_get(config, "layers"));
}

bool keras_class_only(Json root) { return !has_layers(root); }

static const char *text_of(Json object, const char *key, const char *otherwise)
{
    Json j = json_get(object, key);
    return json_ok(j) && json_kind(j) == JSON_STRING ? json_string(j) : otherwise;
}

static void refuse_keras_2(Json root)
{
    const char *version = text_of(root, "keras_version", "2");
    if (json_ok(json_get(root, "module")))
        return;
    err("%s: written by Keras %s, expected Keras 3: load the model there and save it with model.save(\"MODEL.keras\") or model.to_json()",
        json_file(root), version);
}

const char *keras_model_name(Arena *a, Json root)
{
    const char *name = text_of(json_need(root, "config"), "name", "model");
    return keras_identifier(a, *name ? name : "model");
}

/* ---- references to tensors ---- */

static KerasArg *new_arg(Read *r, KerasCall *c, Json at, const char *keyword)
{
    ARENA_GROW(r->arena, c->args, c->n_args, c->cap_args);
    KerasArg *arg = &c->args[c->n_args++];
    *arg = (KerasArg){.at = at, .keyword = keyword, .layer = -1};
    return arg;
}

static int find_layer(const KerasModel *m, Json at, const char *name)
{
    for (int i = 0; i < m->n_layers; i++)
        if (strcmp(m->layers[i].name, name) == 0)
            return i;
    json_err(at, "there is no layer \"%s\" in model %s", name, m->name);
}

/* Is the layer a functional model? Where outputs are listed, Keras counts its calls from 1: the
 * one that made it is number 0. */
static bool is_functional(const KerasLayer *l)
{
    return l->model && json_ok(json_get(l->model->config, "input_layers"));
}

/* ["layer", call, result]; end: it is one of the model's outputs, or inputs. */
static void read_reference(Read *r, const KerasModel *m, Json list, KerasCall *c, const char *key,
                           bool end)
{
    KerasArg *arg = new_arg(r, c, list, key);
    json_expect(list, JSON_ARRAY);
    if (json_count(list) != 3)
        json_err(list, "expected a layer's name, the number of its call and that of a result");
    Json name = json_first(list), call = json_next(name), result = json_next(call);
    arg->layer = find_layer(m, name, json_string(name));
    arg->call = (int)json_int(call, 0, INT32_MAX);
    arg->result = (int)json_int(result, 0, INT32_MAX);
    const KerasLayer *l = &m->layers[arg->layer];
    int calls = json_ok(l->batch_shape) ? 1 : l->n_calls;
    if (end && is_functional(l)) /* Keras, too, takes 0 for the last one */
        arg->call = (arg->call ? arg->call : calls) - 1;
    if (arg->call < 0 || arg->call >= calls)
        json_err(call, "layer %s has %d call%s here, found a reference to number %s", l->name,
                 calls, calls == 1 ? "" : "s", json_text(call));
}

/* Is it ["layer", 0, 0]? */
static bool is_reference(Json j)
{
    return json_kind(j) == JSON_ARRAY && json_count(j) == 3 &&
           json_kind(json_first(j)) == JSON_STRING;
}

/* Tensors and numbers in an argument, however they are nested. */
static void read_arg(Read *r, const KerasModel *m, Json at, KerasCall *c, const char *keyword)
{
    switch (json_kind(at)) {
    case JSON_NULL: return;
    case JSON_NUMBER: new_arg(r, c, at, keyword)->number = json_number(at); return;
    case JSON_ARRAY:
        for (Json e = json_first(at); json_ok(e); e = json_next(e))
            read_arg(r, m, e, c, keyword);
        return;
    case JSON_OBJECT: {
        if (strcmp(text_of(at, "class_name", ""), "__keras_tensor__") != 0)
            break;
        Json history = json_need(json_need(at, "config"), "keras_history");
        read_reference(r, m, history, c, keyword, false);
        return;
    }
    case JSON_BOOL:
    case JSON_STRING: break;
    }
    json_err(at, "found %.60s, expected a tensor of the model or a number", json_text(at));
}

/* No masks: null, or a list or a dictionary of that for the tensors of a call. */
static bool only_nulls(Json at)
{
    bool list = json_kind(at) == JSON_ARRAY || json_kind(at) == JSON_OBJECT;
    bool nulls = list || json_kind(at) == JSON_NULL;
    for (Json e = list ? json_first(at) : (Json){0}; nulls && json_ok(e); e = json_next(e))
        nulls = only_nulls(e);
    return nulls;
}

static void read_keywords(Read *r, const KerasModel *m, Json kwargs, KerasCall *c)
{
    for (Json k = json_first(kwargs); json_ok(k); k = json_next(k)) {
        bool training = strcmp(json_key(k), "training") == 0 && json_kind(k) == JSON_BOOL;
        if (training || json_kind(k) == JSON_NULL)
            continue;
        bool mask = strcmp(json_key(k), "mask") == 0;
        if (mask && only_nulls(k))
            continue;
        if (mask)
            json_err(k, "masks are not supported, expected null");
        read_arg(r, m, k, c, json_key(k));
    }
}

/* Is it the only argument, {"a": tensor, ...}? */
static bool is_dictionary(Json args)
{
    if (json_kind(args) != JSON_ARRAY || json_count(args) != 1)
        return false;
    Json first = json_first(args);
    return json_kind(first) == JSON_OBJECT && !json_ok(json_get(first, "class_name"));
}

/* A call of a model with a dictionary of tensors, whose names are those of the model's inputs. */
static void read_dictionary(Read *r, const KerasModel *m, const KerasLayer *l, Json at,
                            KerasCall *c)
{
    const KerasModel *inner = l->model;
    int n = inner ? inner->inputs.n_args : 0;
    bool named = n > 0;
    for (int i = 0; i < n; i++)
        named &= inner->inputs.args[i].keyword != NULL;
    if (!named)
        json_err(at, "layer %s (%s): called with a dictionary, expected tensors by their position",
                 l->name, l->class_name);
    if (json_count(at) != n)
        json_err(at, "layer %s (%s): called with %d tensors, expected %d", l->name, l->class_name,
                 json_count(at), n);
    for (int i = 0; i < n; i++) {
        const char *key = inner->inputs.args[i].keyword;
        Json tensor = json_get(at, key);
        if (!json_ok(tensor))
            json_err(at, "layer %s (%s): called without a tensor for its input %s", l->name,
                     l->class_name, key);
        read_arg(r, m, tensor, c, NULL);
    }
}

static void read_calls(Read *r, const KerasModel *m, KerasLayer *l)
{
    Json nodes = json_get(l->json, "inbound_nodes");
    int i = 0;
    for (Json n = json_ok(nodes) ? json_first(nodes) : nodes; json_ok(n); n = json_next(n), i++) {
        json_expect(n, JSON_OBJECT);
        Json args = json_need(n, "args"), kwargs = json_get(n, "kwargs");
        if (is_dictionary(args))
            read_dictionary(r, m, l, json_first(args), &l->calls[i]);
        else
            read_arg(r, m, args, &l->calls[i], NULL);
        if (json_ok(kwargs)) {
            json_expect(kwargs, JSON_OBJECT);
            read_keywords(r, m, kwargs, &l->calls[i]);
        }
    }
}

/* "input_layers", "output_layers": one reference, a list of them, or an object with names. */
static void read_ends(Read *r, const KerasModel *m, Json at, KerasCall *c, const char *name)
{
    if (is_reference(at)) {
        read_reference(r, m, at, c, name, true);
        return;
    }
    if (json_kind(at) != JSON_OBJECT)
        json_expect(at, JSON_ARRAY);
    for (Json e = json_first(at); json_ok(e); e = json_next(e))
        read_ends(r, m, e, c, json_key(e));
}

/* ---- layers ---- */

static KerasModel *read_model(Read *r, Json root, const char *stored);

static void check_layer_kind(const KerasLayer *l)
{
    if (!*l->module)
        json_err(l->json, "layer %s (%s) has no \"module\": expected JSON of Keras 3", l->name,
                 l->class_name);
}

static void read_layer(Read *r, Json at, KerasLayer *l, KerasNames *names)
{
    json_expect(at, JSON_OBJECT);
    l->json = at;
    l->config = json_need(at, "config");
    json_expect(l->config, JSON_OBJECT);
    l->class_name = json_string(json_need(at, "class_name"));
    l->module = text_of(at, "module", "");
    l->name = text_of(at, "name", text_of(l->config, "name", l->class_name));
    check_layer_kind(l);
    l->path = keras_path(r->arena, l->name);
    l->place = r->place++;
    l->stored = keras_stored_name(names, l->class_name);
    Json nodes = json_get(at, "inbound_nodes");
    if (json_ok(nodes)) {
        json_expect(nodes, JSON_ARRAY);
        l->n_calls = json_count(nodes);
    }
    if (strcmp(l->class_name, "InputLayer") == 0)
        l->batch_shape = json_need(l->config, "batch_shape");
    if (has_layers(at))
        l->model = read_model(r, at, l->stored);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const KerasLayer *const *)a)->name, (*(const KerasLayer *const *)b)->name);
}

static void check_names(Read *r, const KerasModel *m)
{
    const KerasLayer **sorted = arena_alloc(r->arena, (size_t)m->n_layers * sizeof *sorted + 1);
    for (int i = 0; i < m->n_layers; i++)
        sorted[i] = &m->layers[i];
    qsort(sorted, (size_t)m->n_layers, sizeof *sorted, by_name);
    for (int i = 1; i < m->n_layers; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            json_err(sorted[i]->json, "layer %s is there twice, expected once", sorted[i]->name);
}

/* The layers of the list, from layers[first] on. */
static void read_layers(Read *r, KerasModel *m, Json list, const char *stored)
{
    KerasNames *names = keras_names_new(r->arena, stored);
    for (Json l = json_first(list); json_ok(l); l = json_next(l))
        read_layer(r, l, &m->layers[m->n_layers++], names);
    check_names(r, m);
    for (int i = 0; i < m->n_layers; i++) {
        KerasLayer *l = &m->layers[i];
        int n = l->n_calls ? l->n_calls : 1;
        l->calls = arena_alloc(r->arena, (size_t)n * sizeof *l->calls);
    }
}

static void read_functional(Read *r, KerasModel *m)
{
    for (int i = 0; i < m->n_layers; i++)
        read_calls(r, m, &m->layers[i]);
    read_ends(r, m, json_need(m->config, "input_layers"), &m->inputs, NULL);
    read_ends(r, m, json_need(m->config, "output_layers"), &m->outputs, NULL);
}

/* Each layer reads the one before it. */
static void read_sequential(Read *r, KerasModel *m)
{
    for (int i = 1; i < m->n_layers; i++) {
        m->layers[i].n_calls = 1;
        new_arg(r, &m->layers[i].calls[0], m->layers[i].json, NULL)->layer = i - 1;
    }
    new_arg(r, &m->inputs, m->json, NULL)->layer = 0;
    new_arg(r, &m->outputs, m->json, NULL)->layer = m->n_layers - 1;
}

/* A sequential model may have no layer for its input: then the shape it was built for counts. */
static void add_input(KerasModel *m, Json first)
{
    const char *class_name = text_of(first, "class_name", "");
    if (strcmp(class_name, "InputLayer") == 0)
        return;
    Json shape = json_get(m->config, "build_input_shape");
    if (!json_ok(shape) || json_kind(shape) != JSON_ARRAY)
        json_err(
            m->config,
            "sequential model %s has no input: expected an InputLayer or a model that is built",
            m->name);
    m->layers[m->n_layers++] = (KerasLayer){.json = m->json,
                                            .name = "input",
                                            .class_name = "InputLayer",
                                            .module = "keras.layers",
                                            .path = "input",
                                            .batch_shape = shape};
}

static void name_outputs(Read *r, KerasModel *m)
{
    int n = m->outputs.n_args;
    m->output_names = arena_alloc(r->arena, (size_t)n * sizeof *m->output_names + 1);
    for (int i = 0; i < n; i++) {
        const KerasArg *arg = &m->outputs.args[i];
        const char *name = n == 1 ? "output" : m->layers[arg->layer].name;
        name = keras_identifier(r->arena, arg->keyword ? arg->keyword : name);
        for (int k = 0; k < i; k++)
            if (strcmp(m->output_names[k], name) == 0)
                name = arena_printf(r->arena, "%s_%d", name, i + 1);
        m->output_names[i] = name;
    }
}

static KerasModel *read_model(Read *r, Json root, const char *stored)
{
    KerasModel *m = arena_alloc(r->arena, sizeof *m);
    m->json = root;
    m->config = json_need(root, "config");
    m->class_name = json_string(json_need(root, "class_name"));
    m->module = text_of(root, "module", "");
    m->name = text_of(m->config, "name", m->class_name);
    Json list = json_get(m->config, "layers");
    bool functional = json_ok(json_get(m->config, "input_layers"));
    json_expect(list, JSON_ARRAY);
    int n = json_count(list);
    if (n < 1 || n > MOST_KERAS_LAYERS)
        json_err(list, "found %d layers, expected 1 to %d", n, MOST_KERAS_LAYERS);
    if (++r->depth > MOST_KERAS_DEPTH)
        json_err(root, "models are nested more than %d deep", MOST_KERAS_DEPTH);
    m->layers = arena_alloc(r->arena, ((size_t)n + 1) * sizeof *m->layers);
    if (!functional)
        add_input(m, json_first(list));
    read_layers(r, m, list, arena_printf(r->arena, "%s%slayers", stored, *stored ? "/" : ""));
    if (functional)
        read_functional(r, m);
    else
        read_sequential(r, m);
    if (!m->inputs.n_args || !m->outputs.n_args)
        json_err(m->config, "model %s has no %s", m->name, m->inputs.n_args ? "output" : "input");
    name_outputs(r, m);
    r->depth--;
    return m;
}

KerasModel *keras_model_read(Arena *a, Json root)
{
    Read r = {.arena = a};
    refuse_keras_2(root);
    return read_model(&r, root, "");
}
