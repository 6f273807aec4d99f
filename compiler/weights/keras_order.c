/* The order in which Keras lists weights: by distance from the output. See keras_order.h. */
#include "keras_order.h"

#include <stdlib.h>

#include "alloc.h"

/* For each op the largest number of ops between its result and the output. The caller frees. */
static int *distances(const Graph *g)
{
    int *of = xcalloc(g->n_ops + 1, sizeof *of);
    for (uint32_t i = g->n_ops; i-- > 0;)
        for (int s = 0; s < SLOT_COUNT; s++) {
            TensorId in = g->ops[i].in[s];
            if (!tensor_ok(in) || tensor(g, in)->kind != T_TEMP)
                continue;
            uint32_t from = tensor(g, in)->producer.id - 1;
            if (of[from] < of[i] + 1)
                of[from] = of[i] + 1;
        }
    return of;
}

typedef struct {
    int distance;
    uint32_t op;
} Far;

static int by_distance(const void *a, const void *b)
{
    const Far *x = a, *y = b;
    return x->distance != y->distance ? (x->distance < y->distance) - (x->distance > y->distance)
                                      : (x->op > y->op) - (x->op < y->op);
}

size_t keras_order(const Graph *g, const char **paths)
{
    size_t n = 0;
    int *of = distances(g);
    Far *far = xcalloc(g->n_ops + 1, sizeof *far);
    bool *seen = xcalloc(g->n_tensors + 1, sizeof *seen);
    for (uint32_t i = 0; i < g->n_ops; i++)
        far[i] = (Far){of[i], i};
    qsort(far, g->n_ops, sizeof *far, by_distance);
    for (uint32_t i = 0; i < g->n_ops; i++)
        for (int s = 0; s < SLOT_COUNT; s++) {
            TensorId in = g->ops[far[i].op].in[s];
            if (!tensor_ok(in) || tensor(g, in)->kind != T_WEIGHT || seen[in.id - 1])
                continue;
            seen[in.id - 1] = true;
            paths[n++] = tensor(g, in)->parts[0].path;
        }
    free(seen);
    free(far);
    free(of);
    return n;
}
