/* Operations in graph files:
 *     {"op": kind, "path": layer, "in": operands, "out": name, attributes...}
 * The weights belong to the layer: conv2d and dense have path.kernel and path.bias, norms
 * path.gamma and path.beta, embedding path.embeddings. A member "weights" names the layer instead.
 */
#include "graph_ops.h"

#include <string.h>

#include "attr.h"
#include "construct.h"
#include "infer.h"
#include "err.h"
#include "words.h"

/* Values that an operation of each kind takes from "in"; 0: graph files cannot have it. */
static const int file_operands[OP_COUNT] = {
#define OP(e, name, attr, least, most, rule, in_files, ...) [OP_##e] = in_files,
#include "ops.def"
};

bool op_in_files(OpKind kind) { return file_operands[kind] > 0; }

static OpKind find_kind(Json at)
{
    const char *names[OP_COUNT], *name = json_string(at);
    for (int k = 0; k < OP_COUNT; k++)
        names[k] = file_operands[k] ? op_names[k] : NULL;
    int kind = name_find(name, NAMES(names, OP_COUNT));
    if (kind < 0)
        json_err(at, "unknown op '%s': %s", name, name_hint(name, NAMES(names, OP_COUNT)));
    return (OpKind)kind;
}

static int operands(Reader *r, Json s, OpKind kind, TensorId *out)
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
    if (found != file_operands[kind])
        json_err(s, "%s: found %d operand%s, expected %d", op_names[kind], found,
                 found == 1 ? "" : "s", file_operands[kind]);
    return n;
}

static void check_range(Json at, const AttrField *f, double v)
{
    if (!(v >= f->least && v <= f->most))
        json_err(at, "found %.15g, expected %.15g to %.15g", v, f->least, f->most);
}

/* One of the words of the attribute, or the name of a text parameter that holds one. */
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
        if (!attr_in_file(o->kind, f))
            continue;
        if (json_ok(at))
            read_attr(r, at, f, o);
        else if (attr_needed(o->kind, f))
            json_err(s, "%s: \"%s\" is missing", op_names[o->kind], f->name);
    }
}

/* A weight of the layer, or, with "weights", of the layer that has that path. */
static TensorId add_weight(Reader *r, Json s, const char *layer, const char *leaf, Shape shape)
{
    Json other = json_get(s, "weights");
    if (json_ok(other))
        layer = path_at(r, other);
    const char *wrong = shape_check(r->scratch, &shape),
               *path = arena_printf(r->scratch, "%s.%s", layer + r->call, leaf);
    if (wrong)
        json_err(s, "weight %s: %s", path, wrong);
    return graph_add_weight(r->g, path, shape);
}

static bool has_bias(Json s)
{
    Json bias = json_get(s, "bias");
    return !json_ok(bias) || json_bool(bias);
}

/* Channels that the layer's operand has. */
static int64_t channels_in(const Reader *r, const Op *o)
{
    return shape_channels(&tensor(r->g, o->in[0])->shape);
}

static void contract_weights(Reader *r, Json s, Op *o)
{
    int64_t ci = channels_in(r, o), co = integer_at(r, json_need(s, "channels"));
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

static void norm_weights(Reader *r, Json s, Op *o)
{
    Shape vector = shape1(channels_in(r, o));
    o->in[1] = add_weight(r, s, o->path, "gamma", vector);
    o->in[2] = add_weight(r, s, o->path, "beta", vector);
}

static void embedding_weights(Reader *r, Json s, Op *o)
{
    int64_t rows = integer_at(r, json_need(s, "rows")),
            channels = integer_at(r, json_need(s, "channels"));
    o->in[1] = add_weight(r, s, o->path, "embeddings", shape2(rows, channels));
}

static void no_weights(Reader *r, Json s, Op *o) { (void)r, (void)s, (void)o; }

/* Kinds of operations with weights, or with members besides op, path, in, out and attributes. */
/* clang-format off */
static const struct LayerForm { OpKind kind; void (*weights)(Reader *r, Json s, Op *o); const char *extra[3]; } layers[] = {
    {OP_CONV2D, contract_weights, {"channels", "kernel", "bias"}},
    {OP_DENSE, contract_weights, {"channels", "bias"}},
    {OP_GROUP_NORM, norm_weights, {0}},
    {OP_LAYER_NORM, norm_weights, {0}},
    {OP_EMBEDDING, embedding_weights, {"rows", "channels"}},
    {OP_RESHAPE, no_weights, {"shape"}},
};
/* clang-format on */

static const struct LayerForm *layer_form(OpKind kind)
{
    static const struct LayerForm plain = {.weights = no_weights};
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        if (layers[i].kind == kind)
            return &layers[i];
    return &plain;
}

size_t op_members(OpKind kind, const char **members)
{
    const struct LayerForm *form = layer_form(kind);
    size_t n = 0;
    if (!file_operands[kind])
        return 0;
    for (int i = 0; i < 3 && form->extra[i]; i++)
        members[n++] = form->extra[i];
    for (int i = 0; i < attr_tables[kind].n; i++)
        if (attr_in_file(kind, &attr_tables[kind].fields[i]))
            members[n++] = attr_tables[kind].fields[i].name;
    CHECK(n <= MOST_MEMBERS);
    return n;
}

static void check_members(Json s, OpKind kind)
{
    const char *keys[5 + MOST_MEMBERS] = {"op", "path", "in", "out", "weights"};
    size_t common = layer_form(kind)->weights == no_weights ? 4 : 5;
    json_only(s, keys, common + op_members(kind, keys + common));
}

/* Every layer has a path of its own. But a scale may belong to the layer of the op right before it,
 * and a reshape is no layer. */
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
    OpKind kind = find_kind(json_get(s, "op"));
    check_members(s, kind);
    Op o = op_make(kind, layer_path(r, s));
    operands(r, s, kind, o.in);
    read_attrs(r, s, &o);
    check_unique(r, s, &o);
    if (r->g->n_ops >= MAX_OPS)
        json_err(s, "the graph has more than %d operations", MAX_OPS);
    layer_form(kind)->weights(r, s, &o);
    Shape shape = {0};
    if (o.kind == OP_RESHAPE)
        shape = shape_at(r, json_need(s, "shape"));
    const char *wrong = infer_shape(r->g, &o, &shape);
    if (wrong)
        json_err(s, "%s %s: %s", op_names[o.kind], o.path, wrong);
    Json out = json_get(s, "out");
    value_set(r, s, json_ok(out) ? json_name(out) : "x", graph_append_op(r->g, o, shape));
}
