/* Guided generation runs the model on a batch of two halves that differ in the prompt alone. What
 * does not depend on the prompt is computed for one of them: broadcasts sink to where the halves
 * begin to differ.
 *
 *     l = broadcast(latent){batch=2}                  h = conv2d(latent, k)               batch 1
 *     h = conv2d(l, k)                                q = dense(h, Wq)                    batch 1
 *     q = dense(h, Wq)                          ->    a = attn_qk(q, dense(context, Wk))  batch 2
 *     a = attn_qk(q, dense(context, Wk))              ...
 *     ...                                             y = add(x, h)                       batch 2
 *     y = add(x, h)   z = concat(x, h)                z = concat(x, h)                    batch 2
 *
 * An op whose operands are all broadcast, or have batch 1, is done at batch 1 and its result is
 * broadcast. An op that meets such a value and one that differs reads the first with batch 1,
 * wherever its shape rule takes that. (add takes it as the second operand: the two are swapped if
 * they must be.) So a broadcast is left only before an output and before an op that can read full
 * batches only: there it is a copy.
 *
 * Requires ops in order. Runs before the fusions, which then see the smaller shapes: nothing is
 * fused that would compute a shared value for each half again. A reshape that mixes batch and rows
 * keeps its broadcast. Keeps every value, bit by bit: no op here mixes batch elements. */
#include "rewrite.h"

#include "construct.h"
#include "infer.h"
#include "pass.h"

/* The tensor that t broadcasts; NO_TENSOR when t is no broadcast, or a cached one: its operand may
 * change more often. */
static TensorId single(const Graph *g, TensorId t)
{
    uint32_t made = tensor_ok(t) && !tensor_cached(g, t) ? op_making(g, t) : NO_OP;
    return made != NO_OP && g->ops[made].kind == OP_BROADCAST ? g->ops[made].in[0] : NO_TENSOR;
}

static bool gives(const Graph *g, const Op *o, Shape wanted)
{
    Shape s = wanted; /* a reshape's rule takes it from there */
    return infer_shape(g, o, &s) == NULL && shape_eq(&s, &wanted);
}

/* The op at batch 1, and a broadcast in its place. */
static void sink(Graph *g, uint32_t at, Op one, Shape shape)
{
    int64_t batch = tensor(g, one.out)->shape.dim[0];
    Op many = op_make(OP_BROADCAST, arena_printf(g->arena, "%s.broadcast", one.path));
    many.out = one.out;
    many.attr.broadcast.batch = batch;
    many.in[0] = graph_append_op(g, one, shape);
    tensor(g, many.in[0])->cache = tensor(g, many.out)->cache;
    tensor(g, many.out)->cache = 0;
    g->ops[at] = many;
}

/* Operands that the op may as well read with batch 1, its result being what it is. */
static int read_single(Graph *g, uint32_t at)
{
    Op o = g->ops[at];
    Shape out = tensor(g, o.out)->shape;
    int n = 0;
    if (o.kind == OP_ADD && tensor_ok(single(g, o.in[0])) && !tensor_ok(single(g, o.in[1]))) {
        TensorId second = o.in[0];
        o.in[0] = o.in[1];
        o.in[1] = second;
    }
    for (int s = 0; s < SLOT_COUNT; s++) {
        TensorId many = o.in[s], one = single(g, many);
        if (!tensor_ok(one))
            continue;
        o.in[s] = one;
        if (gives(g, &o, out))
            n++;
        else
            o.in[s] = many;
    }
    if (n)
        g->ops[at] = o;
    return n;
}

static int share(Graph *g, uint32_t at)
{
    Op one = g->ops[at];
    Shape shape = tensor(g, one.out)->shape;
    bool any = false,
         mixes_batch = one.kind == OP_RESHAPE && tensor(g, one.in[0])->shape.dim[0] != shape.dim[0];
    for (int s = 0; s < SLOT_COUNT; s++) {
        TensorId t = single(g, one.in[s]);
        any |= tensor_ok(t);
        one.in[s] = tensor_ok(t) ? t : one.in[s];
    }
    if (!any || mixes_batch)
        return 0;
    shape.dim[0] = 1;
    if (!gives(g, &one, shape))
        return read_single(g, at);
    sink(g, at, one, shape);
    return 1;
}

int pass_guidance(Graph *g)
{
    int n = 0;
    for (uint32_t i = 0, end = g->n_ops; i < end; i++)
        if (!g->ops[i].dead && g->ops[i].kind != OP_BROADCAST)
            n += share(g, i);
    return n;
}
