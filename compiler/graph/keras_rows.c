/* See keras_rows.h. */
#include "keras_rows.h"

#include <string.h>

#include "embedded.h"
#include "err.h"
#include "words.h"

enum { MOST_DOCUMENTS = 8 };
struct KerasRows {
    Arena *arena;
    Json table;
    /* graph files whose blocks are used, opened when they are */
    Json blocks[MOST_DOCUMENTS];
    const char *paths[MOST_DOCUMENTS];
    int n;
    const char *place;
    /* the mixed dtype policy that a layer had; NULL: none */
    const char **mixed;
};

KerasRows *keras_rows_open(Arena *a)
{
    KerasRows *rows = arena_alloc(a, sizeof *rows);
    rows->arena = a;
    rows->mixed = arena_alloc(a, sizeof *rows->mixed);
    rows->table = embedded_json("compiler/graph/keras_layers.json");
    return rows;
}

void keras_rows_close(KerasRows *rows)
{
    for (int i = 0; i < rows->n; i++)
        json_free(rows->blocks[i]);
    json_free(rows->table);
}

void keras_rows_place(KerasRows *rows, const char *place)
{
    rows->place = place;
    json_stands_for(rows->table, place);
    for (int i = 0; i < rows->n; i++)
        json_stands_for(rows->blocks[i], place);
}

Json keras_row_blocks(KerasRows *rows, Json row)
{
    Json path = json_get(row, "blocks");
    if (!json_ok(path))
        return rows->table;
    int i = 0;
    while (i < rows->n && strcmp(rows->paths[i], json_string(path)) != 0)
        i++;
    if (i < rows->n)
        return rows->blocks[i];
    CHECK(rows->n < MOST_DOCUMENTS);
    rows->paths[rows->n] = json_string(path);
    rows->blocks[rows->n] = embedded_json(json_string(path));
    json_stands_for(rows->blocks[rows->n], rows->place);
    return rows->blocks[rows->n++];
}

const char *keras_rows_mixed(const KerasRows *rows) { return *rows->mixed; }

/* ---- finding a row ---- */

static bool is_true(Json object, const char *key)
{
    Json j = json_get(object, key);
    return json_ok(j) && !(json_kind(j) == JSON_BOOL && !json_bool(j));
}

static bool same_value(Json a, Json b)
{
    if (json_kind(a) == JSON_NUMBER && json_kind(b) == JSON_NUMBER)
        return json_number(a) == json_number(b);
    return strcmp(json_text(a), json_text(b)) == 0;
}

static bool row_is_for(Json row, const KerasLayer *l)
{
    Json when = json_get(row, "when");
    if (strcmp(json_string(json_need(row, "class")), l->class_name) != 0 ||
        !words_match(json_string(json_need(row, "module")), l->module))
        return false;
    for (Json w = json_ok(when) ? json_first(when) : when; json_ok(w); w = json_next(w)) {
        Json value = json_get(l->config, json_key(w));
        if (!json_ok(value) || !same_value(value, w))
            return false;
    }
    return true;
}

static int fewest(Json row)
{
    Json least = json_get(row, "least");
    return json_ok(least) ? (int)json_int(least, 1, 8) : json_count(json_need(row, "inputs"));
}

static bool row_takes(Json row, int tensors, int numbers)
{
    if (numbers != (is_true(row, "number") ? 1 : 0))
        return false;
    if (is_true(row, "fold"))
        return tensors >= 1;
    return tensors >= fewest(row) && tensors <= json_count(json_need(row, "inputs"));
}

/* The names of all classes that have rows, each once. */
static const char *class_list(const KerasRows *rows)
{
    Json list = json_need(rows->table, "layers");
    const char *text = "";
    for (Json r = json_first(list); json_ok(r); r = json_next(r)) {
        bool before = false;
        const char *name = json_string(json_need(r, "class"));
        for (Json b = json_first(list); b.node != r.node; b = json_next(b))
            before |= strcmp(json_string(json_need(b, "class")), name) == 0;
        if (!before)
            text = arena_printf(rows->arena, "%s%s%s", text, *text ? ", " : "", name);
    }
    return text;
}

static _Noreturn void no_row(const KerasRows *rows, const KerasLayer *l)
{
    const char *other = NULL;
    Json list = json_need(rows->table, "layers");
    for (Json r = json_first(list); json_ok(r); r = json_next(r))
        if (strcmp(json_string(json_need(r, "class")), l->class_name) == 0)
            other = json_string(json_need(r, "module"));
    if (other)
        json_err(l->json, "layer %s: class %s of module %s is not known, expected that of %s",
                 l->name, l->class_name, l->module, other);
    json_err(
        l->json,
        "layer %s: class %s (%s) is not supported, expected InputLayer, a functional or sequential model, or one of: %s",
        l->name, l->class_name, l->module, class_list(rows));
}

static _Noreturn void wrong_inputs(Json row, const KerasLayer *l, int tensors, int numbers)
{
    int most = json_count(json_need(row, "inputs"));
    json_err(
        l->json, "layer %s (%s): called with %d tensor%s and %d number%s, expected %d tensor%s%s",
        l->name, l->class_name, tensors, tensors == 1 ? "" : "s", numbers, numbers == 1 ? "" : "s",
        most, most == 1 ? "" : "s", is_true(row, "number") ? " and a number" : "");
}

Json keras_row(const KerasRows *rows, const KerasLayer *l, int tensors, int numbers)
{
    Json list = json_need(rows->table, "layers"), last = {0};
    for (Json r = json_first(list); json_ok(r); r = json_next(r)) {
        if (!row_is_for(r, l))
            continue;
        if (row_takes(r, tensors, numbers))
            return r;
        last = r;
    }
    if (json_ok(last))
        wrong_inputs(last, l, tensors, numbers);
    no_row(rows, l);
}

const char *keras_class_graph(const KerasRows *rows, const char *class_name, const char *module)
{
    Json list = json_need(rows->table, "models");
    for (Json r = json_first(list); json_ok(r); r = json_next(r))
        if (strcmp(json_string(json_need(r, "class")), class_name) == 0 &&
            words_match(json_string(json_need(r, "module")), module))
            return json_string(json_need(r, "graph"));
    return NULL;
}

/* ---- parameters ---- */

void keras_param(Reader *r, Json at, ParamSet p)
{
    ParamSet *old = param_of(r->globals, p.name);
    if (old)
        *old = p;
    else
        param_add(r, at, r->globals, p);
}

void keras_rows_defaults(const KerasRows *rows, Reader *r)
{
    Json section = json_need(rows->table, "parameters");
    for (Json m = json_first(section); json_ok(m); m = json_next(m))
        keras_param(r, m, param_from_json(r->scratch, json_key(m), m));
}

/* ---- members of a config ---- */

typedef struct {
    Reader *r;
    const KerasRows *rows;
    const KerasLayer *layer;
    /* of the layer's config; its parameter's name */
    Json value;
    const char *name;
    Json *activation;
} Member;

#define MEMBER_ERR(m, fmt, ...)                                                           \
    json_err((m)->value, "layer %s (%s): " fmt, (m)->layer->name, (m)->layer->class_name, \
             __VA_ARGS__)

static void set_integer(const Member *m, const char *name, int64_t v)
{
    keras_param(m->r, m->value, (ParamSet){.name = name, .value = v});
}

static void member_integer(const Member *m)
{
    set_integer(m, m->name, json_int(m->value, INT32_MIN, INT32_MAX));
}

static void member_number(const Member *m)
{
    if (json_kind(m->value) != JSON_NUMBER)
        MEMBER_ERR(m, "found %.60s, expected a number", json_text(m->value));
    keras_param(m->r, m->value,
                (ParamSet){.name = m->name, .kind = PARAM_REAL, .real = json_number(m->value)});
}

static void member_flag(const Member *m) { set_integer(m, m->name, json_bool(m->value)); }

static void member_pair(const Member *m)
{
    if (json_kind(m->value) == JSON_NUMBER) {
        member_integer(m);
        return;
    }
    json_expect(m->value, JSON_ARRAY);
    Json a = json_first(m->value), b = json_ok(a) ? json_next(a) : a;
    if (json_count(m->value) != 2 ||
        json_int(a, INT32_MIN, INT32_MAX) != json_int(b, INT32_MIN, INT32_MAX))
        MEMBER_ERR(m, "found %.60s, expected one number or two that are equal",
                   json_text(m->value));
    set_integer(m, m->name, json_int(a, INT32_MIN, INT32_MAX));
}

/* p; [rows, columns]; or [[top, bottom], [left, right]] */
static void member_pads(const Member *m)
{
    static const char *const names[] = {"top", "bottom", "left", "right"};
    int64_t pad[4];
    if (json_kind(m->value) == JSON_NUMBER) {
        for (int i = 0; i < 4; i++)
            pad[i] = json_int(m->value, 0, INT32_MAX);
    } else {
        json_expect(m->value, JSON_ARRAY);
        if (json_count(m->value) != 2)
            MEMBER_ERR(m, "found %.60s, expected one number or two", json_text(m->value));
        int i = 0;
        for (Json side = json_first(m->value); json_ok(side); side = json_next(side), i += 2) {
            bool one = json_kind(side) == JSON_NUMBER;
            if (!one && (json_kind(side) != JSON_ARRAY || json_count(side) != 2))
                MEMBER_ERR(m, "found %.60s, expected numbers or pairs", json_text(m->value));
            pad[i] = json_int(one ? side : json_first(side), 0, INT32_MAX);
            pad[i + 1] = one ? pad[i] : json_int(json_next(json_first(side)), 0, INT32_MAX);
        }
    }
    for (int i = 0; i < 4; i++)
        set_integer(m, names[i], pad[i]);
}

/* An axis, or a list with one: checked when the input is known. */
static void member_last(const Member *m)
{
    Json v = m->value;
    if (json_kind(v) == JSON_ARRAY && json_count(v) == 1)
        v = json_first(v);
    int rank = (int)param_of(m->r->globals, "rank")->value;
    if (json_kind(v) != JSON_NUMBER || (json_number(v) != -1 && json_number(v) != rank - 1))
        MEMBER_ERR(m, "axis: found %.60s, expected the last one, -1", json_text(m->value));
}

/* A list of integers; none or -1: what remains. */
static void member_shape(const Member *m)
{
    json_expect(m->value, JSON_ARRAY);
    int n = json_count(m->value), i = 0;
    int64_t *dims = arena_alloc(m->r->scratch, ((size_t)n + 1) * sizeof *dims);
    for (Json d = json_first(m->value); json_ok(d); d = json_next(d))
        dims[i++] = json_kind(d) == JSON_NULL ? -1 : json_int(d, -1, INT32_MAX);
    keras_param(m->r, m->value,
                (ParamSet){.name = m->name, .kind = PARAM_INTS, .ints = dims, .n_ints = n});
}

/* A name, or a function of Keras written as an object. */
static void member_activation(const Member *m)
{
    Json v = m->value, table = json_need(m->rows->table, "activations");
    const char *name = NULL, *all = "";
    if (json_kind(v) == JSON_OBJECT && json_ok(json_get(v, "config")))
        v = json_get(v, "config");
    if (json_kind(v) == JSON_STRING)
        name = json_string(v);
    else if (json_kind(v) == JSON_NULL)
        name = "linear";
    *m->activation = name ? json_get(table, name) : (Json){0};
    if (json_ok(*m->activation))
        return;
    for (Json a = json_first(table); json_ok(a); a = json_next(a))
        all = arena_printf(m->r->scratch, "%s%s%s", all, *all ? ", " : "", json_key(a));
    MEMBER_ERR(m, "activation %.60s is not supported, expected one of: %s", json_text(m->value),
               all);
}

/* float32; mixed policies keep f32 weights, and what they compute in is --dtype's. */
static void member_policy(const Member *m)
{
    static const char *const had[] = {"float32", "mixed_float16", "mixed_bfloat16"};
    Json v = m->value, name = v;
    if (json_kind(v) == JSON_OBJECT) {
        const char *class_name = json_string(json_need(v, "class_name"));
        if (strcmp(class_name, "DTypePolicy") != 0)
            MEMBER_ERR(m, "dtype policy %.60s is not supported, expected DTypePolicy", class_name);
        name = json_need(json_need(v, "config"), "name");
    }
    if (json_kind(v) == JSON_NULL)
        return;
    int found = name_find(json_string(name), NAMES(had, 3));
    if (found > 0)
        *m->rows->mixed = had[found];
    if (found >= 0)
        return;
    MEMBER_ERR(m, "dtype %.60s is not supported, expected float32, mixed_float16 or mixed_bfloat16",
               json_string(name));
}

static void member_skip(const Member *m) { (void)m; }

/* clang-format off */
static const struct { const char *name; void (*read)(const Member *m); } types[] = {
    {"integer", member_integer}, {"number", member_number}, {"flag", member_flag}, {"pair", member_pair}, {"pads", member_pads},
    {"last", member_last}, {"shape", member_shape}, {"activation", member_activation}, {"policy", member_policy}, {"skip", member_skip},
};
/* clang-format on */

static void read_typed(const Member *m, const char *type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, type) == 0) {
            types[i].read(m);
            return;
        }
    die("keras_layers.json: there is no type %s", type);
}

static void read_only(const Member *m, Json only)
{
    for (Json v = json_first(only); json_ok(v); v = json_next(v))
        if (same_value(v, m->value))
            return;
    Json first = json_first(only);
    MEMBER_ERR(m, "%s: found %.60s, expected %s", json_key(m->value), json_text(m->value),
               json_text(first));
}

static void read_words(const Member *m, Json words)
{
    const char *all = "";
    for (Json w = json_first(words); json_ok(w); w = json_next(w)) {
        if (json_kind(m->value) == JSON_STRING && strcmp(json_key(w), json_string(m->value)) == 0) {
            set_integer(m, m->name, json_int(w, INT32_MIN, INT32_MAX));
            return;
        }
        all = arena_printf(m->r->scratch, "%s%s\"%s\"", all, *all ? " or " : "", json_key(w));
    }
    MEMBER_ERR(m, "%s: found %.60s, expected %s", json_key(m->value), json_text(m->value), all);
}

static void read_member(Member *m, Json spec)
{
    if (json_kind(spec) == JSON_STRING) {
        read_typed(m, json_string(spec));
    } else if (json_kind(spec) == JSON_ARRAY) {
        read_only(m, spec);
    } else {
        Json as = json_get(spec, "as"), only = json_get(spec, "only"),
             words = json_get(spec, "words");
        if (json_ok(as))
            m->name = json_string(as);
        if (json_ok(only))
            read_only(m, only);
        else if (json_ok(words))
            read_words(m, words);
        else
            read_typed(m, json_string(json_need(spec, "type")));
    }
}

/* Every parameter that the row's statements use must come from somewhere. */
static void check_present(Json spec, const KerasLayer *l)
{
    bool may_lack = json_kind(spec) == JSON_ARRAY ||
                    (json_kind(spec) == JSON_OBJECT && json_ok(json_get(spec, "only"))) ||
                    (json_kind(spec) == JSON_STRING &&
                     (strcmp(json_string(spec), "activation") == 0 ||
                      strcmp(json_string(spec), "last") == 0));
    if (!may_lack && !json_ok(json_get(l->config, json_key(spec))))
        json_err(l->config, "layer %s (%s): \"%s\" is missing", l->name, l->class_name,
                 json_key(spec));
}

void keras_row_config(const KerasRows *rows, Json row, const KerasLayer *l, Reader *r,
                      Json *activation)
{
    Json own = json_get(row, "config"), common = json_need(rows->table, "config");
    *activation = (Json){0};
    for (Json v = json_first(l->config); json_ok(v); v = json_next(v)) {
        const char *key = json_key(v);
        Json spec = json_ok(own) ? json_get(own, key) : own;
        if (!json_ok(spec))
            spec = json_get(common, key);
        Member m = {r, rows, l, v, json_key(v), activation};
        if (json_ok(spec))
            read_member(&m, spec);
        else if (json_ok(own) && json_kind(v) != JSON_NULL)
            json_err(v, "layer %s (%s): \"%s\" is not supported: found %.60s", l->name,
                     l->class_name, key, json_text(v));
    }
    for (Json s = json_ok(own) ? json_first(own) : own; json_ok(s); s = json_next(s))
        check_present(s, l);
}
