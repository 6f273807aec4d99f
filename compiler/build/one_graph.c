/* A graph alone, where commands take a pipeline: see one_graph.h. */
#include "one_graph.h"

#include <string.h>

#include "graph_json.h"
#include "graphfile.h"

bool is_graph_file(const char *path)
{
    Json root = graph_json(path);
    bool graph = graph_json_is_graph(root);
    json_free(root);
    return graph;
}

static ModelId place_of(const char *name)
{
    for (int i = 0; i < MODEL_COUNT; i++)
        if (!strcmp(model_rows[i].name, name))
            return (ModelId)i;
    return (ModelId)0;
}

Pipeline *pipeline_of_graph(const char *path, const ParamSet *sets, int n_sets,
                            const WeightFlags *w)
{
    Arena *a = arena_new();
    Pipeline *p = arena_alloc(a, sizeof *p);
    Json root = graph_json(path);
    *p = (Pipeline){.arena = a,
                    .file = arena_strdup(a, path),
                    .dir = pipeline_folder(a, path),
                    .name = arena_strdup(a, graph_json_name(a, root))};
    ParamList *params = arena_alloc(a, sizeof *params);
    GraphWeights from;
    *params = graph_params(a, root, w, &from);
    for (int i = 0; i < n_sets; i++)
        param_put_or_err(params, sets[i]);
    ModelId id = place_of(p->name);
    p->model[id] = (PipelineModel){.id = id,
                                   .graph = p->file,
                                   .weights = from.spec ? arena_strdup(a, from.spec) : NULL,
                                   .params = params->list,
                                   .n_params = params->n,
                                   .checkpoint = from.checkpoint,
                                   .alone = true};
    json_free(root);
    return p;
}
