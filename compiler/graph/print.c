/* The text form:
 *
 *   graph NAME
 *   input %1 latent f32[1,64,64,4] step
 *   %2 = conv2d x=%1 kernel=w"conv.kernel"[3,3,4,8] {pad=[1,1,1,1]} : f32[1,64,64,8] @"conv"
 *   output output %2
 *
 * Values are numbered in order, inputs first. Slots of conv2d, dense and range have names; other
 * operands stand in order. Attributes are printed where they differ from their default. A weight
 * made of parts is w("a"[320]*0.125+"b"[320])[1024,640]: each part with its width. cache=1 before @
 * marks a cacheable value with its level; in the first line it is the level that step caching uses.
 * quantise=int8 there: what the pass quantise is to do. */
#include "print.h"

#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "alloc.h"

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
        if (op_has_slots(o->kind))
            buf_printf(out, "%s=", slot_names[i]);
        if (tensor(g, o->in[i])->kind == T_WEIGHT)
            graph_print_weight(out, tensor(g, o->in[i]));
        else
            buf_printf(out, "%%%u", number[o->in[i].id - 1]);
    }
    print_attrs(out, o);
    buf_printf(out, " : %s", dtype_name(result->dtype));
    graph_print_shape(out, &result->shape);
    if (result->cache)
        buf_printf(out, " cache=%d", result->cache);
    buf_printf(out, " @");
    buf_quoted(out, o->path);
    buf_add(out, "\n", 1);
}

void graph_print_text(const Graph *g, Buf *out)
{
    uint32_t *number = number_values(g);
    buf_printf(out, "graph %s", g->name);
    if (g->cache_level)
        buf_printf(out, " cache=%d", g->cache_level);
    if (g->quantise)
        buf_printf(out, " quantise=%s", quantise_names[g->quantise]);
    buf_printf(out, "\n");
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const Tensor *t = tensor(g, g->inputs[i]);
        buf_printf(out, "input %%%u %s %s", i + 1, t->name, dtype_name(t->dtype));
        graph_print_shape(out, &t->shape);
        buf_printf(out, " %s\n", binding_name(t->binding));
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
        if (op_has_slots(o->kind) && i != SLOT_X)
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
