/* Reads a graph file: parameters, inputs, outputs; the body is left to graph_expand.c.
 * The language: docs/graph-language.md. */
#include "graphfile.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- parameters -------------------------------------------------------------------------------
 */

static const ParamSet *find_in(const Scope *s, const char *name)
{
    for (int i = s->n_params; i-- > 0;)
        if (strcmp(s->params[i].name, name) == 0)
            return &s->params[i];
    return NULL;
}

const ParamSet *param_find(const Reader *r, const char *name)
{
    const ParamSet *p = find_in(r->scope, name);
    return p ? p : find_in(r->globals, name);
}

void param_add(Reader *r, Json at, Scope *scope, ParamSet p)
{
    if (find_in(scope, p.name) || (scope != r->globals && find_in(r->globals, p.name)))
        json_err(at, "the name %s is taken by another parameter", p.name);
    if (scope->n_params == MAX_NAMES)
        json_err(at, "expected at most %d parameters", MAX_NAMES);
    scope->params[scope->n_params++] = p;
}

static const char *kind_text(ParamKind k)
{
    static const char *const names[] = {"an integer", "a number", "a text", "a list of integers"};
    return names[k];
}

/* ---- expressions ------------------------------------------------------------------------------
 */

static const char *unknown_name(const Reader *r, const char *name)
{
    const char *names[2 * MAX_NAMES];
    size_t n = 0;
    for (int i = 0; i < r->scope->n_params; i++)
        names[n++] = r->scope->params[i].name;
    for (int i = 0; i < r->globals->n_params && r->scope != r->globals; i++)
        names[n++] = r->globals->params[i].name;
    const char *near = nearest_word(name, names, n);
    return near ? arena_printf(r->scratch, "unknown parameter %s, did you mean %s?", name, near)
                : arena_printf(r->scratch, "unknown parameter %s", name);
}

static const char *name_value(void *context, const char *name, Number *out)
{
    const Reader *r = context;
    const ParamSet *p = param_find(r, name);
    if (!p)
        return unknown_name(r, name);
    if (p->kind != PARAM_INT && p->kind != PARAM_REAL)
        return arena_printf(r->scratch, "%s is %s, expected a number", name, kind_text(p->kind));
    *out = (Number){.is_real = p->kind == PARAM_REAL, .i = p->value, .r = p->real};
    return NULL;
}

static const char *element_value(void *context, const char *list, int64_t index, Number *out)
{
    const Reader *r = context;
    const ParamSet *p = param_find(r, list);
    if (!p)
        return unknown_name(r, list);
    if (p->kind != PARAM_INTS)
        return arena_printf(r->scratch, "%s is %s, expected a list", list, kind_text(p->kind));
    if (index < 0 || index >= p->n_ints)
        return arena_printf(r->scratch, "%s has %d elements, found index %lld", list, p->n_ints,
                            (long long)index);
    *out = (Number){.i = p->ints[index]};
    return NULL;
}

static const char *property_value(void *context, const char *function, const char *of, Number *out)
{
    static const char *const known[] = {"len",   "channels", "rows", "height",
                                        "width", "sqrt",     "min",  "max"};
    const Reader *r = context;
    if (strcmp(function, "len") == 0) {
        const ParamSet *p = param_find(r, of);
        if (!p || p->kind != PARAM_INTS)
            return arena_printf(r->scratch, "len(%s): expected the name of a list", of);
        *out = (Number){.i = p->n_ints};
        return NULL;
    }
    int k = 1;
    while (k < 5 && strcmp(function, known[k]) != 0)
        k++;
    if (k == 5) {
        const char *near = nearest_word(function, known, 8);
        return arena_printf(r->scratch, "unknown function %s%s%s%s", function,
                            near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
    }
    for (int i = r->scope->n_values; i-- > 0;) {
        if (strcmp(r->scope->values[i].name, of) != 0)
            continue;
        const Shape *s = &tensor(r->g, r->scope->values[i].value)->shape;
        if (k >= 3 && s->rank != 4)
            return arena_printf(r->scratch,
                                "%s(%s): expected a tensor (batch,height,width,channels), found %s",
                                function, of, shape_text(r->scratch, s));
        *out = (Number){.i = k == 1   ? shape_channels(s)
                             : k == 2 ? shape_rows(s)
                             : k == 3 ? s->dim[1]
                                      : s->dim[2]};
        return NULL;
    }
    return arena_printf(r->scratch, "%s(%s): there is no value %s here", function, of, of);
}

static Number evaluate(const Reader *r, Json at, const char *text)
{
    Number n;
    ExprScope scope = {(void *)(uintptr_t)r, name_value, element_value, property_value};
    const char *wrong = expr_eval(r->scratch, text, &scope, &n);
    if (wrong)
        json_err(at, *r->prefix ? "%s (in layer %.*s)" : "%s", wrong, (int)strlen(r->prefix) - 1,
                 r->prefix);
    return n;
}

Number number_at(const Reader *r, Json at)
{
    if (json_is_int(at))
        return (Number){.i = json_int(at, INT64_MIN, INT64_MAX)};
    if (json_kind(at) == JSON_NUMBER)
        return (Number){.is_real = true, .r = json_number(at)};
    if (json_kind(at) != JSON_STRING)
        json_err(at, "expected a number or an expression");
    return evaluate(r, at, json_string(at));
}

int64_t integer_at(const Reader *r, Json at)
{
    Number n = number_at(r, at);
    if (n.is_real)
        json_err(at, "found the real number %g, expected an integer", n.r);
    return n.i;
}

double real_at(const Reader *r, Json at) { return number_real(number_at(r, at)); }

Shape shape_at(const Reader *r, Json at)
{
    Shape s = {0};
    json_expect(at, JSON_ARRAY);
    for (Json d = json_first(at); json_ok(d); d = json_next(d)) {
        if (s.rank == MAX_RANK)
            json_err(at, "expected at most %d dimensions, found %d", MAX_RANK, json_count(at));
        s.dim[s.rank++] = integer_at(r, d);
    }
    const char *wrong = shape_check(r->scratch, &s);
    if (wrong)
        json_err(at, "%s", wrong);
    return s;
}

const char *text_at(const Reader *r, Json at)
{
    const char *s = "";
    for (const char *p = json_string(at); *p;) {
        size_t n = strcspn(p, "{");
        s = arena_printf(r->scratch, "%s%.*s", s, (int)n, p);
        p += n;
        if (!*p)
            break;
        n = strcspn(p, "}");
        if (!p[n])
            json_err(at, "found '{' without '}'");
        Number v = evaluate(r, at, arena_printf(r->scratch, "%.*s", (int)n - 1, p + 1));
        s = v.is_real ? arena_printf(r->scratch, "%s%g", s, v.r)
                      : arena_printf(r->scratch, "%s%lld", s, (long long)v.i);
        p += n + 1;
    }
    return s;
}

/* ---- the parameters section -------------------------------------------------------------------
 */

/* A parameter is its default, or an object with "default" and limits. */
static ParamSet param_default(const Reader *r, Json member)
{
    Json v = json_kind(member) == JSON_OBJECT ? json_need(member, "default") : member;
    return param_from_json(r->scratch, json_key(member), v);
}

ParamSet param_from_json(Arena *a, const char *name, Json v)
{
    ParamSet p = {.name = arena_strdup(a, name)};
    switch (json_kind(v)) {
    case JSON_NUMBER:
        p.kind = json_is_int(v) ? PARAM_INT : PARAM_REAL;
        p.real = json_number(v);
        p.value = p.kind == PARAM_INT ? json_int(v, INT64_MIN, INT64_MAX) : 0;
        break;
    case JSON_STRING:
        p.kind = PARAM_TEXT;
        p.text = arena_strdup(a, json_string(v));
        break;
    case JSON_ARRAY: {
        int64_t *ints = arena_alloc(a, (size_t)(json_count(v) + 1) * sizeof *ints);
        for (Json e = json_first(v); json_ok(e); e = json_next(e))
            ints[p.n_ints++] = json_int(e, 0, INT32_MAX);
        p.kind = PARAM_INTS;
        p.ints = ints;
        break;
    }
    default: json_err(v, "expected an integer, a number, a text or a list of integers");
    }
    return p;
}

/* The new value of p; its kind stays, but a number may be given as an integer. */
static void override(const Reader *r, ParamSet *p, const ParamSet *set)
{
    bool real = p->kind == PARAM_REAL && set->kind == PARAM_INT;
    if (p->kind != set->kind && !real)
        err("%s: parameter %s: found %s, expected %s", json_file(r->root), p->name,
            kind_text(set->kind), kind_text(p->kind));
    const char *name = p->name;
    *p = *set;
    p->name = name;
    if (real) {
        p->kind = PARAM_REAL;
        p->real = (double)set->value;
    }
}

static void apply_sets(Reader *r, const ParamSet *sets, int n_sets)
{
    const char *names[MAX_NAMES];
    for (int i = 0; i < r->globals->n_params; i++)
        names[i] = r->globals->params[i].name;
    for (int i = 0; i < n_sets; i++) {
        ParamSet *p = (ParamSet *)(uintptr_t)find_in(r->globals, sets[i].name);
        if (p) {
            override(r, p, &sets[i]);
            continue;
        }
        const char *near = nearest_word(sets[i].name, names, (size_t)r->globals->n_params);
        err("%s: unknown parameter %s%s%s%s", json_file(r->root), sets[i].name,
            near ? ", did you mean " : ", expected one of /parameters", near ? near : "",
            near ? "?" : "");
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
             p->kind == PARAM_TEXT ? p->text : kind_text(p->kind), *list ? list : "(none)");
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

/* "constraints": expressions that must hold, each with what to say when it does not. */
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

/* ---- inputs, outputs --------------------------------------------------------------------------
 */

static void read_inputs(Reader *r)
{
    static const char *const keys[] = {"shape", "dtype", "varies"};
    Json section = json_need(r->root, "inputs");
    json_expect(section, JSON_OBJECT);
    if (json_count(section) == 0)
        json_err(section, "expected at least one input");
    for (Json m = json_first(section); json_ok(m); m = json_next(m)) {
        json_check_name(m);
        json_only(m, keys, 3);
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
        value_set(r, m, json_key(m),
                  graph_add_input(r->g, json_key(m), d, shape_at(r, json_need(m, "shape")), b));
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

/* An input or a result that nobody uses is a slip of the pen. */
static void check_uses(const Reader *r)
{
    const Graph *g = r->g;
    bool *used = arena_alloc(r->scratch, g->n_tensors + 1);
    for (uint32_t i = 0; i < g->n_ops; i++)
        for (int s = 0; s < SLOT_COUNT; s++)
            used[g->ops[i].in[s].id] = true;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        used[g->outputs[i].id] = true;
    Json m = json_first(json_get(r->root, "inputs"));
    for (uint32_t i = 0; i < g->n_inputs; i++, m = json_next(m))
        if (!used[g->inputs[i].id])
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
    static const char *const keys[] = {"$schema", "graph",  "parameters", "derived", "constraints",
                                       "inputs",  "blocks", "body",       "outputs"};
    json_only(r->root, keys, sizeof keys / sizeof keys[0]);
    check_blocks(r->root);
    read_params(r, sets, n_sets);
    check_constraints(r);
    read_inputs(r);
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
    Arena *scratch = arena_new();
    Reader *r = arena_alloc(scratch, sizeof *r);
    *r = (Reader){.root = root, .scratch = scratch, .prefix = ""};
    json_expect(root, JSON_OBJECT);
    if (json_ok(json_get(root, "pipeline")) && !json_ok(json_get(root, "graph")))
        json_err(root, "this is a pipeline, expected a graph, such as its \"models\" name");
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
    Json root = json_load(path);
    Graph *g = graph_from_json(root, sets, n_sets);
    json_free(root);
    graph_verify(g, "parse");
    return g;
}
