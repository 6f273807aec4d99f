/* See construct.h. */
#include "construct.h"

#include "attr.h"
#include "infer.h"
#include "err.h"

Op op_make(OpKind kind, const char *path)
{
    Op o = {.kind = kind, .path = path};
    for (int i = 0; i < attr_tables[kind].n; i++) {
        const AttrField *f = &attr_tables[kind].fields[i];
        for (int k = 0; k < (f->type == ATTR_PAD ? 4 : 1); k++)
            attr_set(&o, f, k, f->fallback);
    }
    return o;
}

TensorId graph_add_op(Graph *g, Op op)
{
    Shape s = {0};
    if (op.kind == OP_RESHAPE) /* its shape is no attribute */
        die("graph_add_op: use graph_add_reshape");
    const char *wrong = infer_shape(g, &op, &s);
    if (wrong)
        die("%s: %s: %s", op_names[op.kind], op.path, wrong);
    return graph_append_op(g, op, s);
}

TensorId graph_add_reshape(Graph *g, TensorId x, Shape s, const char *path)
{
    Op op = op_make(OP_RESHAPE, path);
    op.in[0] = x;
    const char *wrong = infer_shape(g, &op, &s);
    if (wrong)
        die("reshape: %s: %s", path, wrong);
    return graph_append_op(g, op, s);
}
