/* The file, as print_choices writes it; empty lines and comments (#) may stand anywhere:
 *
 *   forms of decoder for latent 16x16x4: estimated cost in multiply-adds, packed size; * the choice
 *   convolution                       direct                  f23
 *   entry.conv           4.114e+07  0.037 MB  3.544e+07  0.065 MB *
 *
 * Costs and sizes are for people; the star alone is read. It may be moved to any other cell, also
 * to one that says "-": a form that is never chosen by its cost. */
#include "forms_file.h"
#include "err.h"
#include "alloc.h"
#include "files.h"
#include "utf8.h"
#include "words.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A convolution and the form that the star is in. */
typedef struct {
    const char *path;
    ConvMode form;
    int line;
} Row;

/* Of a model at a size: rows first .. first+n-1 of the file. */
typedef struct {
    const char *model, *size;
    int line, first, n;
} Table;

struct Forms {
    Arena *arena;
    const char *file;
    Row *rows;
    int n_rows, cap_rows;
    Table *tables;
    int n_tables, cap_tables;
};

/* ---- reading ---- */

/* The reader: the line that is read, and the forms of the table's columns. */
typedef struct {
    Forms *f;
    int line;
    const char *at;
    bool header; /* comes next */
    ConvMode column[CONV_FORMS];
    int columns;
} Reader;

_Noreturn static void wrong(const Reader *r, const char *found, const char *expected)
{
    err("%s:%d: found '%s', expected %s", r->f->file, r->line, LRT_BRIEFLY(found), expected);
}

/* The next word of the line, "" at its end; the arena's. */
static const char *word(Reader *r)
{
    r->at += strspn(r->at, " \t\r");
    size_t n = strcspn(r->at, " \t\r");
    const char *w = arena_printf(r->f->arena, "%.*s", (int)n, r->at);
    r->at += n;
    return w;
}

static bool next_is(Reader *r, const char *expected)
{
    const char *before = r->at;
    bool is = strcmp(word(r), expected) == 0;
    r->at = is ? r->at : before;
    return is;
}

/* "forms of MODEL for SIZE: ..." */
static void read_head(Reader *r)
{
    Forms *f = r->f;
    const char *line = r->at, *expected = "'forms of MODEL for SIZE: ...'";
    if (!next_is(r, "forms") || !next_is(r, "of"))
        wrong(r, line, expected);
    const char *model = word(r), *colon = strchr(r->at, ':');
    if (!next_is(r, "for") || !colon)
        wrong(r, line, expected);
    r->at += strspn(r->at, " \t");
    const char *size = arena_printf(f->arena, "%.*s", (int)(colon - r->at), r->at);
    for (int i = 0; i < f->n_tables; i++)
        if (strcmp(f->tables[i].model, model) == 0 && strcmp(f->tables[i].size, size) == 0)
            err("%s:%d: a second table of %s for %s; the first is in line %d", f->file, r->line,
                model, size, f->tables[i].line);
    GROW(f->tables, f->n_tables, f->cap_tables);
    f->tables[f->n_tables++] = (Table){model, size, r->line, f->n_rows, 0};
    r->header = true;
}

/* "convolution FORM FORM ..." */
static void read_columns(Reader *r)
{
    const char *line = r->at;
    if (!next_is(r, "convolution"))
        wrong(r, line, "'convolution' and the names of forms");
    r->columns = 0;
    r->header = false;
    for (const char *w = word(r); *w; w = word(r)) {
        const Names names = {conv_names + CONV_DIRECT, sizeof *conv_names, CONV_FORMS};
        int i = name_find(w, names);
        if (i < 0)
            err("%s:%d: unknown form '%s': %s", r->f->file, r->line, LRT_BRIEFLY(w),
                name_hint(w, names));
        if (r->columns == CONV_FORMS)
            wrong(r, w, "each form once");
        r->column[r->columns++] = conv_forms[i].mode;
    }
}

/* A cell, "-" or "COST SIZE MB". Is there a star behind it? */
static bool read_cell(Reader *r)
{
    const char *cost = word(r);
    if (strcmp(cost, "-") != 0) {
        char *end;
        strtod(cost, &end);
        if (!*cost || *end)
            wrong(r, *cost ? cost : "the end of the line", "'-', or a cost, a size and MB");
        word(r);
        const char *unit = word(r);
        if (strcmp(unit, "MB") != 0)
            wrong(r, *unit ? unit : "the end of the line", "MB");
    }
    return next_is(r, "*");
}

/* "PATH CELL CELL ..." */
static void read_row(Reader *r)
{
    Forms *f = r->f;
    Row x = {.path = word(r), .line = r->line};
    int stars = 0;
    for (int i = 0; i < r->columns; i++)
        if (read_cell(r)) {
            stars++;
            x.form = r->column[i];
        }
    const char *rest = word(r);
    if (*rest)
        wrong(r, rest, "the end of the line");
    if (stars != 1)
        err("%s:%d: %s has %d choices (*), expected one", f->file, r->line, x.path, stars);
    GROW(f->rows, f->n_rows, f->cap_rows);
    f->rows[f->n_rows++] = x;
    f->tables[f->n_tables - 1].n++;
}

static void read_line(Reader *r)
{
    const char *first = r->at + strspn(r->at, " \t\r");
    if (!*first || *first == '#')
        return;
    if (r->header)
        read_columns(r);
    else if (r->f->n_tables == 0 || strncmp(first, "forms of ", 9) == 0)
        read_head(r);
    else
        read_row(r);
}

Forms *forms_open(const char *path)
{
    Forms *f = xcalloc(1, sizeof *f);
    f->arena = arena_new();
    f->file = arena_strdup(f->arena, path);
    char *text = read_file(path, NULL);
    Reader r = {.f = f};
    for (char *at = text, *next; at; at = next) {
        next = strchr(at, '\n');
        if (next)
            *next++ = 0;
        r.line++;
        r.at = at;
        read_line(&r);
    }
    free(text);
    if (!f->n_tables)
        err("%s: no tables of forms; expected what 'latentc show FILE --after algorithm' prints",
            path);
    return f;
}

void forms_free(Forms *f)
{
    arena_free(f->arena);
    free(f->rows);
    free(f->tables);
    free(f);
}

/* ---- choosing ---- */

const char *forms_size(Arena *a, const Graph *g)
{
    if (!g->n_inputs)
        return "no input";
    const Tensor *t = tensor(g, g->inputs[0]);
    const char *text = arena_printf(a, "%s ", t->name);
    for (int i = t->shape.rank > 1; i < t->shape.rank; i++)
        text = arena_printf(a, "%s%lld%s", text, (long long)t->shape.dim[i],
                            i + 1 < t->shape.rank ? "x" : "");
    return text;
}

static const Table *find_table(const Forms *f, const Graph *g)
{
    Arena *a = arena_new();
    const char *size = forms_size(a, g);
    const Table *other = NULL;
    for (int i = 0; i < f->n_tables; i++) {
        const Table *t = &f->tables[i];
        if (strcmp(t->model, g->name) != 0)
            continue;
        if (strcmp(t->size, size) == 0) {
            arena_free(a);
            return t;
        }
        other = t;
    }
    if (other)
        err("%s:%d: forms of %s for %s; expected some for %s", f->file, other->line, g->name,
            other->size, size);
    err("%s: no forms of %s; expected a table of them for %s", f->file, g->name, size);
}

static int choice_of(const Graph *g, const ConvChoice *c, int n, const char *path)
{
    int i = 0;
    while (i < n && strcmp(g->ops[c[i].op].path, path) != 0)
        i++;
    return i < n ? i : -1;
}

static void choose_row(const Forms *f, const Row *r, const Graph *g, ConvChoice *c)
{
    int form = (int)(r->form - CONV_DIRECT);
    if (!(c->cost[form] < INFINITY))
        err("%s:%d: %s: form %s does not fit this convolution of %s", f->file, r->line, r->path,
            conv_names[r->form], g->name);
    c->chosen = form;
}

void forms_choose(const Forms *f, const Graph *g, ConvChoice *c, int n)
{
    if (!n)
        return;
    const Table *t = find_table(f, g);
    int *line_of = xcalloc((size_t)n, sizeof *line_of);
    for (int k = 0; k < t->n; k++) {
        const Row *r = &f->rows[t->first + k];
        int i = choice_of(g, c, n, r->path);
        if (i < 0)
            err("%s:%d: %s has no convolution '%s'", f->file, r->line, g->name,
                LRT_BRIEFLY(r->path));
        if (line_of[i])
            err("%s:%d: %s is in line %d already", f->file, r->line, r->path, line_of[i]);
        choose_row(f, r, g, &c[i]);
        line_of[i] = r->line;
    }
    for (int i = 0; i < n; i++)
        if (!line_of[i])
            err("%s:%d: the table lacks the convolution %s of %s", f->file, t->line,
                g->ops[c[i].op].path, g->name);
    free(line_of);
}
