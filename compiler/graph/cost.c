/* See cost.h. */
#include "cost.h"
#include "alloc.h"
#include "err.h"
#include "numbers.h"

#include <stdlib.h>

/* Products that do not fit give INT64_MAX; infer_shape refuses such ops. */
static int64_t saturated(int64_t a, int64_t b)
{
    int64_t r;
    return mul_overflow(a, b, &r) ? INT64_MAX : r;
}

int64_t op_macs_for(const Graph *g, const Op *o, const Shape *out)
{
    switch (o->kind) {
    case OP_CONV2D:
    case OP_DENSE: /* every output pixel takes the whole kernel */
        return saturated(shape_count(out) / shape_channels(out),
                         shape_count(&tensor(g, o->in[SLOT_KERNEL])->shape));
    case OP_ATTN_QK: return saturated(shape_count(out), o->attr.attn.head_size);
    case OP_ATTN_AV:
        return saturated(shape_count(out), shape_channels(&tensor(g, o->in[0])->shape));
    case OP_ATTENTION: /* scores and their average: each n*m*head_size per head */
        return saturated(saturated(shape_count(out), shape_rows(&tensor(g, o->in[1])->shape)), 2);
#define ELEMENTWISE(e, name, formula) case OP_##e:
#include "ops.def"
    case OP_GROUP_NORM:
    case OP_LAYER_NORM:
    case OP_GELU:
    case OP_GEGLU:
    case OP_ADD:
    case OP_SCALE:
    case OP_CONCAT:
    case OP_BROADCAST:
    case OP_UPSAMPLE:
    case OP_RESHAPE:
    case OP_SLICE:
    case OP_EMBEDDING:
    case OP_SOFTMAX:
    case OP_GROUP_SCALE:
    case OP_RANGE: return 0; /* no products */
    case OP_COUNT: break;
    }
    die("cost: no such op");
}

int64_t op_macs(const Graph *g, const Op *o)
{
    return op_macs_for(g, o, &tensor(g, o->out)->shape);
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
