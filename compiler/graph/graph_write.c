/* See graph_write.h. Values get few names, again and again: a body may have MAX_NAMES. The first is
 * x, which statements need not write; so a chain of layers reads as people write it. */
#include "graph_write.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "attr.h"
#include "err.h"
#include "graph_ops.h"

typedef struct {
    const Graph *g;
    /* of tensor id - 1: how many uses are to come; its name */
    int *uses;
    const char **name;
    /* names that results may have, and which are taken now */
    const char *names[MAX_NAMES];
    bool taken[MAX_NAMES];
    int n_names;
} Writer;

static void count_uses(Writer *w)
{
    const Graph *g = w->g;
    for (uint32_t i = 0; i < g->n_ops; i++)
        for (int s = 0; s < SLOT_COUNT; s++)
            if (tensor_ok(g->ops[i].in[s]))
                w->uses[g->ops[i].in[s].id - 1]++;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        w->uses[g->outputs[i].id - 1]++;
}

static bool input_has(const Graph *g, const char *name)
{
    for (uint32_t i = 0; i < g->n_inputs; i++)
        if (strcmp(tensor(g, g->inputs[i])->name, name) == 0)
            return true;
    return false;
}

/* Inputs keep their names; x, v1, v2, ... are for results. */
static void make_names(Writer *w)
{
    const Graph *g = w->g;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        w->name[g->inputs[i].id - 1] = tensor(g, g->inputs[i])->name;
    for (int i = 0; w->n_names + (int)g->n_inputs < MAX_NAMES; i++) {
        const char *name = i ? arena_printf(g->arena, "v%d", i) : "x";
        if (!input_has(g, name))
            w->names[w->n_names++] = name;
    }
}

/* One use of the value less: after the last one its name is free. */
static void release(Writer *w, TensorId t)
{
    if (--w->uses[t.id - 1] || tensor(w->g, t)->kind != T_TEMP)
        return;
    for (int i = 0; i < w->n_names; i++)
        if (w->names[i] == w->name[t.id - 1])
            w->taken[i] = false;
}

static void name_result(Writer *w, const Op *o)
{
    int i = 0;
    while (i < w->n_names && w->taken[i])
        i++;
    if (i == w->n_names)
        err("%s: layer %s: more than %d values are needed at once, which a graph file cannot name",
            w->g->file, o->path, MAX_NAMES);
    w->taken[i] = true;
    w->name[o->out.id - 1] = w->names[i];
}

/* ---- what graph files can have ---- */

/* The part of a weight's path after its layer's; "" when there is none. */
static const char *leaf_of(const Tensor *weight)
{
    const char *dot = strrchr(weight->name, '.');
    return dot ? dot + 1 : "";
}

/* Whether the operand is what a file would give this slot. */
static bool operand_is_plain(const Graph *g, const Op *o, int slot)
{
    static const char *const contract[] = {"", "kernel", "bias"}, *const norm[] = {"", "gamma",
                                                                                   "beta"};
    const Tensor *t = tensor(g, o->in[slot]);
    bool table = o->kind == OP_EMBEDDING,
         norms = o->kind == OP_GROUP_NORM || o->kind == OP_LAYER_NORM;
    if (t->kind != T_WEIGHT)
        return !(op_is_contract(o->kind) || norms || table) || slot == 0;
    if (slot < 1 || slot > 2 || t->n_parts != 1 || t->parts[0].scale != 1)
        return false;
    const char *leaf = table ? "embeddings" : norms ? norm[slot] : contract[slot];
    return strcmp(leaf_of(t), leaf) == 0;
}

/* err() for what only passes make, or the text form has. */
static void check_op(const Graph *g, const Op *o)
{
    bool plain = op_in_files(o->kind);
    for (int i = 0; i < SLOT_COUNT && plain; i++)
        plain = !tensor_ok(o->in[i]) || operand_is_plain(g, o, i);
    for (int i = 0; i < attr_tables[o->kind].n && plain; i++) {
        const AttrField *f = &attr_tables[o->kind].fields[i];
        plain = attr_in_file(o->kind, f) || attr_is_default(o, f);
    }
    if (!plain)
        err("%s: %s %s is not as graph files have it, but the result of passes", g->file,
            op_names[o->kind], o->path);
}

/* ---- members ---- */

static void write_text(Buf *out, const char *key, const char *text)
{
    buf_printf(out, ", \"%s\": ", key);
    buf_quoted(out, text);
}

static void write_number(Buf *out, const char *key, int64_t v)
{
    buf_printf(out, ", \"%s\": %lld", key, (long long)v);
}

static void write_shape(Buf *out, const Shape *s)
{
    for (int i = 0; i < s->rank; i++)
        buf_printf(out, "%s%lld", i ? ", " : "[", (long long)s->dim[i]);
    buf_printf(out, "]");
}

static void write_operands(const Writer *w, const Op *o, Buf *out)
{
    const char *names[SLOT_COUNT];
    int n = 0;
    for (int i = 0; i < SLOT_COUNT; i++)
        if (tensor_ok(o->in[i]) && tensor(w->g, o->in[i])->kind != T_WEIGHT)
            names[n++] = w->name[o->in[i].id - 1];
    if (n == 1 && strcmp(names[0], "x") == 0)
        return;
    if (n == 1) {
        write_text(out, "in", names[0]);
        return;
    }
    for (int i = 0; i < n; i++) {
        buf_printf(out, i ? ", " : ", \"in\": [");
        buf_quoted(out, names[i]);
    }
    buf_printf(out, "]");
}

static void write_attr(const Op *o, const AttrField *f, Buf *out)
{
    if (f->type == ATTR_ENUM) {
        write_text(out, f->name, f->names[(int)attr_get(o, f, 0)]);
    } else if (f->type == ATTR_REAL) {
        buf_printf(out, ", \"%s\": ", f->name);
        buf_real(out, attr_get(o, f, 0));
    } else if (f->type == ATTR_PAD) {
        buf_printf(out, ", \"%s\": [%d, %d, %d, %d]", f->name, (int)attr_get(o, f, 0),
                   (int)attr_get(o, f, 1), (int)attr_get(o, f, 2), (int)attr_get(o, f, 3));
    } else {
        write_number(out, f->name, (int64_t)attr_get(o, f, 0));
    }
}

static void write_attrs(const Op *o, Buf *out)
{
    for (int i = 0; i < attr_tables[o->kind].n; i++) {
        const AttrField *f = &attr_tables[o->kind].fields[i];
        if (attr_in_file(o->kind, f) && (attr_needed(o->kind, f) || !attr_is_default(o, f)))
            write_attr(o, f, out);
    }
}

/* Sizes of weights that do not follow from the operand, and whose they are. */
static void write_weights(const Graph *g, const Op *o, Buf *out)
{
    const Tensor *first = NULL;
    for (int i = SLOT_COUNT; i-- > 0;)
        if (tensor_ok(o->in[i]) && tensor(g, o->in[i])->kind == T_WEIGHT)
            first = tensor(g, o->in[i]);
    if (!first)
        return;
    const Shape *s = &first->shape;
    if (o->kind == OP_EMBEDDING)
        write_number(out, "rows", s->dim[0]);
    if (o->kind == OP_EMBEDDING || op_is_contract(o->kind))
        write_number(out, "channels", shape_channels(s));
    if (o->kind == OP_CONV2D)
        write_number(out, "kernel", s->dim[0]);
    if (op_is_contract(o->kind) && !tensor_ok(o->in[SLOT_BIAS]))
        buf_printf(out, ", \"bias\": false");
    size_t n = (size_t)(strrchr(first->name, '.') - first->name);
    if (strlen(o->path) != n || strncmp(o->path, first->name, n) != 0)
        write_text(out, "weights", arena_printf(g->arena, "%.*s", (int)n, first->name));
}

static void write_op(Writer *w, const Op *o, bool last, Buf *out)
{
    const Tensor *result = tensor(w->g, o->out);
    check_op(w->g, o);
    buf_printf(out, "    {\"op\": \"%s\"", op_names[o->kind]);
    write_text(out, "path", o->path);
    write_operands(w, o, out);
    for (int i = 0; i < SLOT_COUNT; i++)
        if (tensor_ok(o->in[i]))
            release(w, o->in[i]);
    name_result(w, o);
    if (strcmp(w->name[o->out.id - 1], "x") != 0)
        write_text(out, "out", w->name[o->out.id - 1]);
    write_weights(w->g, o, out);
    if (o->kind == OP_RESHAPE) {
        buf_printf(out, ", \"shape\": ");
        write_shape(out, &result->shape);
    }
    write_attrs(o, out);
    if (result->cache)
        buf_printf(out, "},\n    {\"cache\": \"%s\", \"level\": %d", w->name[o->out.id - 1],
                   result->cache);
    buf_printf(out, last ? "}\n" : "},\n");
}

/* ---- the file ---- */

static void write_inputs(const Graph *g, Buf *out)
{
    buf_printf(out, "  \"inputs\": {\n");
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const Tensor *t = tensor(g, g->inputs[i]);
        buf_printf(out, "    ");
        buf_quoted(out, t->name);
        buf_printf(out, ": {\"shape\": ");
        write_shape(out, &t->shape);
        if (t->dtype == DT_I32)
            buf_printf(out, ", \"dtype\": \"i32\"");
        buf_printf(out, ", \"varies\": \"%s\"}%s\n", binding_name(t->binding),
                   i + 1 < g->n_inputs ? "," : "");
    }
    buf_printf(out, "  },\n");
}

static void write_outputs(const Writer *w, Buf *out)
{
    const Graph *g = w->g;
    buf_printf(out, "  \"outputs\": {");
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        buf_printf(out, i ? ", " : "");
        buf_quoted(out, g->output_names[i]);
        buf_printf(out, ": \"%s\"", w->name[g->outputs[i].id - 1]);
    }
    buf_printf(out, "}\n}\n");
}

void graph_write_file(const Graph *g, Buf *out)
{
    Writer w = {.g = g,
                .uses = xcalloc(g->n_tensors + 1, sizeof(int)),
                .name = xcalloc(g->n_tensors + 1, sizeof(char *))};
    count_uses(&w);
    make_names(&w);
    buf_printf(out, "{\n  \"graph\": ");
    buf_quoted(out, g->name);
    buf_printf(out, ",\n");
    write_inputs(g, out);
    buf_printf(out, "  \"body\": [\n");
    for (uint32_t i = 0; i < g->n_ops; i++)
        write_op(&w, &g->ops[i], i + 1 == g->n_ops, out);
    buf_printf(out, "  ],\n");
    write_outputs(&w, out);
    free(w.uses);
    free(w.name);
}
