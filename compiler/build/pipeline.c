/* Reads a pipeline file: which graphs with which parameters, weights, vocabulary, noise schedule,
 * defaults. See docs/graph-language.md. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fetch.h"
#include "construct.h"
#include "graph_json.h"
#include "graphfile.h"
#include "guidance.h"
#include "model_inputs.h"
#include "param.h"
#include "pipeline.h"
#include "samplers.h"
#include "schedule_read.h"
#include "verify.h"
#include "err.h"
#include "alloc.h"
#include "words.h"
#include "output.h"
#include "picture_out.h"

enum { MOST_PARAMS = MAX_NAMES };

const char *pipeline_resolve(Arena *a, const char *dir, const char *path)
{
    return path[0] == '/' || strncmp(path, "synthetic:", 10) == 0 || fetch_knows(path, NULL)
               ? arena_strdup(a, path)
               : arena_printf(a, "%s%s", dir, path);
}

static const char *optional_path(const Pipeline *p, Json at)
{
    if (!json_ok(at) || json_kind(at) == JSON_NULL)
        return NULL;
    if (!*json_string(at))
        json_err(at, "found an empty text, expected a path");
    return pipeline_resolve(p->arena, p->dir, json_string(at));
}

const char *pipeline_folder(Arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_printf(a, "%.*s", (int)(slash - path) + 1, path) : "";
}

/* ---- parameters ---- */

bool param_put(ParamList *l, ParamSet p)
{
    int i = 0;
    while (i < l->n && strcmp(l->list[i].name, p.name) != 0)
        i++;
    if (i == MOST_PARAMS)
        return false;
    l->list[i] = p;
    l->n += i == l->n;
    return true;
}

static void put(Json at, ParamList *l, ParamSet p)
{
    if (!param_put(l, p))
        json_err(at, "expected at most %d parameters", MOST_PARAMS);
}

static void read_parameters(Pipeline *p, Json section, ParamList *out)
{
    if (!json_ok(section))
        return;
    json_expect(section, JSON_OBJECT);
    for (Json m = json_first(section); json_ok(m); m = json_next(m)) {
        json_check_name(m);
        put(m, out, param_from_json(p->arena, json_key(m), m));
    }
}

/* The value of an integer that the pipeline must have. */
static int integer_param(const Pipeline *p, Json at, const ParamList *params, const char *name)
{
    for (int i = 0; i < params->n; i++)
        if (strcmp(params->list[i].name, name) == 0 && params->list[i].kind == PARAM_INT) {
            int64_t v = params->list[i].value;
            if (v < 1 || v > 1 << 20)
                err("%s: /parameters/%s: found %lld, expected 1 to %d", p->file, name, (long long)v,
                    1 << 20);
            return (int)v;
        }
    json_err(at, "an integer \"%s\" is missing", name);
}

/* The index of the name at `at`; 0 where `at` is absent. */
static int choice(Json at, const char *const *names, int n)
{
    if (!json_ok(at))
        return 0;
    int i = name_find(json_string(at), NAMES(names, n));
    if (i < 0)
        json_err(at, "unknown '%s': %s", json_string(at),
                 name_hint(json_string(at), NAMES(names, n)));
    return i;
}

/* ---- models ---- */

/* Which --set was taken by the pipeline or by one of its models. */
typedef struct {
    const ParamSet *sets;
    int n;
    bool taken[MOST_PARAMS];
    const char *known[MODEL_COUNT * MOST_PARAMS];
    int n_known;
} Sets;

static void remember(Pipeline *p, Sets *s, const char *name)
{
    if (s->n_known < MODEL_COUNT * MOST_PARAMS)
        s->known[s->n_known++] = arena_strdup(p->arena, name);
}

ParamSet pipeline_param(Arena *a, const PipelineModel *m, Json declared, const char *name)
{
    for (int i = 0; i < m->n_params; i++)
        if (!strcmp(m->params[i].name, name))
            return m->params[i];
    Json d = json_need(declared, name);
    return param_from_json(a, name, json_kind(d) == JSON_OBJECT ? json_need(d, "default") : d);
}

/* "encoding": "sample": the image encoder says how a latent is distributed, and what it is
 * multiplied with is left to the generator. */
static void ask_for_moments(Pipeline *p, Json m, Json declared, ParamList *all)
{
    if (!json_ok(declared) || !json_ok(json_get(declared, "moments")) ||
        !json_ok(json_get(declared, "latent_scale")))
        json_err(
            m,
            "an \"encoding\" of \"sample\" needs a graph with the parameters \"moments\" and \"latent_scale\"");
    put(m, all, (ParamSet){.name = "moments", .value = 1});
    PipelineModel *encoder = &p->model[MODEL_IMAGE_ENCODER];
    encoder->n_params = all->n;
    ParamSet scale = pipeline_param(p->arena, encoder, declared, "latent_scale");
    p->latent_scale = scale.kind == PARAM_INT ? (double)scale.value : scale.real;
}

/* Names of the parameters that a model's graph takes. */
typedef struct {
    const char *list[MAX_NAMES];
    int n;
} Taken;

static bool takes(const Taken *t, const char *name)
{
    return name_find(name, NAMES(t->list, t->n)) >= 0;
}

static void rename_input(Pipeline *p, Json at, ParamList *all, const char *from, const char *to)
{
    put(at, all,
        (ParamSet){.name = arena_printf(p->arena, "rename.%s", from),
                   .kind = PARAM_TEXT,
                   .text = arena_strdup(p->arena, to)});
}

/* "inputs": {"sample": "latent"}: what a Keras model calls an input, and what it is here. The only
 * input of a decoder or an encoder needs none. */
static void read_input_names(Pipeline *p, Json m, ModelId id, const Taken *taken, ParamList *all)
{
    static const char *const only[MODEL_COUNT] = {
        [MODEL_DECODER] = "latent",
        [MODEL_IMAGE_ENCODER] = "image",
        [MODEL_TINY_DECODER] = "latent",
        [MODEL_TINY_IMAGE_ENCODER] = "image",
    };
    const char *inputs[MAX_NAMES];
    int n = 0;
    Json section = json_get(m, "inputs");
    for (int i = 0; i < taken->n; i++)
        if (strncmp(taken->list[i], "rename.", 7) == 0)
            inputs[n++] = taken->list[i] + 7;
    if (json_ok(section) && !n)
        json_err(section, "goes with a Keras model; a graph file names its inputs itself");
    if (json_ok(section))
        json_expect(section, JSON_OBJECT);
    else if (n == 1 && only[id])
        rename_input(p, m, all, inputs[0], only[id]);
    for (Json s = json_ok(section) ? json_first(section) : section; json_ok(s); s = json_next(s)) {
        if (name_find(json_key(s), NAMES(inputs, n)) < 0)
            json_err(s, "the model has no input '%s': %s", json_key(s),
                     name_hint(json_key(s), NAMES(inputs, n)));
        rename_input(p, s, all, json_key(s), json_name(s));
    }
}

/* The model's own parameters, over those of the pipeline that its graph has, and over both the
 * --set ones. */
static void read_model(Pipeline *p, Json models, ModelId id, const ParamList *shared, Sets *sets)
{
    static const char *const keys[] = {"graph", "parameters", "weights", "inputs"};
    PipelineModel *out = &p->model[id];
    Json m = json_get(models, model_rows[id].name);
    out->id = id;
    if (!json_ok(m))
        return;
    json_only(m, keys, 4);
    out->graph = pipeline_resolve(p->arena, p->dir, json_string(json_need(m, "graph")));
    out->weights = optional_path(p, json_get(m, "weights"));
    ParamList *all = arena_alloc(p->arena, sizeof *all);
    Json graph = graph_json(out->graph);
    Taken taken;
    taken.n = graph_json_parameters(p->arena, graph, taken.list, MAX_NAMES);
    for (int k = 0; k < taken.n; k++)
        remember(p, sets, taken.list[k]);
    for (int i = 0; i < shared->n; i++)
        if (takes(&taken, shared->list[i].name))
            put(m, all, shared->list[i]);
    read_parameters(p, json_get(m, "parameters"), all);
    read_input_names(p, m, id, &taken, all);
    for (int i = 0; i < sets->n; i++)
        if (takes(&taken, sets->sets[i].name)) {
            put(m, all, sets->sets[i]);
            sets->taken[i] = true;
        }
    out->params = all->list;
    out->n_params = all->n;
    if (p->sample && id == MODEL_IMAGE_ENCODER)
        ask_for_moments(p, m, json_get(graph, "parameters"), all);
    json_free(graph);
}

static void check_sets(const Pipeline *p, const Sets *s)
{
    for (int i = 0; i < s->n; i++) {
        if (s->taken[i])
            continue;
        err("%s: unknown parameter '%s': %s", p->file, s->sets[i].name,
            name_hint(s->sets[i].name, NAMES(s->known, s->n_known)));
    }
}

static void read_models(Pipeline *p, Json root, ParamList *shared, const ParamSet *sets, int n_sets)
{
    const char *names[MODEL_COUNT];
    for (int i = 0; i < MODEL_COUNT; i++)
        names[i] = model_rows[i].name;
    Json models = json_need(root, "models");
    json_only(models, names, MODEL_COUNT);
    Sets *s = arena_alloc(p->arena, sizeof *s);
    s->sets = sets;
    s->n = n_sets;
    if (n_sets > MOST_PARAMS)
        err("%s: found %d parameters set, expected at most %d", p->file, n_sets, MOST_PARAMS);
    for (int i = 0; i < shared->n; i++)
        remember(p, s, shared->list[i].name);
    for (int k = 0; k < n_sets; k++)
        for (int i = 0; i < shared->n; i++)
            if (strcmp(shared->list[i].name, sets[k].name) == 0) {
                shared->list[i] = sets[k];
                s->taken[k] = true;
            }
    for (int i = 0; i < MODEL_COUNT; i++)
        read_model(p, models, i, shared, s);
    check_sets(p, s);
    bool tiny = json_ok(json_get(models, names[MODEL_TINY_DECODER]));
    for (int i = 0; i < MODEL_COUNT; i++)
        if (model_rows[i].required && !(tiny && i == MODEL_DECODER))
            json_need(models, names[i]);
}

/* ---- defaults ---- */

static double number_between(Json at, double least, double most)
{
    double v = json_number(at);
    if (!(v >= least && v <= most))
        json_err(at, "found %.15g, expected %.15g to %.15g", v, least, most);
    return v;
}

static const char *read_sampler(Json at)
{
    const lrt_sampler *found = lrt_sampler_find(json_string(at));
    if (!found)
        json_err(at, "unknown sampler '%s': %s", json_string(at),
                 name_hint(json_string(at), NAMES_OF(lrt_samplers, name, lrt_sampler_count)));
    return found->name;
}

/* A number, or a text of digits where JSON's numbers are not exact; the bits of a uint64_t. -1:
 * random. */
static int64_t read_seed(Json j)
{
    if (json_kind(j) != JSON_STRING)
        return json_int(j, -1, (int64_t)1 << 53);
    const char *text = json_string(j);
    char *end;
    errno = 0;
    uint64_t seed = strtoull(text, &end, 10);
    if (!*text || strspn(text, "0123456789") != strlen(text) || errno || seed == UINT64_MAX)
        json_err(j, "found \"%s\", expected digits, at most 18446744073709551614", text);
    return (int64_t)seed;
}

static void read_defaults(Pipeline *p, Json root)
{
    static const char *const keys[] = {"steps", "cfg_scale", "sampler", "seed", "output", "prompt"};
    Json d = json_need(root, "defaults"), output = json_get(d, "output"),
         prompt = json_get(d, "prompt");
    lrt_picture_format format;
    lrt_error e;
    json_only(d, keys, 6);
    p->steps = (int)json_int(json_need(d, "steps"), 1, p->schedule.train_steps);
    p->cfg_scale = number_between(json_need(d, "cfg_scale"), -LRT_MOST_CFG_SCALE,
                                  LRT_MOST_CFG_SCALE);
    p->sampler = read_sampler(json_need(d, "sampler"));
    p->seed = read_seed(json_need(d, "seed"));
    p->output = arena_strdup(p->arena, json_ok(output) ? json_string(output) : "output.png");
    if (strcmp(p->output, LRT_STANDARD_OUTPUT) && !lrt_picture_format_of(p->output, &format, &e))
        json_err(output, "%s", e.text);
    p->prompt = json_ok(prompt) ? arena_strdup(p->arena, json_string(prompt)) : NULL;
}

/* A token's number, or "end_of_text": the vocabulary's own last token. */
static int read_pad_token(Json root)
{
    Json at = json_get(root, "pad_token");
    if (!json_ok(at))
        return -1;
    if (json_kind(at) == JSON_STRING) {
        if (strcmp(json_string(at), "end_of_text") != 0)
            json_err(at, "found \"%s\", expected \"end_of_text\" or a token's number",
                     json_string(at));
        return -1;
    }
    return (int)json_int(at, 0, INT32_MAX);
}

Pipeline *pipeline_from_json(Json root, const char *path, const ParamSet *sets, int n_sets)
{
    static const char *const keys[] = {"$schema",  "pipeline", "parameters", "models",
                                       "weights",  "vocab",    "pad_token",  "rounding",
                                       "encoding", "schedule", "defaults"};
    static const char *const roundings[] = {"down", "nearest"}, *const encodings[] = {"mean",
                                                                                      "sample"};
    Arena *a = arena_new();
    Pipeline *p = arena_alloc(a, sizeof *p);
    ParamList *shared = arena_alloc(a, sizeof *shared);
    p->arena = a;
    p->file = arena_strdup(a, path);
    p->dir = pipeline_folder(a, path);
    if (graph_json_is_graph(root))
        json_err(root, "this is a graph, expected a pipeline, whose \"models\" name graphs");
    json_only(root, keys, sizeof keys / sizeof keys[0]);
    p->name = arena_strdup(a, json_name(json_need(root, "pipeline")));
    read_parameters(p, json_need(root, "parameters"), shared);
    p->sample = choice(json_get(root, "encoding"), encodings, 2);
    read_models(p, root, shared, sets, n_sets);
    Json at = json_get(root, "parameters");
    p->img_height = integer_param(p, at, shared, "img_height");
    p->img_width = integer_param(p, at, shared, "img_width");
    p->max_text_length = integer_param(p, at, shared, "max_text_length");
    p->weights = optional_path(p, json_get(root, "weights"));
    p->vocab = optional_path(p, json_get(root, "vocab"));
    p->pad_token = read_pad_token(root);
    p->round_nearest = choice(json_get(root, "rounding"), roundings, 2);
    schedule_read(json_need(root, "schedule"), &p->schedule);
    read_defaults(p, root);
    return p;
}

Pipeline *pipeline_load(const char *path, const ParamSet *sets, int n_sets)
{
    Json root = graph_json(path);
    json_expect(root, JSON_OBJECT);
    Pipeline *p = pipeline_from_json(root, path, sets, n_sets);
    json_free(root);
    return p;
}

/* An input that does not vary with the prompt is one for both halves: it gets batch 1 and is
 * broadcast, until pass_guidance finds where the halves begin to differ. */
static void share_inputs(Graph *g, int halves)
{
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        TensorId input = g->inputs[i];
        Tensor *t = tensor(g, input);
        if (t->binding == BIND_PROMPT || t->shape.rank < 2 || t->shape.dim[0] != halves)
            continue;
        Shape both = t->shape;
        t->shape.dim[0] = 1;
        Op o = op_make(OP_BROADCAST, arena_printf(g->arena, "%s.broadcast", t->name));
        o.attr.broadcast.batch = halves;
        TensorId shared = graph_append_op(g, o, both);
        graph_replace_uses(g, input, shared);
        op_of(g, tensor(g, shared)->producer)->in[0] = input;
    }
    graph_toposort(g);
    graph_rebind(g);
    graph_verify(g, "sharing inputs");
}

Graph *pipeline_graph(const PipelineModel *m, int batch, bool guided)
{
    ParamSet *sets = xcalloc((size_t)m->n_params + 1, sizeof *sets);
    memcpy(sets, m->params, (size_t)m->n_params * sizeof *sets);
    int n = m->n_params;
    if (batch > 1)
        sets[n++] = (ParamSet){.name = "batch", .value = batch};
    Graph *g = graph_load(m->graph, sets, n);
    free(sets);
    if (g->n_keras && !m->alone) /* whatever the model is called there */
        g->name = model_rows[m->id].name;
    if (guided)
        share_inputs(g, batch);
    return g;
}

bool pipeline_guided(const PipelineModel *m)
{
    if (!m->graph || !model_rows[m->id].guided)
        return false;
    Graph *g = pipeline_graph(m, 1, false);
    bool takes = false;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        takes |= !strcmp(tensor(g, g->inputs[i])->name,
                         lrt_model_input_names[LRT_INPUT_guidance_embedding]);
    graph_free(g);
    return !takes;
}

const char *pipeline_weights(const Pipeline *p, const PipelineModel *m)
{
    return m->weights ? m->weights : p->weights;
}
