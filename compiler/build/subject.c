/* See subject.h. */
#include "subject.h"
#include "one_graph.h"
#include "schemes.h"
#include "err.h"
#include "files.h"

#include <unistd.h>

const char *default_pipeline(Arena *a)
{
    static const char name[] = "graphs/sd2/pipeline.json";
    const char *path = access(name, R_OK) ? own_file(a, name) : name;
    if (!path)
        usage_err(
            "weights: %s is neither here nor in the folder of latentc: name a pipeline after SPEC",
            name);
    return path;
}

/* A file of one model without its name in front: only the model that it fits best is meant. */
static void only_the_best(Subject *s)
{
    size_t best = 0;
    for (int i = 0; i < s->n; i++)
        if (s->model[i].fit.n - s->model[i].fit.n_missing > best)
            best = s->model[i].fit.n - s->model[i].fit.n_missing;
    s->n_here = 0;
    for (int i = 0; i < s->n; i++) {
        s->model[i].here = best && !s->n_here &&
                           s->model[i].fit.n - s->model[i].fit.n_missing == best;
        s->n_here += s->model[i].here;
    }
}

Subject subject_open(const char *spec, const char *pipeline, const char *variant)
{
    Subject s = {.arena = arena_new()};
    FlagList one = {.items = &spec, .n = 1};
    const WeightFlags flags = {.specs = one, .variant = variant};
    s.file = pipeline ? graph_file(pipeline) : default_pipeline(s.arena);
    s.one_graph = is_graph_file(s.file);
    s.pipeline = s.one_graph ? pipeline_of_graph(s.file, NULL, 0, &flags)
                             : pipeline_open(s.file, NULL, 0, &flags, NULL);
    for (int i = 0; i < MODEL_COUNT; i++) {
        const PipelineModel *of = &s.pipeline->model[i];
        if (!of->graph)
            continue;
        SubjectModel *m = &s.model[s.n++];
        m->of = of;
        m->graph = pipeline_graph(of, 1, false);
        s.checkpoint = of->checkpoint;
        m->weights = s.checkpoint ? weights_from(s.checkpoint, m->graph->name)
                                  : weights_open(spec, m->graph->name);
        if (s.checkpoint)
            m->fit = weights_fit(m->weights, m->graph, s.arena);
        m->here = !s.checkpoint || !m->fit.n || m->fit.n_missing < m->fit.n;
        s.n_here += m->here;
    }
    if (s.checkpoint && s.checkpoint->scheme == scheme_find("latentc-model"))
        only_the_best(&s);
    return s;
}

void subject_need_any(const Subject *s)
{
    const Checkpoint *c = s->checkpoint;
    if (s->n_here || !c)
        return;
    if (c->foreign)
        err("%s: this is %s", c->spec, c->foreign);
    if (!c->n)
        err("%s: has no tensors", c->spec);
    err("%s: has no weights of %s; its first tensor is \"%s\"", c->spec, s->file,
        c->tensors[0].name);
}

void subject_close(Subject *s)
{
    for (int i = 0; i < s->n; i++) {
        weights_close(s->model[i].weights);
        graph_free(s->model[i].graph);
    }
    pipeline_close(s->pipeline);
    arena_free(s->arena);
}
