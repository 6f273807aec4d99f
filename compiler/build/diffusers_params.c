/* See diffusers_params.h. */
#include "diffusers_params.h"

#include <string.h>

#include "err.h"
#include "graph_json.h"

Params params_of(const Conversion *v, ModelId id)
{
    const PipelineModel *m = &v->subject->pipeline->model[id];
    Json graph = graph_json(m->graph);
    return (Params){v->subject->arena, m, graph, json_need(graph, "parameters")};
}

ParamSet params_find(const Params *p, const char *name)
{
    return pipeline_param(p->arena, p->of, p->declared, name);
}

const char *real_text(Arena *a, double v)
{
    Buf b = {0};
    buf_real(&b, v);
    const char *text = arena_strdup(a, b.data);
    buf_free(&b);
    return text;
}

long long params_int(const Params *p, const char *name)
{
    return (long long)params_find(p, name).value;
}

double params_real(const Params *p, const char *name)
{
    ParamSet x = params_find(p, name);
    return x.kind == PARAM_INT ? (double)x.value : x.real;
}

const char *params_list(const Params *p, const char *name, int64_t by)
{
    ParamSet x = params_find(p, name);
    const char *s = "";
    for (int i = 0; i < x.n_ints; i++)
        s = arena_printf(p->arena, "%s%s%lld", s, i ? "," : "", (long long)(x.ints[i] / by));
    return arena_printf(p->arena, "[%s]", s);
}

void params_constant(const char *name, double found, double theirs)
{
    if (found != theirs)
        note("note: %s is %g here, and always %g in diffusers: its pictures will differ a little",
             name, found, theirs);
}

void params_erf(const Params *p, const char *model)
{
    if (strcmp(params_find(p, "gelu").text, "erf"))
        note(
            "note: %s has gelu by tanh here, and by erf in diffusers: its pictures will differ a little",
            model);
}

bool params_declare(const Params *p, const char *name)
{
    return json_ok(json_get(p->declared, name));
}
