/* See listing.h. */
#include "listing.h"

#include <string.h>

#include "cost.h"
#include "print.h"

/* The shape that the listing gives for operand or result s of o. Queries and averages of attention
 * are listed per head, (b,heads,n,head_size), or (b,n,head_size) when there is one head. */
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

/* The end of the layer that begins at op `first`. The ops of one layer (a slice and the scale after
 * it) have the same path and are listed as one. */
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
