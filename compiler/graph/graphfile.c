/* Reads the sections of a graph file; graph_expand.c reads the body. */
#include "graphfile.h"

#include <string.h>

#include "graph_expand.h"
#include "graph_json.h"
#include "keras_graph.h"
#include "keras_model.h"
#include "reader.h"
#include "verify.h"
#include "err.h"
#include "words.h"

/* ---- the parameters section ---- */

/* A parameter is its default, or an object with "default" and limits. */
static ParamSet param_default(const Reader *r, Json member)
{
    Json v = json_kind(member) == JSON_OBJECT ? json_need(member, "default") : member;
    return param_from_json(r->scratch, json_key(member), v);
}

/* Gives p the value of set. The kind of p stays; a real number may be given as an integer. */
static void override(const Reader *r, ParamSet *p, const ParamSet *set)
{
    bool real = p->kind == PARAM_REAL && set->kind == PARAM_INT;
    if (p->kind != set->kind && !real)
        err("%s: parameter %s: found %s, expected %s", json_file(r->root), p->name,
            param_kind_text(set->kind), param_kind_text(p->kind));
    const char *name = p->name;
    *p = *set;
    p->name = name;
    if (real) {
        p->kind = PARAM_REAL;
        p->real = (double)set->value;
    }
}

/* Settings of inputs are no parameters: "varies.NAME". */
static const char *varies_of(const ParamSet *set)
{
    return strncmp(set->name, "varies.", 7) == 0 ? set->name + 7 : NULL;
}

static void apply_sets(Reader *r, const ParamSet *sets, int n_sets)
{
    const Names names = NAMES_OF(r->globals->params, name, r->globals->n_params);
    for (int i = 0; i < n_sets; i++) {
        ParamSet *p = param_of(r->globals, sets[i].name);
        if (varies_of(&sets[i]))
            continue;
        if (!p)
            err("%s: unknown parameter '%s': %s", json_file(r->root), sets[i].name,
                name_hint(sets[i].name, names));
        override(r, p, &sets[i]);
    }
}

/* The limits in a parameter's object, for its value or for every element of its list. */
static void check_limits(const Reader *r, Json member, double value)
{
    Json least = json_get(member, "least"), most = json_get(member, "most"),
         multiple = json_get(member, "multiple_of");
    if (json_ok(least) && value < real_at(r, least))
        json_err(member, "found %.15g, expected at least %.15g", value, real_at(r, least));
    if (json_ok(most) && value > real_at(r, most))
        json_err(member, "found %.15g, expected at most %.15g", value, real_at(r, most));
    if (json_ok(multiple)) {
        int64_t m = integer_at(r, multiple);
        if (m < 1 || value != (double)((int64_t)value) || (int64_t)value % m)
            json_err(member, "found %.15g, expected a multiple of %lld", value, (long long)m);
    }
}

static void check_choice(const Reader *r, Json choices, const ParamSet *p)
{
    const char *list = "";
    json_expect(choices, JSON_ARRAY);
    for (Json c = json_first(choices); json_ok(c); c = json_next(c)) {
        if (p->kind == PARAM_TEXT && strcmp(json_string(c), p->text) == 0)
            return;
        list = arena_printf(r->scratch, "%s%s%s", list, *list ? ", " : "", json_string(c));
    }
    json_err(choices, "found %s, expected one of: %s",
             p->kind == PARAM_TEXT ? p->text : param_kind_text(p->kind), *list ? list : "(none)");
}

static void check_param(const Reader *r, Json member, const ParamSet *p)
{
    static const char *const keys[] = {"default", "least", "most", "multiple_of", "one_of"};
    if (json_kind(member) != JSON_OBJECT)
        return;
    json_only(member, keys, 5);
    if (json_ok(json_get(member, "one_of")))
        check_choice(r, json_get(member, "one_of"), p);
    for (int i = 0; i < p->n_ints && p->kind == PARAM_INTS; i++)
        check_limits(r, member, (double)p->ints[i]);
    if (p->kind == PARAM_INT || p->kind == PARAM_REAL)
        check_limits(r, member, p->kind == PARAM_REAL ? p->real : (double)p->value);
}

static void read_params(Reader *r, const ParamSet *sets, int n_sets)
{
    Json section = json_get(r->root, "parameters"), derived = json_get(r->root, "derived");
    if (json_ok(section))
        json_expect(section, JSON_OBJECT);
    for (Json m = json_ok(section) ? json_first(section) : section; json_ok(m); m = json_next(m)) {
        json_check_name(m);
        param_add(r, m, r->globals, param_default(r, m));
    }
    apply_sets(r, sets, n_sets);
    int i = 0;
    for (Json m = json_ok(section) ? json_first(section) : section; json_ok(m); m = json_next(m))
        check_param(r, m, &r->globals->params[i++]);
    if (!json_ok(derived))
        return;
    json_expect(derived, JSON_OBJECT);
    for (Json m = json_first(derived); json_ok(m); m = json_next(m)) {
        json_check_name(m);
        Number n = number_at(r, m);
        ParamKind kind = n.is_real ? PARAM_REAL : PARAM_INT;
        param_add(r, m, r->globals,
                  (ParamSet){.name = json_key(m), .kind = kind, .value = n.i, .real = n.r});
    }
}

/* "constraints": expressions that must hold, each with the message for when it does not. */
static void check_constraints(Reader *r)
{
    static const char *const keys[] = {"holds", "else"};
    Json list = json_get(r->root, "constraints");
    if (!json_ok(list))
        return;
    json_expect(list, JSON_ARRAY);
    for (Json c = json_first(list); json_ok(c); c = json_next(c)) {
        json_only(c, keys, 2);
        if (real_at(r, json_need(c, "holds")) == 0)
            json_err(c, "%s", text_at(r, json_need(c, "else")));
    }
}

/* ---- inputs, outputs ---- */

/* "if": the graph has the input only when this is not 0. */
static bool has_input(const Reader *r, Json input)
{
    Json condition = json_get(input, "if");
    return !json_ok(condition) || real_at(r, condition) != 0;
}

static void read_input(Reader *r, Json m)
{
    static const char *const keys[] = {"if", "shape", "dtype", "varies"};
    json_check_name(m);
    json_only(m, keys, 4);
    Json dtype = json_get(m, "dtype"), varies = json_need(m, "varies");
    Dtype d = DT_F32;
    if (json_ok(dtype) && strcmp(json_string(dtype), "i32") == 0)
        d = DT_I32;
    else if (json_ok(dtype) && strcmp(json_string(dtype), "f32") != 0)
        json_err(dtype, "found \"%s\", expected \"f32\" or \"i32\"", json_string(dtype));
    Binding b;
    if (!binding_parse(json_string(varies), &b))
        json_err(varies, "found \"%s\", expected \"step\", \"time\", \"prompt\" or \"never\"",
                 json_string(varies));
    if (has_input(r, m))
        value_set(r, m, json_key(m),
                  graph_add_input(r->g, json_key(m), d, shape_at(r, json_need(m, "shape")), b));
}

static void read_inputs(Reader *r)
{
    Json section = json_need(r->root, "inputs");
    json_expect(section, JSON_OBJECT);
    if (json_count(section) == 0)
        json_err(section, "expected at least one input");
    for (Json m = json_first(section); json_ok(m); m = json_next(m))
        read_input(r, m);
}

/* --varies */
static void set_bindings(Reader *r, const ParamSet *sets, int n_sets)
{
    const char *names[MAX_NAMES];
    int n = 0;
    for (uint32_t i = 0; i < r->g->n_inputs && n < MAX_NAMES; i++)
        names[n++] = tensor(r->g, r->g->inputs[i])->name;
    for (int i = 0; i < n_sets; i++) {
        const char *input = varies_of(&sets[i]);
        if (!input)
            continue;
        int k = name_find(input, NAMES(names, n));
        if (k < 0)
            err("%s: --varies: there is no input '%s': %s", r->g->file, input,
                name_hint(input, NAMES(names, n)));
        if (sets[i].kind != PARAM_TEXT ||
            !binding_parse(sets[i].text, &tensor(r->g, r->g->inputs[k])->binding))
            err("%s: --varies %s: expected step, time, prompt or never", r->g->file, input);
    }
}

static void read_outputs(Reader *r)
{
    Json section = json_need(r->root, "outputs");
    json_expect(section, JSON_OBJECT);
    if (json_count(section) == 0)
        json_err(section, "expected at least one output");
    for (Json m = json_first(section); json_ok(m); m = json_next(m)) {
        json_check_name(m);
        TensorId t = value_find(r, m, json_name(m));
        if (tensor(r->g, t)->kind != T_TEMP)
            json_err(m, "found the input %s, expected a result of the body", json_string(m));
        graph_add_output(r->g, json_key(m), t);
    }
}

/* Every input and every result must be used: otherwise the file has a mistake. */
static void check_uses(const Reader *r)
{
    const Graph *g = r->g;
    bool *used = arena_alloc(r->scratch, g->n_tensors + 1);
    for (uint32_t i = 0; i < g->n_ops; i++)
        for (int s = 0; s < SLOT_COUNT; s++)
            used[g->ops[i].in[s].id] = true;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        used[g->outputs[i].id] = true;
    uint32_t k = 0;
    for (Json m = json_first(json_get(r->root, "inputs")); json_ok(m); m = json_next(m))
        if (has_input(r, m) && !used[g->inputs[k++].id])
            json_err(m, "the input is never used, expected a use in the body");
    for (uint32_t i = 0; i < g->n_ops; i++)
        if (!used[g->ops[i].out.id])
            err("%s: layer %s: its result is never used, expected a use or an output", g->file,
                g->ops[i].path);
}

static void check_blocks(Json root)
{
    static const char *const keys[] = {"inputs", "parameters", "do", "result"};
    Json blocks = json_get(root, "blocks");
    if (!json_ok(blocks))
        return;
    json_expect(blocks, JSON_OBJECT);
    for (Json b = json_first(blocks); json_ok(b); b = json_next(b)) {
        json_check_name(b);
        json_only(b, keys, 4);
    }
}

static void read_graph(Reader *r, const ParamSet *sets, int n_sets)
{
    static const char *const keys[] = {"$schema",     "include", "graph",  "parameters", "derived",
                                       "constraints", "inputs",  "blocks", "body",       "outputs"};
    json_only(r->root, keys, sizeof keys / sizeof keys[0]);
    check_blocks(r->root);
    read_params(r, sets, n_sets);
    check_constraints(r);
    read_inputs(r);
    set_bindings(r, sets, n_sets);
    read_statements(r, json_need(r->root, "body"));
    if (r->n_skips)
        json_err(json_get(r->root, "body"),
                 "the skip stack still holds %d value%s at the end, expected none", r->n_skips,
                 r->n_skips == 1 ? "" : "s");
    read_outputs(r);
    check_uses(r);
}

Graph *graph_from_json(Json root, const ParamSet *sets, int n_sets)
{
    json_expect(root, JSON_OBJECT);
    if (keras_json(root))
        return keras_graph(root, sets, n_sets);
    Arena *scratch = arena_new();
    Reader *r = arena_alloc(scratch, sizeof *r);
    *r = (Reader){.root = root, .scratch = scratch, .prefix = ""};
    if (json_ok(json_get(root, "pipeline")) && !json_ok(json_get(root, "graph")))
        json_err(root, "this is a pipeline, expected a graph, such as its \"models\" name");
    if (!json_ok(json_get(root, "graph")) && !json_ok(json_get(root, "body")))
        json_err(root, "\"graph\" is missing: this file has parts for graphs that include it");
    r->g = graph_new(json_name(json_need(root, "graph")));
    r->g->file = arena_strdup(r->g->arena, json_file(root));
    r->globals = arena_alloc(scratch, sizeof *r->globals);
    r->scope = r->globals; /* the body is not a block: its names are the graph's */
    read_graph(r, sets, n_sets);
    Graph *g = r->g;
    arena_free(scratch);
    return g;
}

Graph *graph_load(const char *path, const ParamSet *sets, int n_sets)
{
    Json root = graph_json(path);
    Graph *g = graph_from_json(root, sets, n_sets);
    json_free(root);
    graph_verify(g, "parse");
    return g;
}

bool graph_json_is_graph(Json root)
{
    return json_kind(root) == JSON_OBJECT &&
           (keras_json(root) ||
            (json_ok(json_get(root, "graph")) && !json_ok(json_get(root, "pipeline"))));
}

const char *graph_json_name(Arena *a, Json root)
{
    return keras_json(root) ? keras_graph_name(a, root) : json_name(json_need(root, "graph"));
}

int graph_json_parameters(Arena *a, Json root, const char **names, int most)
{
    if (keras_json(root))
        return keras_graph_parameters(a, root, names, most);
    Json section = json_get(root, "parameters");
    int n = 0;
    if (json_ok(section))
        json_expect(section, JSON_OBJECT);
    for (Json m = json_ok(section) ? json_first(section) : section; json_ok(m) && n < most;
         m = json_next(m))
        names[n++] = json_key(m);
    Json inputs = json_get(root, "inputs");
    bool object = json_ok(inputs) && json_kind(inputs) == JSON_OBJECT;
    for (Json m = object ? json_first(inputs) : (Json){0}; json_ok(m) && n < most; m = json_next(m))
        names[n++] = arena_printf(a, "varies.%s", json_key(m));
    return n;
}
