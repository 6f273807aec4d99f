/* See reader.h. */
#include "reader.h"
#include "words.h"

#include <ctype.h>
#include <string.h>

ParamSet *param_of(Scope *s, const char *name)
{
    for (int i = s->n_params; i-- > 0;)
        if (strcmp(s->params[i].name, name) == 0)
            return &s->params[i];
    return NULL;
}

const ParamSet *param_find(const Reader *r, const char *name)
{
    const ParamSet *p = param_of(r->scope, name);
    return p ? p : param_of(r->globals, name);
}

void param_add(Reader *r, Json at, Scope *scope, ParamSet p)
{
    if (param_of(scope, p.name) || (scope != r->globals && param_of(r->globals, p.name)))
        json_err(at, "the name %s is taken by another parameter", p.name);
    if (scope->n_params == MAX_NAMES)
        json_err(at, "expected at most %d parameters", MAX_NAMES);
    scope->params[scope->n_params++] = p;
}

static const char *unknown_name(const Reader *r, const char *name)
{
    const char *names[2 * MAX_NAMES];
    size_t n = 0;
    for (int i = 0; i < r->scope->n_params; i++)
        names[n++] = r->scope->params[i].name;
    for (int i = 0; i < r->globals->n_params && r->scope != r->globals; i++)
        names[n++] = r->globals->params[i].name;
    return arena_printf(r->scratch, "unknown parameter '%s': %s", name,
                        name_hint(name, NAMES(names, n)));
}

static const char *name_value(void *context, const char *name, Number *out)
{
    const Reader *r = context;
    const ParamSet *p = param_find(r, name);
    if (!p)
        return unknown_name(r, name);
    if (p->kind != PARAM_INT && p->kind != PARAM_REAL)
        return arena_printf(r->scratch, "%s is %s, expected a number", name,
                            param_kind_text(p->kind));
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
        return arena_printf(r->scratch, "%s is %s, expected a list", list,
                            param_kind_text(p->kind));
    if (index < 0 || index >= p->n_ints)
        return arena_printf(r->scratch, "%s has %d elements, found index %lld", list, p->n_ints,
                            (long long)index);
    *out = (Number){.i = p->ints[index]};
    return NULL;
}

static int64_t height(const Shape *s) { return s->dim[1]; }
static int64_t width(const Shape *s) { return s->dim[2]; }

/* Functions of values in expressions. */
/* clang-format off */
static const struct Property { const char *name; int64_t (*of)(const Shape *s); bool of_images; } properties[] = {
    {"channels", shape_channels, false}, {"rows", shape_rows, false}, {"height", height, true}, {"width", width, true},
};
/* clang-format on */
enum { N_PROPERTIES = sizeof properties / sizeof properties[0] };

static const struct Property *property_find(const char *function)
{
    for (int i = 0; i < N_PROPERTIES; i++)
        if (strcmp(function, properties[i].name) == 0)
            return &properties[i];
    return NULL;
}

static const char *unknown_function(const Reader *r, const char *function)
{
    enum { OTHERS = 5 };
    const char *names[N_PROPERTIES + OTHERS] = {"len", "at", "sqrt", "min", "max"};
    for (int i = 0; i < N_PROPERTIES; i++)
        names[OTHERS + i] = properties[i].name;
    return arena_printf(r->scratch, "unknown function '%s': %s", function,
                        name_hint(function, NAMES(names, N_PROPERTIES + OTHERS)));
}

static const char *length_value(const Reader *r, const char *of, Number *out)
{
    const ParamSet *p = param_find(r, of);
    if (!p || p->kind != PARAM_INTS)
        return arena_printf(r->scratch, "len(%s): expected the name of a list", of);
    *out = (Number){.i = p->n_ints};
    return NULL;
}

static const char *property_value(void *context, const char *function, const char *of, Number *out)
{
    const Reader *r = context;
    if (strcmp(function, "len") == 0)
        return length_value(r, of, out);
    const struct Property *p = property_find(function);
    if (!p)
        return unknown_function(r, function);
    for (int i = r->scope->n_values; i-- > 0;) {
        if (strcmp(r->scope->values[i].name, of) != 0)
            continue;
        const Shape *s = &tensor(r->g, r->scope->values[i].value)->shape;
        if (p->of_images && s->rank != 4)
            return arena_printf(r->scratch,
                                "%s(%s): expected a tensor (batch,height,width,channels), found %s",
                                function, of, shape_text(r->scratch, s));
        *out = (Number){.i = p->of(s)};
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

/* Whether a later statement of the same list defines name: then the use before it is a cycle. */
static bool defined_later(Json statement, const char *name)
{
    for (Json s = json_next(statement); json_ok(s); s = json_next(s)) {
        Json out = json_kind(s) == JSON_OBJECT ? json_get(s, "out") : s;
        if (json_kind(s) == JSON_OBJECT && json_ok(out) && json_kind(out) == JSON_STRING &&
            strcmp(json_string(out), name) == 0)
            return true;
    }
    return false;
}

TensorId value_find(const Reader *r, Json at, const char *name)
{
    const char *names[MAX_NAMES];
    const Scope *s = r->scope;
    for (int i = 0; i < s->n_values; i++) {
        names[i] = s->values[i].name;
        if (strcmp(names[i], name) == 0)
            return s->values[i].value;
    }
    if (json_kind(at) == JSON_OBJECT && defined_later(at, name))
        json_err(at, "cycle: value %s is computed by a later statement, expected an earlier one",
                 name);
    json_err(at, "there is no value '%s' here: %s", name,
             name_hint(name, NAMES(names, s->n_values)));
}

void value_set(Reader *r, Json at, const char *name, TensorId t)
{
    Scope *s = r->scope;
    int i = 0;
    while (i < s->n_values && strcmp(s->values[i].name, name) != 0)
        i++;
    if (i == MAX_NAMES)
        json_err(at, "expected at most %d values in one body", MAX_NAMES);
    if (i == s->n_values)
        s->n_values++;
    s->values[i].name = name;
    s->values[i].value = t;
}

static void check_path(const Reader *r, Json at, const char *path)
{
    (void)r;
    const char *p = path;
    bool fresh = true; /* at the start of a part */
    for (; *p; p++) {
        bool letter = isalnum((unsigned char)*p) || *p == '_' || *p == '-';
        if (!letter && (*p != '.' || fresh))
            break;
        fresh = *p == '.';
    }
    if (*p || fresh || p - path > 400)
        json_err(at,
                 "found \"%s\", expected names of letters, digits, _ and - with dots between them",
                 path);
}

const char *layer_path(const Reader *r, Json statement)
{
    return path_at(r, json_need(statement, "path"));
}

const char *path_at(const Reader *r, Json at)
{
    const char *path = text_at(r, at);
    size_t n = strlen(r->prefix);
    if (!*path && n) /* the layer of the group itself */
        return arena_printf(r->scratch, "%.*s", (int)n - 1, r->prefix);
    check_path(r, at, path);
    if (n + strlen(path) > 400)
        json_err(at, "the layer's path is longer than 400 characters");
    return arena_printf(r->scratch, "%s%s", r->prefix, path);
}
