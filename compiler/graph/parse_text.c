/* Reads the text form that print.c writes. A mistake is the user's: file:line:column, what was
 * found, what was expected. */
#include "parse_text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "cache.h"
#include "construct.h"
#include "infer.h"
#include "text_reader.h"
#include "err.h"
#include "words.h"

typedef struct {
    TextReader in;
    Graph *g;
    TensorId *values; /* values[n-1] is %n */
    uint32_t n_values, cap_values;
} Text;

enum { MOST_ATTRIBUTES = 16 };

/* %n, where n counts the values from 1. */
static void number_of_value(Text *t)
{
    text_expect(&t->in, "%");
    const char *start = t->in.p;
    if (text_integer(&t->in, 1, UINT32_MAX) != t->n_values + 1) {
        t->in.p = start - 1;
        text_fail(&t->in, arena_printf(t->in.scratch, "%%%u, the next value", t->n_values + 1));
    }
}

static void define(Text *t, TensorId value)
{
    ARENA_GROW(t->in.scratch, t->values, t->n_values, t->cap_values);
    t->values[t->n_values++] = value;
}

static TensorId value(Text *t)
{
    text_expect(&t->in, "%");
    const char *start = t->in.p;
    int64_t n = text_integer(&t->in, 1, UINT32_MAX);
    if (n > t->n_values) {
        t->in.p = start;
        text_fail(&t->in, "a value that is defined above");
    }
    return t->values[n - 1];
}

static TensorId operand(Text *t)
{
    text_blanks(&t->in);
    return text_accept(&t->in, "w") ? text_weight(&t->in, t->g) : value(t);
}

static int slot(Text *t)
{
    for (int i = SLOT_COUNT; i-- > 0;) { /* from the end: x2 before x */
        size_t n = strlen(slot_names[i]);
        if (strncmp(t->in.p, slot_names[i], n) == 0 && t->in.p[n] == '=') {
            t->in.p += n + 1;
            return i;
        }
    }
    const char *all = "a slot:";
    for (int i = 0; i < SLOT_COUNT; i++)
        all = arena_printf(t->in.scratch, "%s%s %s=", all, i ? "," : "", slot_names[i]);
    text_fail(&t->in, all);
}

static void operands(Text *t, Op *o)
{
    for (int n = 0; text_blanks(&t->in), *t->in.p != '{' && *t->in.p != ':'; n++) {
        const char *start = t->in.p;
        int s = op_has_slots(o->kind) ? slot(t) : n;
        if (s >= op_arity[o->kind].most || tensor_ok(o->in[s])) {
            t->in.p = start;
            text_fail(&t->in, arena_printf(t->in.scratch, "at most %d operands, each once",
                                           op_arity[o->kind].most));
        }
        o->in[s] = operand(t);
    }
}

static void attribute_value(Text *t, Op *o, const AttrField *f, int index)
{
    double v = 0;
    const char *start = t->in.p;
    if (f->type == ATTR_ENUM) {
        const char *name = text_word(&t->in, "a name");
        int k = 0;
        while (k < f->n_names && strcmp(f->names[k], name) != 0)
            k++;
        v = k;
    } else {
        v = f->type == ATTR_REAL ? text_real(&t->in)
                                 : (double)text_integer(&t->in, INT64_MIN, INT64_MAX);
    }
    double least = f->names ? 0 : f->least, most = f->names ? f->n_names - 1 : f->most;
    if (v < least || v > most) {
        t->in.p = start;
        text_blanks(&t->in);
        text_fail(
            &t->in,
            f->names ? arena_printf(t->in.scratch, "a value of %s such as %s", f->name, f->names[0])
                     : arena_printf(t->in.scratch, "%s from %g to %g", f->name, least, most));
    }
    attr_set(o, f, index, v);
}

static void attributes(Text *t, Op *o)
{
    bool given[MOST_ATTRIBUTES] = {0};
    CHECK(attr_tables[o->kind].n <= MOST_ATTRIBUTES);
    if (text_accept(&t->in, "{")) {
        do {
            text_blanks(&t->in);
            const char *start = t->in.p;
            const AttrField *f = attr_find(o->kind, text_word(&t->in, "an attribute"));
            if (!f || given[f - attr_tables[o->kind].fields]) {
                t->in.p = start;
                text_fail(&t->in, arena_printf(t->in.scratch, "an attribute of %s, each once",
                                               op_names[o->kind]));
            }
            given[f - attr_tables[o->kind].fields] = true;
            text_expect(&t->in, "=");
            if (f->type == ATTR_PAD)
                text_expect(&t->in, "[");
            for (int k = 0; k < (f->type == ATTR_PAD ? 4 : 1); k++) {
                if (k)
                    text_expect(&t->in, ",");
                attribute_value(t, o, f, k);
            }
            if (f->type == ATTR_PAD)
                text_expect(&t->in, "]");
        } while (text_accept(&t->in, ","));
        text_expect(&t->in, "}");
    }
    for (int i = 0; i < attr_tables[o->kind].n; i++)
        if (attr_tables[o->kind].fields[i].required && !given[i])
            text_fail(&t->in, arena_printf(t->in.scratch, "attribute %s of %s before this",
                                           attr_tables[o->kind].fields[i].name, op_names[o->kind]));
}

/* cache=1; 0: there is none */
static int cache_level(Text *t)
{
    return text_accept(&t->in, "cache=") ? (int)text_integer(&t->in, 1, MOST_CACHE_LEVEL) : 0;
}

/* quantise=int8 */
static Quantise quantise_policy(Text *t)
{
    if (!text_accept(&t->in, "quantise="))
        return QUANTISE_NOTHING;
    const char *at = t->in.p;
    int i = name_find(text_word(&t->in, "int8, int8_memory, w8 or w4"),
                      NAMES(quantise_names, QUANTISE_COUNT));
    if (i <= QUANTISE_NOTHING)
        text_fail_at(&t->in, at, "int8, int8_memory, w8 or w4");
    return (Quantise)i;
}

/* %n = op operands {attributes} : f32[shape] cache=1 @"path" */
static void op_line(Text *t)
{
    number_of_value(t);
    text_expect(&t->in, "=");
    text_blanks(&t->in);
    const char *name_at = t->in.p, *name = text_word(&t->in, "an operation");
    int kind = name_find(name, NAMES(op_names, OP_COUNT));
    if (kind < 0) {
        t->in.p = name_at;
        text_fail(&t->in, arena_printf(t->in.scratch, "an operation: %s",
                                       name_hint(name, NAMES(op_names, OP_COUNT))));
    }
    Op o = op_make((OpKind)kind, "");
    operands(t, &o);
    attributes(t, &o);
    text_expect(&t->in, ":");
    text_blanks(&t->in);
    const char *shape_at = t->in.p;
    if (text_dtype(&t->in) != DT_F32)
        text_fail(&t->in, "results of type f32");
    Shape declared = text_shape(&t->in), inferred = declared;
    const char *wrong = infer_shape(t->g, &o, &inferred);
    if (wrong)
        text_fail_at(&t->in, name_at, arena_printf(t->in.scratch, "%s: %s", name, wrong));
    if (!shape_eq(&declared, &inferred))
        text_fail_at(&t->in, shape_at,
                     arena_printf(t->in.scratch, "%s: found shape %s, expected %s", name,
                                  shape_text(t->in.scratch, &declared),
                                  shape_text(t->in.scratch, &inferred)));
    int level = cache_level(t);
    text_expect(&t->in, "@");
    o.path = text_quoted(&t->in);
    TensorId out = graph_append_op(t->g, o, inferred);
    wrong = level ? graph_mark(t->g, out, level) : NULL;
    if (wrong)
        text_fail_at(&t->in, name_at, wrong);
    define(t, out);
}

/* input %n name f32[shape] step */
static void input_line(Text *t)
{
    number_of_value(t);
    const char *name = text_word(&t->in, "the input's name");
    Dtype d = text_dtype(&t->in);
    Shape s = text_shape(&t->in);
    text_blanks(&t->in);
    const char *start = t->in.p;
    Binding b;
    if (!binding_parse(text_word(&t->in, "step, time, prompt or never"), &b)) {
        t->in.p = start;
        text_fail(&t->in, "step, time, prompt or never");
    }
    define(t, graph_add_input(t->g, name, d, s, b));
}

Graph *graph_parse_text(const char *text, const char *file)
{
    Text t = {.in = text_reader(text, file)};
    text_next_line(&t.in);
    text_expect(&t.in, "graph ");
    t.g = graph_new(text_word(&t.in, "the graph's name"));
    t.g->file = arena_strdup(t.g->arena, file);
    int level = cache_level(&t);
    t.g->quantise = quantise_policy(&t);
    for (text_end_of_line(&t.in); text_next_line(&t.in); text_end_of_line(&t.in)) {
        if (text_accept(&t.in, "input ")) {
            input_line(&t);
        } else if (text_accept(&t.in, "output ")) {
            const char *name = text_word(&t.in, "the output's name");
            graph_add_output(t.g, name, value(&t));
        } else if (*t.in.p == '%') {
            op_line(&t);
        } else {
            text_fail(&t.in, "input, output or %number = operation");
        }
    }
    if (t.g->n_outputs == 0)
        text_fail(&t.in, "an output");
    const char *wrong = level ? graph_cache(t.g, level) : NULL;
    if (wrong)
        err("%s: %s", file, wrong);
    text_end(&t.in);
    return t.g;
}
