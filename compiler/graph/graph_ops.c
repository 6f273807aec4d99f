/* Operations in graph files: {"op": kind, "path": layer, "in": operands, "out": name,
 * attributes...}. Weights come from the layer: conv2d and dense have path.kernel and path.bias,
 * norms path.gamma and path.beta, embedding path.embeddings. */
#include "graph_ops.h"

#include <string.h>

#include "attr.h"
#include "construct.h"
#include "infer.h"

enum { MOST_KEYS = 16 };

/* What an operation of this kind may have besides op, path, in, out and its attributes, and how
 * many values it takes. */
/* clang-format off */
static const struct OpForm { OpKind kind; int operands; const char *extra[3]; } forms[] = {
    {OP_CONV2D, 1, {"channels", "kernel", "bias"}},
    {OP_DENSE, 1, {"channels", "bias"}},
    {OP_GROUP_NORM, 1, {0}},
    {OP_LAYER_NORM, 1, {0}},
    {OP_SWISH, 1, {0}},
    {OP_GELU, 1, {0}},
    {OP_GEGLU, 1, {0}},
    {OP_ADD, 2, {0}},
    {OP_SCALE, 1, {0}},
    {OP_CONCAT, 2, {0}},
    {OP_BROADCAST, 1, {0}},
    {OP_UPSAMPLE, 1, {0}},
    {OP_RESHAPE, 1, {"shape"}},
    {OP_SLICE, 1, {0}},
    {OP_EMBEDDING, 1, {"rows", "channels"}},
    {OP_ATTN_QK, 2, {0}},
    {OP_SOFTMAX, 1, {0}},
    {OP_ATTN_AV, 2, {0}},
};
/* clang-format on */
enum { N_FORMS = sizeof forms / sizeof forms[0] };

static const struct OpForm *find_form(Json at)
{
    const char *names[N_FORMS], *name = json_string(at);
    for (int i = 0; i < N_FORMS; i++) {
        names[i] = op_names[forms[i].kind];
        if (strcmp(names[i], name) == 0)
            return &forms[i];
    }
    const char *near = nearest_word(name, names, N_FORMS);
    if (near)
        json_err(at, "unknown op \"%s\", did you mean \"%s\"?", name, near);
    json_err(
        at,
        "unknown op \"%s\", expected one of conv2d, dense, group_norm, ... (docs/graph-language.md)",
        name);
}

static bool attr_allowed(OpKind kind, const AttrField *f)
{
    bool layer_groups = kind == OP_LAYER_NORM && strcmp(f->name, "groups") == 0;
    bool dense_window = kind == OP_DENSE && (strcmp(f->name, "stride") == 0 || f->type == ATTR_PAD);
    return f->source && !layer_groups && !dense_window;
}

static void check_keys(Json s, const struct OpForm *form)
{
    const char *keys[MOST_KEYS] = {"op", "path", "in", "out"};
    size_t n = 4;
    for (int i = 0; i < 3 && form->extra[i]; i++)
        keys[n++] = form->extra[i];
    for (int i = 0; i < attr_tables[form->kind].n; i++)
        if (attr_allowed(form->kind, &attr_tables[form->kind].fields[i]))
            keys[n++] = attr_tables[form->kind].fields[i].name;
    json_only(s, keys, n);
}

static int operands(Reader *r, Json s, const struct OpForm *form, TensorId *out)
{
    Json in = json_get(s, "in");
    int n = 0;
    if (!json_ok(in)) {
        out[n++] = value_find(r, s, "x");
    } else if (json_kind(in) == JSON_STRING) {
        out[n++] = value_find(r, s, json_name(in));
    } else {
        json_expect(in, JSON_ARRAY);
        for (Json e = json_first(in); json_ok(e) && n < SLOT_COUNT; e = json_next(e))
            out[n++] = value_find(r, s, json_name(e));
    }
    int found = json_ok(in) && json_kind(in) == JSON_ARRAY ? json_count(in) : n;
    if (found != form->operands)
        json_err(s, "%s: found %d operand%s, expected %d", op_names[form->kind], found,
                 found == 1 ? "" : "s", form->operands);
    return n;
}

static void check_range(Json at, const AttrField *f, double v)
{
    if (!(v >= f->least && v <= f->most))
        json_err(at, "found %.15g, expected %.15g to %.15g", v, f->least, f->most);
}

/* One of a few words, or the name of a text parameter that holds one. */
static void read_enum(const Reader *r, Json at, const AttrField *f, Op *o)
{
    const ParamSet *p = param_find(r, json_string(at));
    const char *word = p && p->kind == PARAM_TEXT ? p->text : json_string(at);
    for (int i = 0; i < f->n_names; i++)
        if (strcmp(f->names[i], word) == 0) {
            attr_set(o, f, 0, i);
            return;
        }
    json_err(at, "found \"%s\", expected \"%s\" or \"%s\"", word, f->names[0],
             f->names[f->n_names - 1]);
}

static void read_attr(const Reader *r, Json at, const AttrField *f, Op *o)
{
    if (f->type == ATTR_ENUM) {
        read_enum(r, at, f, o);
    } else if (f->type == ATTR_PAD && json_kind(at) == JSON_ARRAY) {
        if (json_count(at) != 4)
            json_err(at, "found %d numbers, expected 4: top, bottom, left, right", json_count(at));
        int k = 0;
        for (Json e = json_first(at); json_ok(e); e = json_next(e)) {
            int64_t v = integer_at(r, e);
            check_range(e, f, (double)v);
            attr_set(o, f, k++, (double)v);
        }
    } else {
        double v = f->type == ATTR_REAL ? real_at(r, at) : (double)integer_at(r, at);
        check_range(at, f, v);
        for (int k = 0; k < (f->type == ATTR_PAD ? 4 : 1); k++)
            attr_set(o, f, k, v);
    }
}

static void read_attrs(const Reader *r, Json s, Op *o)
{
    for (int i = 0; i < attr_tables[o->kind].n; i++) {
        const AttrField *f = &attr_tables[o->kind].fields[i];
        Json at = json_get(s, f->name);
        if (!attr_allowed(o->kind, f))
            continue;
        if (json_ok(at))
            read_attr(r, at, f, o);
        else if (f->required || (o->kind == OP_GROUP_NORM && strcmp(f->name, "groups") == 0))
            json_err(s, "%s: \"%s\" is missing", op_names[o->kind], f->name);
    }
}

static TensorId add_weight(Reader *r, Json s, const char *layer, const char *leaf, Shape shape)
{
    const char *wrong = shape_check(r->scratch, &shape),
               *path = arena_printf(r->scratch, "%s.%s", layer, leaf);
    if (wrong)
        json_err(s, "weight %s: %s", path, wrong);
    return graph_add_weight(r->g, path, shape);
}

static bool has_bias(Json s)
{
    Json bias = json_get(s, "bias");
    return !json_ok(bias) || json_bool(bias);
}

static void contract_weights(Reader *r, Json s, Op *o, int64_t ci)
{
    int64_t co = integer_at(r, json_need(s, "channels"));
    Shape kernel = shape2(ci, co);
    if (o->kind == OP_CONV2D) {
        int64_t size = integer_at(r, json_need(s, "kernel"));
        if (size < 1 || size > 15)
            json_err(json_get(s, "kernel"), "found %lld, expected 1 to 15", (long long)size);
        kernel = shape4(size, size, ci, co);
    }
    o->in[SLOT_KERNEL] = add_weight(r, s, o->path, "kernel", kernel);
    if (has_bias(s))
        o->in[SLOT_BIAS] = add_weight(r, s, o->path, "bias", shape1(co));
}

static void layer_weights(Reader *r, Json s, Op *o)
{
    const Shape *x = &tensor(r->g, o->in[0])->shape;
    int64_t c = shape_channels(x);
    switch (o->kind) {
    case OP_CONV2D:
    case OP_DENSE: contract_weights(r, s, o, c); break;
    case OP_GROUP_NORM:
    case OP_LAYER_NORM:
        o->in[1] = add_weight(r, s, o->path, "gamma", shape1(c));
        o->in[2] = add_weight(r, s, o->path, "beta", shape1(c));
        break;
    case OP_EMBEDDING: {
        int64_t rows = integer_at(r, json_need(s, "rows")),
                channels = integer_at(r, json_need(s, "channels"));
        o->in[1] = add_weight(r, s, o->path, "embeddings", shape2(rows, channels));
        break;
    }
    default: break;
    }
}

/* Layers have their own paths; but a scale may belong to the layer of the op before it, and views
 * are no layers. */
static void check_unique(const Reader *r, Json s, const Op *o)
{
    const Graph *g = r->g;
    if (o->kind == OP_RESHAPE)
        return;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        bool chained = o->kind == OP_SCALE && i + 1 == g->n_ops &&
                       tensor_eq(o->in[0], g->ops[i].out);
        if (g->ops[i].kind != OP_RESHAPE && !chained && strcmp(g->ops[i].path, o->path) == 0)
            json_err(json_get(s, "path"), "duplicate layer path %s, expected a path of its own",
                     o->path);
    }
}

void read_op(Reader *r, Json s)
{
    const struct OpForm *form = find_form(json_get(s, "op"));
    check_keys(s, form);
    Op o = op_make(form->kind, layer_path(r, s));
    operands(r, s, form, o.in);
    read_attrs(r, s, &o);
    check_unique(r, s, &o);
    if (r->g->n_ops >= MAX_OPS)
        json_err(s, "the graph has more than %d operations", MAX_OPS);
    layer_weights(r, s, &o);
    Shape shape = {0};
    if (o.kind == OP_RESHAPE)
        shape = shape_at(r, json_need(s, "shape"));
    const char *wrong = infer_shape(r->g, &o, &shape);
    if (wrong)
        json_err(s, "%s %s: %s", op_names[o.kind], o.path, wrong);
    Json out = json_get(s, "out");
    value_set(r, s, json_ok(out) ? json_name(out) : "x", graph_append_op(r->g, o, shape));
}
