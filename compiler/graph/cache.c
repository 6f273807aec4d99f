/* See cache.h. */
#include "cache.h"

const char *graph_mark(Graph *g, TensorId t, int level)
{
    t = tensor_root(g, t);
    Tensor *x = tensor(g, t);
    if (x->kind != T_TEMP)
        return arena_printf(g->arena, "%s is no result of an operation: there is nothing to cache",
                            x->name);
    if (x->binding < BIND_INTERVAL)
        return arena_printf(
            g->arena, "layer %s does not change in every step (%s): there is nothing to cache",
            op_of(g, x->producer)->path, binding_name(x->binding));
    if (x->cache && x->cache != level)
        return arena_printf(g->arena, "the value has cache level %d already", x->cache);
    x->cache = level;
    return NULL;
}

int graph_cache_levels(const Graph *g)
{
    int most = 0;
    for (uint32_t i = 0; i < g->n_tensors; i++)
        if (g->tensors[i].cache > most)
            most = g->tensors[i].cache;
    return most;
}

const char *graph_cache(Graph *g, int level)
{
    int most = graph_cache_levels(g), n = 0;
    if (!most)
        return "no value of this graph is marked with \"cache\"";
    for (uint32_t i = 0; i < g->n_tensors; i++)
        n += g->tensors[i].cache == level;
    if (!n)
        return arena_printf(g->arena, "no value has cache level %d: expected 1 to %d", level, most);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (tensor(g, g->outputs[i])->cache == level)
            return arena_printf(g->arena, "the output %s cannot be cached: every step computes it",
                                g->output_names[i]);
    g->cache_level = level;
    graph_rebind(g);
    return NULL;
}
