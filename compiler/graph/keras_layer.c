/* One layer of a Keras model: its row's statements, done. See keras_emit.h. */
#include "keras_emit.h"

#include <string.h>

#include "construct.h"
#include "err.h"
#include "graph_expand.h"
#include "infer.h"
#include "words.h"

static const ParamSet *global(const KerasEmit *e, const char *name)
{
    const ParamSet *p = param_of(e->r->globals, name);
    CHECK(p);
    return p;
}

static void set_number(KerasEmit *e, Json at, const char *name, int64_t v)
{
    keras_param(e->r, at, (ParamSet){.name = name, .value = v});
}

static const char *const in_pads[] = {"in_top", "in_bottom", "in_left", "in_right"};

/* Parameters that do not come from the config. */
static void base_params(KerasEmit *e, const KerasLayer *l, Json row, const KerasValue *first)
{
    int64_t batch = global(e, "batch")->value;
    Json pads = json_get(row, "pads");
    bool padded = false;
    e->r->globals->n_params = 0;
    keras_rows_defaults(e->rows, e->r);
    set_number(e, row, "batch", batch);
    set_number(e, row, "rank", tensor(e->r->g, first->t)->shape.rank);
    for (int i = 0; i < 4; i++) {
        set_number(e, row, in_pads[i], first->pad[i]);
        padded |= first->pad[i] != 0;
    }
    if (padded && !json_ok(pads))
        json_err(
            l->json,
            "layer %s (%s) reads a ZeroPadding2D, expected Conv2D or PaddedConv2D: zeros are part of a convolution here",
            l->name, l->class_name);
}

static void number_params(KerasEmit *e, const KerasLayer *l, Json row, const KerasCall *c)
{
    Json number = json_get(row, "number");
    bool only_second = json_ok(number) && json_kind(number) == JSON_STRING;
    for (int i = 0; i < c->n_args; i++) {
        if (c->args[i].layer >= 0)
            continue;
        if (only_second && i == 0)
            json_err(c->args[i].at, "layer %s (%s): the number is first, expected it second",
                     l->name, l->class_name);
        keras_param(e->r, row,
                    (ParamSet){.name = "number", .kind = PARAM_REAL, .real = c->args[i].number});
        set_number(e, row, "number_first", i == 0);
    }
}

/* "constraints" and "set" of the row. */
static void check_and_set(KerasEmit *e, const KerasLayer *l, Json row)
{
    Json list = json_get(row, "constraints"), set = json_get(row, "set");
    for (Json c = json_ok(list) ? json_first(list) : list; json_ok(c); c = json_next(c))
        if (real_at(e->r, json_need(c, "holds")) == 0)
            json_err(l->json, "layer %s (%s): %s", l->name, l->class_name,
                     text_at(e->r, json_need(c, "else")));
    for (Json s = json_ok(set) ? json_first(set) : set; json_ok(s); s = json_next(s))
        set_number(e, s, json_key(s), integer_at(e->r, s));
}

/* The values that the statements see: the row's inputs; x is the first. */
static void bind_values(KerasEmit *e, Json row, Scope *scope, const KerasValue *in, int n)
{
    int i = 0;
    scope->n_values = 0;
    e->r->scope = scope;
    for (Json name = json_first(json_need(row, "inputs")); json_ok(name); name = json_next(name)) {
        value_set(e->r, name, json_string(name), in[i < n ? i : n - 1].t);
        i++;
    }
}

/* The statements, with this prefix of paths. */
static void run_statements(KerasEmit *e, Json list, const char *prefix)
{
    const char *outside = e->r->prefix;
    e->r->prefix = prefix;
    read_statements(e->r, list);
    e->r->prefix = outside;
}

/* The statements for the first two inputs, then for the result and the next. One input is the
 * result. */
static void run_fold(KerasEmit *e, Json row, Scope *scope, const KerasValue *in, int n)
{
    const char *prefix = e->r->prefix;
    for (int i = 1; i < n; i++) {
        KerasValue two[] = {i == 1 ? in[0] : (KerasValue){.t = value_find(e->r, row, "x")}, in[i]};
        bind_values(e, row, scope, two, 2);
        run_statements(e, json_need(row, "do"),
                       i == n - 1 ? prefix
                                  : arena_printf(e->r->scratch, "%sfirst%d.", prefix, i + 1));
    }
}

/* What the layer gives instead of its statements' result. */
static KerasValue padded(KerasEmit *e, KerasValue in)
{
    static const char *const names[] = {"top", "bottom", "left", "right"};
    for (int i = 0; i < 4; i++)
        in.pad[i] += global(e, names[i])->value;
    return in;
}

static Shape wanted_shape(KerasEmit *e, const KerasLayer *l, const Shape *x)
{
    const ParamSet *p = global(e, "target_shape");
    Shape s = {.rank = p->n_ints + 1, .dim = {x->dim[0]}};
    int open = 0;
    int64_t known = x->dim[0], count = shape_count(x);
    if (p->n_ints >= MAX_RANK)
        json_err(l->json, "layer %s (%s): found %d dimensions, expected at most %d", l->name,
                 l->class_name, p->n_ints, MAX_RANK - 1);
    for (int i = 0; i < p->n_ints; i++) {
        s.dim[i + 1] = p->ints[i];
        if (p->ints[i] >= 1 && known <= count)
            known *= p->ints[i];
        else
            open = i + 1;
    }
    if (open && s.dim[open] == -1 && known <= count)
        s.dim[open] = count / known;
    return s;
}

static KerasValue reshaped(KerasEmit *e, const KerasLayer *l, KerasValue in)
{
    Op op = op_make(OP_RESHAPE, arena_printf(e->r->scratch, "%.*s", (int)strlen(e->r->prefix) - 1,
                                             e->r->prefix));
    op.path = arena_strdup(e->r->g->arena, op.path);
    op.in[0] = in.t;
    Shape s = wanted_shape(e, l, &tensor(e->r->g, in.t)->shape);
    const char *wrong = infer_shape(e->r->g, &op, &s);
    if (wrong)
        json_err(l->json, "layer %s (%s): %s", l->name, l->class_name, wrong);
    return (KerasValue){.t = graph_append_op(e->r->g, op, s)};
}

static KerasValue given(KerasEmit *e, const KerasLayer *l, Json row, KerasValue in)
{
    Json gives = json_get(row, "gives");
    if (!json_ok(gives))
        return (KerasValue){.t = value_find(e->r, row, "x")};
    return strcmp(json_string(gives), "padding") == 0 ? padded(e, in) : reshaped(e, l, in);
}

/* ---- where its weights are stored ---- */

/* Where Keras stores the layer `inner` ("exit.conv", "" for the layer itself) of a layer: the row
 * says, for it or for what it is part of; else the names are the same. */
static const char *stored_inside(KerasEmit *e, Json row, const char *inner)
{
    Json stored = json_get(row, "stored");
    const char *best = "", *rest = inner;
    for (Json s = json_ok(stored) ? json_first(stored) : stored; json_ok(s); s = json_next(s)) {
        size_t n = strlen(json_key(s));
        bool here = strncmp(json_key(s), inner, n) == 0 && (!inner[n] || inner[n] == '.');
        if (!here || (n == 0 && *inner))
            continue;
        best = json_string(s);
        rest = inner + n + (inner[n] == '.');
    }
    char *path = arena_printf(e->r->scratch, "%s%s%s", best, *best && *rest ? "/" : "", rest);
    for (char *p = path; *p; p++)
        if (*p == '.')
            *p = '/';
    return path;
}

/* The weight's dataset, given the part of its path after the layer's: ".exit.conv.kernel". */
static const char *stored_weight(KerasEmit *e, Json row, const char *stored, const char *inner)
{
    const char *leaf = strrchr(inner, '.') + 1;
    int index = strcmp(leaf, "bias") == 0 || strcmp(leaf, "beta") == 0;
    size_t n = (size_t)(leaf - 1 - inner);
    const char *layer = arena_printf(e->r->scratch, "%.*s", (int)(n ? n - 1 : 0),
                                     n ? inner + 1 : "");
    const char *below = stored_inside(e, row, layer);
    return arena_printf(e->r->g->arena, "%s%s%s/vars/%d", stored, *below ? "/" : "", below, index);
}

/* Notes the weights from tensor number `from` on: the layer's. */
static void note_weights(KerasEmit *e, Json row, const KerasLayer *l, const char *stored,
                         uint32_t from)
{
    const Graph *g = e->r->g;
    size_t own = strlen(e->r->prefix) - 1 - e->r->call;
    for (uint32_t i = from; i < g->n_tensors; i++) {
        if (g->tensors[i].kind != T_WEIGHT)
            continue;
        const char *path = g->tensors[i].name;
        ARENA_GROW(e->r->scratch, e->weights, e->n_weights, e->cap_weights);
        e->weights[e->n_weights] = (KerasPlaced){
            {path, stored_weight(e, row, stored, path + own), e->top}, l->place, e->n_weights};
        e->n_weights++;
    }
}

/* ---- the layer ---- */

static void check_last(const KerasEmit *e, const KerasModel *m, const KerasLayer *l, Json row)
{
    Json of = json_get(row, "last_of");
    bool ours = json_ok(of) && m == e->model && l == &m->layers[m->n_layers - 1] &&
                words_match(json_string(of), m->module);
    if (json_ok(of) && !ours)
        json_err(
            l->json,
            "layer %s (%s) has Python code, which is not executed: expected layers of Keras (only the last one of keras-cv's ImageEncoder is known)",
            l->name, l->class_name);
}

/* Sums of tensors with different ranks line up their last dimensions in Keras, the first here. */
static void check_ranks(const KerasEmit *e, const KerasLayer *l, Json row, const KerasValue *in,
                        int n)
{
    const Graph *g = e->r->g;
    int rank = tensor(g, in[0].t)->shape.rank;
    for (int i = 1; i < n && json_ok(json_get(row, "same_rank")); i++)
        if (tensor(g, in[i].t)->shape.rank != rank)
            json_err(l->json,
                     "layer %s (%s): found tensors of %d and %d dimensions, expected the same",
                     l->name, l->class_name, rank, tensor(g, in[i].t)->shape.rank);
}

/* Keyword arguments must be the inputs that stand in their place. */
static void check_keywords(const KerasLayer *l, Json row, const KerasCall *c)
{
    Json name = json_first(json_need(row, "inputs"));
    for (int i = 0; i < c->n_args; i++) {
        const char *keyword = c->args[i].keyword;
        bool first = i == 0 && keyword && strcmp(keyword, "inputs") == 0;
        if (keyword && !first && !(json_ok(name) && strcmp(json_string(name), keyword) == 0))
            json_err(c->args[i].at, "layer %s (%s): argument %s is not supported", l->name,
                     l->class_name, keyword);
        if (json_ok(name))
            name = json_next(name);
    }
}

KerasValue keras_emit_layer(KerasEmit *e, const KerasModel *m, const KerasLayer *l,
                            const KerasCall *c, const KerasValue *in)
{
    int n = 0;
    while (n < c->n_args && tensor_ok(in[n].t))
        n++;
    Json row = keras_row(e->rows, l, n, c->n_args - n), activation;
    Scope *scope = arena_alloc(e->r->scratch, sizeof *scope);
    uint32_t from = e->r->g->n_tensors;
    check_last(e, m, l, row);
    check_keywords(l, row, c);
    check_ranks(e, l, row, in, n);
    base_params(e, l, row, &in[0]);
    number_params(e, l, row, c);
    keras_row_config(e->rows, row, l, e->r, &activation);
    e->r->root = keras_row_blocks(e->rows, row);
    bind_values(e, row, scope, in, n);
    check_and_set(e, l, row);
    Json todo = json_need(row, "do"), fold = json_get(row, "fold");
    if (json_ok(fold))
        run_fold(e, row, scope, in, n);
    else
        run_statements(e, todo, e->r->prefix);
    if (json_ok(activation))
        run_statements(e, activation,
                       json_count(todo) ? arena_printf(e->r->scratch, "%sactivation.", e->r->prefix)
                                        : e->r->prefix);
    KerasValue out = given(e, l, row, in[0]);
    note_weights(e, row, l, l->stored, from);
    return out;
}
