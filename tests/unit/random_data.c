/* Data for random graphs, and results: see randgraph.h. */
#include "randgraph.h"
#include "randgraph_ops.h"

#include <math.h>
#include <stdlib.h>

#include "alloc.h"
#include "interp.h"

/* Rows of the smallest table that input t looks into. */
static int64_t table_rows(const Graph *g, TensorId t)
{
    int64_t rows = 1 << 30;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        const Op *o = &g->ops[i];
        if (o->kind == OP_EMBEDDING && tensor_eq(o->in[0], t) &&
            tensor(g, o->in[1])->shape.dim[0] < rows)
            rows = tensor(g, o->in[1])->shape.dim[0];
    }
    return rows;
}

void **random_inputs(const Graph *g, uint64_t seed)
{
    Gen r = {.state = seed ^ 0x5bd1e995};
    void **data = xcalloc(g->n_inputs + 1, sizeof *data);
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const Tensor *t = tensor(g, g->inputs[i]);
        int64_t n = shape_count(&t->shape), rows = table_rows(g, g->inputs[i]);
        data[i] = xmalloc((size_t)n * 4);
        for (int64_t k = 0; k < n; k++)
            if (t->dtype == DT_I32)
                ((int32_t *)data[i])[k] = (int32_t)gen_below(&r, rows);
            else
                ((float *)data[i])[k] = (float)((double)gen_below(&r, 1 << 24) / (1 << 23) - 1);
    }
    return data;
}

float **output_buffers(const Graph *g)
{
    float **out = xcalloc(g->n_outputs + 1, sizeof *out);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        out[i] = xcalloc((size_t)shape_count(&tensor(g, g->outputs[i])->shape), sizeof **out);
    return out;
}

void random_data_free(void **data, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        free(data[i]);
    free(data);
}

float **interpreted(const Graph *g, uint64_t seed, bool in_double)
{
    void **inputs = random_inputs(g, seed);
    float **outputs = output_buffers(g);
    WeightSource *w = weights_open("synthetic:7", g->name);
    interpret(g, w, (const void *const *)inputs, outputs, in_double);
    weights_close(w);
    random_data_free(inputs, g->n_inputs);
    return outputs;
}

double outputs_difference(const Graph *g, float *const *a, float *const *b)
{
    double worst = 0;
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        double sum = 0, scale = 0;
        for (int64_t k = 0; k < shape_count(&tensor(g, g->outputs[i])->shape); k++) {
            sum += ((double)a[i][k] - b[i][k]) * ((double)a[i][k] - b[i][k]);
            scale += (double)a[i][k] * a[i][k];
        }
        double d = sqrt(sum / (scale > 1e-30 ? scale : 1e-30));
        if (!(d <= worst)) /* NaN too */
            worst = d;
    }
    return worst;
}

uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *s = getenv(name);
    return s ? strtoull(s, NULL, 10) : otherwise;
}
