/* Reads the text form that print.c writes. A mistake is the user's: file:line:column, what was
 * found, what was expected. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"

typedef struct {
    const char *file, *p, *line_start;
    int line;
    Graph *g;
    TensorId *values; /* values[n-1] is %n */
    uint32_t n_values, cap_values;
    Arena *scratch;
} Text;

_Noreturn static void fail(const Text *t, const char *expected)
{
    char found[24];
    size_t n = 0;
    while (n < sizeof found - 1 && t->p[n] && t->p[n] != '\n' &&
           (n == 0 || !isspace((unsigned char)t->p[n]))) {
        found[n] = t->p[n];
        n++;
    }
    found[n] = 0;
    err("%s:%d:%d: found %s%s%s, expected %s", t->file, t->line, (int)(t->p - t->line_start) + 1,
        n ? "'" : "",
        n       ? found
        : *t->p ? "end of line"
                : "end of file",
        n ? "'" : "", expected);
}

static void blanks(Text *t)
{
    while (*t->p == ' ' || *t->p == '\t' || *t->p == '\r')
        t->p++;
}

/* A mistake whose message says itself what was found, at `at` in this line. */
_Noreturn static void fail_at(const Text *t, const char *at, const char *message)
{
    err("%s:%d:%d: %s", t->file, t->line, (int)(at - t->line_start) + 1, message);
}

/* Skips the end of this line, empty lines and comments (# to the end of the line). False at the end
 * of the text. */
static bool next_line(Text *t)
{
    for (;;) {
        blanks(t);
        if (*t->p == '#')
            t->p += strcspn(t->p, "\n");
        if (*t->p != '\n')
            return *t->p != 0;
        t->p++;
        t->line++;
        t->line_start = t->p;
    }
}

static bool accept(Text *t, const char *token)
{
    blanks(t);
    size_t n = strlen(token);
    if (strncmp(t->p, token, n) != 0)
        return false;
    t->p += n;
    return true;
}

static void expect(Text *t, const char *token)
{
    if (!accept(t, token))
        fail(t, arena_printf(t->scratch, "'%s'", token));
}

static const char *word(Text *t, const char *what)
{
    blanks(t);
    size_t n = 0;
    while (isalnum((unsigned char)t->p[n]) || t->p[n] == '_')
        n++;
    if (n == 0)
        fail(t, what);
    char *s = arena_alloc(t->scratch, n + 1);
    memcpy(s, t->p, n);
    t->p += n;
    return s;
}

static const char *quoted(Text *t)
{
    blanks(t);
    if (*t->p != '"')
        fail(t, "a quoted path");
    size_t n = 0;
    char *s = arena_alloc(t->scratch,
                          strcspn(t->p, "\n") + 1); /* a path never goes over the line's end */
    for (t->p++; *t->p != '"'; t->p++) {
        if (*t->p == '\\' && (t->p[1] == '"' || t->p[1] == '\\'))
            t->p++;
        if ((unsigned char)*t->p < 0x20)
            fail(t, "'\"'");
        s[n++] = *t->p;
    }
    t->p++;
    return s;
}

static int64_t integer(Text *t, int64_t least, int64_t most)
{
    blanks(t);
    char *end;
    if (!isdigit((unsigned char)*t->p) && *t->p != '-')
        fail(t, "an integer");
    long long v = strtoll(t->p, &end, 10);
    if (end == t->p || v < least || v > most)
        fail(t, arena_printf(t->scratch, "an integer from %lld to %lld", (long long)least,
                             (long long)most));
    t->p = end;
    return v;
}

static double real(Text *t)
{
    blanks(t);
    char *end;
    double v = strtod(t->p, &end);
    if (end == t->p || !isfinite(v))
        fail(t, "a number");
    t->p = end;
    return v;
}

static Shape shape(Text *t)
{
    Shape s = {0};
    expect(t, "[");
    const char *start = t->p;
    do {
        if (s.rank == MAX_RANK)
            fail(t, "at most 4 dimensions");
        s.dim[s.rank++] = integer(t, 1, (int64_t)1 << 40);
    } while (accept(t, ","));
    expect(t, "]");
    const char *wrong = shape_check(t->scratch, &s);
    if (wrong)
        fail_at(t, start - 1, wrong);
    return s;
}

static Dtype dtype(Text *t)
{
    if (accept(t, "i32"))
        return DT_I32;
    if (!accept(t, "f32"))
        fail(t, "f32 or i32");
    return DT_F32;
}

/* %n, where n counts the values from 1. */
static void number_of_value(Text *t)
{
    expect(t, "%");
    const char *start = t->p;
    if (integer(t, 1, UINT32_MAX) != t->n_values + 1) {
        t->p = start - 1;
        fail(t, arena_printf(t->scratch, "%%%u, the next value", t->n_values + 1));
    }
}

static void define(Text *t, TensorId value)
{
    if (t->n_values == t->cap_values) {
        t->cap_values = t->cap_values ? t->cap_values * 2 : 256;
        TensorId *grown = arena_alloc(t->scratch, t->cap_values * sizeof *grown);
        if (t->n_values)
            memcpy(grown, t->values, t->n_values * sizeof *grown);
        t->values = grown;
    }
    t->values[t->n_values++] = value;
}

static TensorId value(Text *t)
{
    expect(t, "%");
    const char *start = t->p;
    int64_t n = integer(t, 1, UINT32_MAX);
    if (n > t->n_values) {
        t->p = start;
        fail(t, "a value that is defined above");
    }
    return t->values[n - 1];
}

/* w"path"[shape], or w("a"[width]*scale+"b"[width])[shape]; the 'w' is read already. */
static TensorId weight(Text *t)
{
    TensorId parts[64];
    double scale[64];
    int64_t width[64];
    const char *path[64];
    int n = 0;
    if (!accept(t, "(")) {
        const char *only = quoted(t);
        return graph_add_weight(t->g, only, shape(t));
    }
    const char *start = t->p - 1;
    do {
        if (n == 64)
            fail(t, "at most 64 parts");
        path[n] = quoted(t);
        expect(t, "[");
        width[n] = integer(t, 1, (int64_t)1 << 40);
        expect(t, "]");
        scale[n] = accept(t, "*") ? real(t) : 1;
        n++;
    } while (accept(t, "+"));
    expect(t, ")");
    Shape whole = shape(t);
    int64_t left = shape_channels(&whole);
    for (int i = 0; i < n; i++) {
        Shape s = whole;
        s.dim[s.rank - 1] = width[i];
        left -= width[i];
        parts[i] = graph_add_weight(t->g, path[i], s);
    }
    if (left != 0)
        fail_at(t, start,
                "the widths of the parts differ in sum from the weight's, expected the same");
    return graph_add_weight_parts(t->g, parts, n, scale);
}

static TensorId operand(Text *t)
{
    blanks(t);
    return accept(t, "w") ? weight(t) : value(t);
}

static int slot(Text *t)
{
    for (int i = SLOT_COUNT; i-- > 0;) { /* from the end: x2 before x */
        size_t n = strlen(slot_names[i]);
        if (strncmp(t->p, slot_names[i], n) == 0 && t->p[n] == '=') {
            t->p += n + 1;
            return i;
        }
    }
    fail(t, "a slot: x=, kernel=, bias=, x2=, norm=, ln_gamma=, ln_beta=, vec=, res=");
}

static void operands(Text *t, Op *o)
{
    for (int n = 0; blanks(t), *t->p != '{' && *t->p != ':'; n++) {
        const char *start = t->p;
        int s = op_is_contract(o->kind) ? slot(t) : n;
        if (s >= op_arity[o->kind].most || tensor_ok(o->in[s])) {
            t->p = start;
            fail(t, arena_printf(t->scratch, "at most %d operands, each once",
                                 op_arity[o->kind].most));
        }
        o->in[s] = operand(t);
    }
}

static void attribute_value(Text *t, Op *o, const AttrField *f, int index)
{
    double v = 0;
    const char *start = t->p;
    if (f->type == ATTR_ENUM) {
        const char *name = word(t, "a name");
        int k = 0;
        while (k < f->n_names && strcmp(f->names[k], name) != 0)
            k++;
        v = k;
    } else {
        v = f->type == ATTR_REAL ? real(t) : (double)integer(t, INT64_MIN, INT64_MAX);
    }
    double least = f->names ? 0 : f->least, most = f->names ? f->n_names - 1 : f->most;
    if (v < least || v > most) {
        t->p = start;
        blanks(t);
        fail(t, f->names
                    ? arena_printf(t->scratch, "a value of %s such as %s", f->name, f->names[0])
                    : arena_printf(t->scratch, "%s from %g to %g", f->name, least, most));
    }
    attr_set(o, f, index, v);
}

static void attributes(Text *t, Op *o)
{
    bool given[16] = {0};
    if (accept(t, "{")) {
        do {
            blanks(t);
            const char *start = t->p;
            const AttrField *f = attr_find(o->kind, word(t, "an attribute"));
            if (!f || given[f - attr_tables[o->kind].fields]) {
                t->p = start;
                fail(t,
                     arena_printf(t->scratch, "an attribute of %s, each once", op_names[o->kind]));
            }
            given[f - attr_tables[o->kind].fields] = true;
            expect(t, "=");
            if (f->type == ATTR_PAD)
                expect(t, "[");
            for (int k = 0; k < (f->type == ATTR_PAD ? 4 : 1); k++) {
                if (k)
                    expect(t, ",");
                attribute_value(t, o, f, k);
            }
            if (f->type == ATTR_PAD)
                expect(t, "]");
        } while (accept(t, ","));
        expect(t, "}");
    }
    for (int i = 0; i < attr_tables[o->kind].n; i++)
        if (attr_tables[o->kind].fields[i].required && !given[i])
            fail(t, arena_printf(t->scratch, "attribute %s of %s before this",
                                 attr_tables[o->kind].fields[i].name, op_names[o->kind]));
}

/* %n = op operands {attributes} : f32[shape] @"path" */
static void op_line(Text *t)
{
    number_of_value(t);
    expect(t, "=");
    blanks(t);
    const char *name_at = t->p, *name = word(t, "an operation");
    int kind = 0;
    while (kind < OP_COUNT && strcmp(op_names[kind], name) != 0)
        kind++;
    if (kind == OP_COUNT) {
        const char *near = nearest_word(name, op_names, OP_COUNT);
        t->p = name_at;
        fail(t, near ? arena_printf(t->scratch, "an operation; did you mean %s?", near)
                     : "an operation");
    }
    Op o = op_make((OpKind)kind, "");
    operands(t, &o);
    attributes(t, &o);
    expect(t, ":");
    blanks(t);
    const char *shape_at = t->p;
    if (dtype(t) != DT_F32)
        fail(t, "results of type f32");
    Shape declared = shape(t), inferred = declared;
    const char *wrong = infer_shape(t->g, &o, &inferred);
    if (wrong)
        fail_at(t, name_at, arena_printf(t->scratch, "%s: %s", name, wrong));
    if (!shape_eq(&declared, &inferred))
        fail_at(t, shape_at,
                arena_printf(t->scratch, "%s: found shape %s, expected %s", name,
                             shape_text(t->scratch, &declared), shape_text(t->scratch, &inferred)));
    expect(t, "@");
    o.path = quoted(t);
    define(t, graph_add_op_shaped(t->g, o, inferred));
}

/* input %n name f32[shape] step */
static void input_line(Text *t)
{
    number_of_value(t);
    const char *name = word(t, "the input's name");
    Dtype d = dtype(t);
    Shape s = shape(t);
    blanks(t);
    const char *start = t->p;
    Binding b;
    if (!binding_parse(word(t, "step, time, prompt or never"), &b)) {
        t->p = start;
        fail(t, "step, time, prompt or never");
    }
    define(t, graph_add_input(t->g, name, d, s, b));
}

static void end_of_line(Text *t)
{
    blanks(t);
    if (*t->p && *t->p != '\n' && *t->p != '#')
        fail(t, "end of line");
}

Graph *graph_parse_text(const char *text, const char *file)
{
    Text t = {.file = file, .p = text, .line_start = text, .line = 1, .scratch = arena_new()};
    next_line(&t);
    expect(&t, "graph ");
    t.g = graph_new(word(&t, "the graph's name"));
    t.g->file = arena_strdup(t.g->arena, file);
    for (end_of_line(&t); next_line(&t); end_of_line(&t)) {
        if (accept(&t, "input ")) {
            input_line(&t);
        } else if (accept(&t, "output ")) {
            const char *name = word(&t, "the output's name");
            graph_add_output(t.g, name, value(&t));
        } else if (*t.p == '%') {
            op_line(&t);
        } else {
            fail(&t, "input, output or %number = operation");
        }
    }
    if (t.g->n_outputs == 0)
        fail(&t, "an output");
    arena_free(t.scratch);
    return t.g;
}
