/* The reference interpreter: walks the ops in order and calls each one's loops (interp_ops.c). */
#include "interp.h"

#include <stdlib.h>
#include <string.h>

#include "interp_ops.h"
#include "alloc.h"

typedef struct {
    const Graph *g;
    WeightSource *weights;
    bool in_double;
    /* [tensor id - 1]; data NULL unless alive */
    Value *values;
    /* [tensor id - 1]: operand uses to come, and uses as output */
    uint32_t *uses_left;
} Interp;

static Value new_value(const Tensor *t)
{
    return (Value){t->shape, xmalloc((size_t)shape_count(&t->shape) * sizeof(double))};
}

static Value input_value(const Tensor *t, const void *data)
{
    Value v = new_value(t);
    int64_t n = shape_count(&t->shape);
    for (int64_t i = 0; i < n; i++)
        v.data[i] = t->dtype == DT_I32 ? ((const int32_t *)data)[i] : ((const float *)data)[i];
    return v;
}

static Value weight_value(const Interp *it, TensorId id)
{
    Value v = new_value(tensor(it->g, id));
    int64_t n = shape_count(&v.shape);
    float *read = xmalloc((size_t)n * sizeof *read);
    weights_read_tensor(it->weights, it->g, id, read);
#pragma omp parallel for if (interp_parallel(n))
    for (int64_t i = 0; i < n; i++)
        v.data[i] = read[i];
    free(read);
    return v;
}

/* Counts a use of t and frees its value after the last. Weights are read anew for each op. */
static void used(Interp *it, TensorId t)
{
    Value *v = &it->values[t.id - 1];
    if (--it->uses_left[t.id - 1] == 0 || tensor(it->g, t)->kind == T_WEIGHT) {
        free(v->data);
        v->data = NULL;
    }
}

static void round_to_float(Value *v)
{
    int64_t n = shape_count(&v->shape);
    for (int64_t i = 0; i < n; i++)
        v->data[i] = (float)v->data[i];
}

static void run_op(Interp *it, const Op *op)
{
    Value in[SLOT_COUNT] = {0};
    for (int s = 0; s < SLOT_COUNT; s++) {
        if (!tensor_ok(op->in[s]))
            continue;
        Value *v = &it->values[op->in[s].id - 1];
        if (tensor(it->g, op->in[s])->kind == T_WEIGHT && !v->data)
            *v = weight_value(it, op->in[s]);
        in[s] = *v;
    }
    Value out = new_value(tensor(it->g, op->out));
    interp_ops[op->kind](op, in, &out);
    if (!it->in_double)
        round_to_float(&out);
    it->values[op->out.id - 1] = out;
    for (int s = 0; s < SLOT_COUNT; s++)
        if (tensor_ok(op->in[s]))
            used(it, op->in[s]);
    if (it->uses_left[op->out.id - 1] == 0) {
        free(out.data);
        it->values[op->out.id - 1].data = NULL;
    }
}

/* Values of full steps stay for the short step after it. */
static bool stays(const Interp *it, TensorId t)
{
    return tensor(it->g, t)->binding == BIND_INTERVAL;
}

static void count_uses(Interp *it)
{
    const Graph *g = it->g;
    memset(it->uses_left, 0, g->n_tensors * sizeof *it->uses_left);
    for (uint32_t i = 0; i < g->n_ops; i++) {
        for (int s = 0; s < SLOT_COUNT; s++)
            if (!g->ops[i].dead && tensor_ok(g->ops[i].in[s]))
                it->uses_left[g->ops[i].in[s].id - 1]++;
        it->uses_left[g->ops[i].out.id - 1] += stays(it, g->ops[i].out);
    }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        it->uses_left[g->outputs[i].id - 1]++;
}

/* Every op; short_step: but those of full steps alone, whose values are there. */
static void run_ops(Interp *it, const void *const *inputs, bool short_step)
{
    const Graph *g = it->g;
    for (uint32_t i = 0; i < g->n_tensors; i++)
        if (!short_step || g->tensors[i].binding != BIND_INTERVAL) {
            free(it->values[i].data);
            it->values[i].data = NULL;
        }
    count_uses(it);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        it->values[g->inputs[i].id - 1] = input_value(tensor(g, g->inputs[i]), inputs[i]);
    for (uint32_t i = 0; i < g->n_ops; i++)
        if (!g->ops[i].dead && !(short_step && stays(it, g->ops[i].out)))
            run_op(it, &g->ops[i]);
}

void interpret_steps(const Graph *g, WeightSource *w, const void *const *const *inputs, int n,
                     float *const *outputs, bool in_double)
{
    Interp it = {g, w, in_double, xcalloc(g->n_tensors, sizeof(Value)),
                 xcalloc(g->n_tensors, sizeof(uint32_t))};
    for (int i = 0; i < n; i++)
        run_ops(&it, inputs[i], i > 0);
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        const Value *v = &it.values[g->outputs[i].id - 1];
        int64_t count = shape_count(&v->shape);
        for (int64_t k = 0; k < count; k++)
            outputs[i][k] = (float)v->data[k];
    }
    for (uint32_t i = 0; i < g->n_tensors; i++)
        free(it.values[i].data);
    free(it.values);
    free(it.uses_left);
}

void interpret(const Graph *g, WeightSource *w, const void *const *inputs, float *const *outputs,
               bool in_double)
{
    interpret_steps(g, w, &inputs, 1, outputs, in_double);
}
