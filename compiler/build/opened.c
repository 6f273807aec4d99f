/* See opened.h. */
#include "opened.h"

#include <string.h>

#include "err.h"
#include "graph_json.h"
#include "own.h"
#include "pipeline.h"
#include "schemes.h"
#include "weights.h"

static int place_of(Opened *o, const char *spec)
{
    for (int i = 0; i < o->n; i++)
        if (strcmp(o->list[i]->spec, spec) == 0)
            return i;
    if (o->n == MOST_CHECKPOINTS)
        err("--weights: more than %d", MOST_CHECKPOINTS);
    o->list[o->n] = checkpoint_open(spec, &o->options);
    return o->n++;
}

Checkpoint *opened_checkpoint(Opened *o, const char *spec) { return o->list[place_of(o, spec)]; }

bool opened_serves(void *context, const char *spec, const char *model)
{
    Opened *o = context;
    if (weights_synthetic(spec))
        return true;
    return checkpoint_serves(opened_checkpoint(o, spec), model);
}

Checkpoint *opened_use(Opened *o, const char *spec)
{
    int i = place_of(o, spec);
    o->used[i] = true;
    return o->list[i];
}

void opened_close_unused(Opened *o)
{
    for (int i = 0; i < o->n; i++)
        if (!o->used[i])
            checkpoint_close(o->list[i]);
}

/* Where no scheme knows the names, the first one says more than "one model of latentc". */
const char *opened_kind(const Checkpoint *c)
{
    if (c->scheme != &own_model_scheme || !c->n)
        return c->taken_for;
    return arena_printf(c->arena, "a file with unknown names of tensors, such as \"%s\"",
                        c->tensors[0].name);
}

static const char *text_or(Json object, const char *key, const char *otherwise)
{
    Json j = json_ok(object) ? json_get(object, key) : object;
    return json_ok(j) && json_kind(j) == JSON_STRING && *json_string(j) ? json_string(j)
                                                                        : otherwise;
}

const char *opened_graph(const PipelineSource *from, const char *model)
{
    Json models = json_get(from->root, "models");
    const char *named = text_or(json_ok(models) ? json_get(models, model) : models, "graph", NULL);
    return named ? pipeline_resolve(from->arena, pipeline_folder(from->arena, from->path), named)
                 : NULL;
}

/* The weights in an archive give way to --weights MODEL=SPEC, and to a SPEC without a name that can
 * have weights by Keras' names: others are for the other models. */
static bool replaces_archive(Opened *o, const FlagList *flags, const char *spec, const char *model)
{
    bool unnamed = false;
    for (int i = 0; i < flags->n; i++)
        unnamed |= flags->items[i] == spec;
    if (!unnamed || weights_synthetic(spec))
        return true;
    const Checkpoint *c = opened_checkpoint(o, spec);
    return (c->scheme == scheme_find("keras") || c->scheme == scheme_find("latentc")) &&
           checkpoint_serves(c, model);
}

const char *opened_spec(const PipelineSource *from, const char *model, const FlagList *flags,
                        Opened *o)
{
    Json models = json_get(from->root, "models");
    const char *graph = opened_graph(from, model),
               *flag = flags_fitting(flags, model, opened_serves, o);
    bool archive = graph && is_model_archive(graph);
    if (flag && (!archive || replaces_archive(o, flags, flag, model)))
        return flag;
    const char *named = text_or(json_ok(models) ? json_get(models, model) : models, "weights",
                                archive ? NULL : text_or(from->root, "weights", NULL));
    return named ? pipeline_resolve(from->arena, pipeline_folder(from->arena, from->path), named)
           : archive ? graph
                     : NULL;
}
