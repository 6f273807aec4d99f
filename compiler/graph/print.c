/* The graph as text (reads back with graph_parse_text), as Graphviz dot, and as the JSON listing of
 * `latentc show`.
 *
 *   graph NAME
 *   input %1 latent f32[1,64,64,4] step
 *   %2 = conv2d x=%1 kernel=w"conv.kernel"[3,3,4,8] bias=w"conv.bias"[8] {pad=[1,1,1,1]} :
 * f32[1,64,64,8] @"conv" output output %2
 *
 * Values are numbered anew, in order; slots of conv2d and dense have names, other operands stand in
 * order; attributes are printed where they differ from their default. A weight made of parts is
 * w("a"[320]*0.125+"b"[320])[1024,640]: each part with its width. */
#include <stdlib.h>
#include <string.h>

#include "attr.h"

static const char *const binding_names[] = {"never", "prompt", "time", "step"};

const char *binding_name(Binding b) { return binding_names[b]; }

bool binding_parse(const char *name, Binding *b)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(name, binding_names[i]) == 0) {
            *b = (Binding)i;
            return true;
        }
    return false;
}

void graph_print_shape(Buf *out, const Shape *s)
{
    for (int i = 0; i < s->rank; i++)
        buf_printf(out, "%c%lld", i ? ',' : '[', (long long)s->dim[i]);
    buf_add(out, "]", 1);
}

void graph_print_weight(Buf *out, const Tensor *t)
{
    buf_add(out, "w", 1);
    if (t->n_parts == 1 && t->parts[0].scale == 1) {
        buf_quoted(out, t->parts[0].path);
    } else {
        for (int i = 0; i < t->n_parts; i++) {
            buf_add(out, i ? "+" : "(", 1);
            buf_quoted(out, t->parts[i].path);
            buf_printf(out, "[%lld]", (long long)t->parts[i].width);
            if (t->parts[i].scale != 1) {
                buf_add(out, "*", 1);
                buf_real(out, t->parts[i].scale);
            }
        }
        buf_add(out, ")", 1);
    }
    graph_print_shape(out, &t->shape);
}

static void print_attr(Buf *out, const Op *o, const AttrField *f)
{
    buf_printf(out, "%s=", f->name);
    if (f->type == ATTR_ENUM)
        buf_printf(out, "%s", f->names[(int)attr_get(o, f, 0)]);
    else if (f->type == ATTR_REAL)
        buf_real(out, attr_get(o, f, 0));
    else if (f->type == ATTR_PAD)
        buf_printf(out, "[%d,%d,%d,%d]", (int)attr_get(o, f, 0), (int)attr_get(o, f, 1),
                   (int)attr_get(o, f, 2), (int)attr_get(o, f, 3));
    else
        buf_printf(out, "%lld", (long long)attr_get(o, f, 0));
}

/* " {a=1, b=2}", or nothing */
static void print_attrs(Buf *out, const Op *o)
{
    int n = 0;
    for (int i = 0; i < attr_tables[o->kind].n; i++) {
        const AttrField *f = &attr_tables[o->kind].fields[i];
        if (!f->required && attr_is_default(o, f))
            continue;
        buf_printf(out, "%s", n++ ? ", " : " {");
        print_attr(out, o, f);
    }
    if (n)
        buf_add(out, "}", 1);
}

/* Numbers of values in the order in which they are printed: inputs, then results. Free it. */
static uint32_t *number_values(const Graph *g)
{
    uint32_t *number = xcalloc(g->n_tensors + 1, sizeof *number), n = 0;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        number[g->inputs[i].id - 1] = ++n;
    for (uint32_t i = 0; i < g->n_ops; i++)
        if (!g->ops[i].dead)
            number[g->ops[i].out.id - 1] = ++n;
    return number;
}

static void print_op(const Graph *g, const Op *o, const uint32_t *number, Buf *out)
{
    const Tensor *result = tensor(g, o->out);
    buf_printf(out, "%%%u = %s", number[o->out.id - 1], op_names[o->kind]);
    for (int i = 0; i < SLOT_COUNT; i++) {
        if (!tensor_ok(o->in[i]))
            continue;
        buf_add(out, " ", 1);
        if (op_is_contract(o->kind))
            buf_printf(out, "%s=", slot_names[i]);
        if (tensor(g, o->in[i])->kind == T_WEIGHT)
            graph_print_weight(out, tensor(g, o->in[i]));
        else
            buf_printf(out, "%%%u", number[o->in[i].id - 1]);
    }
    print_attrs(out, o);
    buf_printf(out, " : %s", dtype_name(result->dtype));
    graph_print_shape(out, &result->shape);
    buf_printf(out, " @");
    buf_quoted(out, o->path);
    buf_add(out, "\n", 1);
}

void graph_print_text(const Graph *g, Buf *out)
{
    uint32_t *number = number_values(g);
    buf_printf(out, "graph %s\n", g->name);
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const Tensor *t = tensor(g, g->inputs[i]);
        buf_printf(out, "input %%%u %s %s", i + 1, t->name, dtype_name(t->dtype));
        graph_print_shape(out, &t->shape);
        buf_printf(out, " %s\n", binding_names[t->binding]);
    }
    for (uint32_t i = 0; i < g->n_ops; i++)
        if (!g->ops[i].dead)
            print_op(g, &g->ops[i], number, out);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        buf_printf(out, "output %s %%%u\n", g->output_names[i], number[g->outputs[i].id - 1]);
    free(number);
}

/* Colors of the kinds of work: products, attention, normalization, the rest. */
static const char *dot_color(OpKind k)
{
    if (op_is_contract(k))
        return "#cfe2f3";
    if (k == OP_ATTENTION || k == OP_ATTN_QK || k == OP_ATTN_AV || k == OP_SOFTMAX)
        return "#d9ead3";
    return k == OP_GROUP_NORM || k == OP_LAYER_NORM || k == OP_GROUP_SCALE ? "#fff2cc" : "#eeeeee";
}

static void dot_edges(const Graph *g, const Op *o, const uint32_t *number, Buf *out)
{
    for (int i = 0; i < SLOT_COUNT; i++) {
        if (!tensor_ok(o->in[i]) || tensor(g, o->in[i])->kind == T_WEIGHT)
            continue;
        buf_printf(out, "  n%u -> n%u", number[o->in[i].id - 1], number[o->out.id - 1]);
        if (op_is_contract(o->kind) && i != SLOT_X)
            buf_printf(out, " [label=\"%s\"]", slot_names[i]);
        buf_printf(out, ";\n");
    }
}

void graph_print_dot(const Graph *g, Buf *out)
{
    uint32_t *number = number_values(g);
    buf_printf(
        out,
        "digraph %s {\n  node [shape=box, style=filled, fontname=\"sans-serif\", fontsize=10];\n",
        g->name);
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const Tensor *t = tensor(g, g->inputs[i]);
        buf_printf(out, "  n%u [label=\"%s\\n%s%s\", shape=ellipse, fillcolor=\"#f4cccc\"];\n",
                   i + 1, t->name, dtype_name(t->dtype), shape_text(g->arena, &t->shape));
    }
    for (uint32_t i = 0; i < g->n_ops; i++) {
        const Op *o = &g->ops[i];
        if (o->dead)
            continue;
        buf_printf(out, "  n%u [label=\"%s\\n%s\\n%s\", fillcolor=\"%s\"];\n",
                   number[o->out.id - 1], o->path, op_names[o->kind],
                   shape_text(g->arena, &tensor(g, o->out)->shape), dot_color(o->kind));
        dot_edges(g, o, number, out);
    }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        buf_printf(
            out, "  out%u [label=\"%s\", shape=ellipse, fillcolor=\"#f4cccc\"];\n  n%u -> out%u;\n",
            i, g->output_names[i], number[g->outputs[i].id - 1], i);
    buf_printf(out, "}\n");
    free(number);
}

int64_t op_parameters(const Graph *g, const Op *o)
{
    int64_t n = 0;
    for (int i = 0; i < SLOT_COUNT; i++)
        if (tensor_ok(o->in[i]) && tensor(g, o->in[i])->kind == T_WEIGHT)
            n += shape_count(&tensor(g, o->in[i])->shape);
    return n;
}

int64_t graph_parameters(const Graph *g)
{
    bool *seen = xcalloc(g->n_tensors + 1, 1);
    int64_t n = 0;
    for (uint32_t i = 0; i < g->n_ops; i++)
        for (int s = 0; s < SLOT_COUNT && !g->ops[i].dead; s++) {
            TensorId t = g->ops[i].in[s];
            if (!tensor_ok(t) || tensor(g, t)->kind != T_WEIGHT || seen[t.id - 1])
                continue;
            seen[t.id - 1] = true;
            n += shape_count(&tensor(g, t)->shape);
        }
    free(seen);
    return n;
}

/* The shape that the listing gives for operand or result s of o. Queries and averages of attention
 * are listed per head, (b,heads,n,head_size), and the heads are left out when there is one only. */
static Shape listed_shape(const Op *o, const Shape *s, bool head_rows)
{
    const AttnAttr *a = &o->attr.attn;
    Shape r = *s;
    if (head_rows)
        r = shape4(s->dim[0], a->heads, shape_rows(s), a->head_size);
    bool attention = o->kind == OP_ATTN_QK || o->kind == OP_ATTN_AV || o->kind == OP_SOFTMAX;
    if (attention && r.rank == 4 && r.dim[1] == 1)
        r = shape3(r.dim[0], r.dim[2], r.dim[3]);
    return r;
}

/* The ops of one layer (a slice and the scale after it) follow one another with the same path and
 * are listed as one. */
static uint32_t layer_end(const Graph *g, uint32_t first)
{
    uint32_t end = first + 1;
    while (end < g->n_ops && strcmp(g->ops[end].path, g->ops[first].path) == 0 &&
           g->ops[end].kind != OP_RESHAPE)
        end++;
    return end;
}

static void print_json_layer(const Graph *g, uint32_t first, uint32_t end, Buf *out)
{
    const Op *o = &g->ops[first], *last = &g->ops[end - 1];
    Shape in = listed_shape(o, &tensor(g, o->in[0])->shape, o->kind == OP_ATTN_QK);
    Shape result = listed_shape(last, &tensor(g, last->out)->shape, last->kind == OP_ATTN_AV);
    int64_t parameters = 0, macs = 0;
    for (uint32_t i = first; i < end; i++) {
        parameters += op_parameters(g, &g->ops[i]);
        macs += op_macs(g, &g->ops[i]);
    }
    buf_printf(out, "{\"path\": ");
    buf_quoted(out, o->path);
    buf_printf(out, ", \"op\": \"%s\", \"in\": ", op_names[o->kind]);
    graph_print_shape(out, &in);
    buf_printf(out, ", \"out\": ");
    graph_print_shape(out, &result);
    buf_printf(out, ", \"parameters\": %lld, \"macs\": %lld}", (long long)parameters,
               (long long)macs);
}

static void print_json_values(const Graph *g, bool inputs, Buf *out)
{
    uint32_t n = inputs ? g->n_inputs : g->n_outputs;
    for (uint32_t i = 0; i < n; i++) {
        const Tensor *t = tensor(g, inputs ? g->inputs[i] : g->outputs[i]);
        buf_printf(out, "%s{\"name\": \"%s\", \"dtype\": \"%s\", \"shape\": ", i ? ", " : "",
                   inputs ? t->name : g->output_names[i], dtype_name(t->dtype));
        graph_print_shape(out, &t->shape);
        buf_printf(out, "}");
    }
}

void graph_print_json(const Graph *g, Buf *out)
{
    int64_t macs = 0;
    const char *separator = "";
    for (uint32_t i = 0; i < g->n_ops; i++)
        macs += g->ops[i].dead ? 0 : op_macs(g, &g->ops[i]);
    buf_printf(out, "{\"graph\": \"%s\",\n \"parameters\": %lld,\n \"macs\": %lld,\n \"inputs\": [",
               g->name, (long long)graph_parameters(g), (long long)macs);
    print_json_values(g, true, out);
    buf_printf(out, "],\n \"outputs\": [");
    print_json_values(g, false, out);
    buf_printf(out, "],\n \"ops\": [\n");
    for (uint32_t i = 0, end; i < g->n_ops; i = end) {
        end = layer_end(g, i);
        if (g->ops[i].dead || g->ops[i].kind == OP_RESHAPE)
            continue;
        buf_printf(out, "%s  ", separator);
        print_json_layer(g, i, end, out);
        separator = ",\n";
    }
    buf_printf(out, "\n ]}\n");
}
