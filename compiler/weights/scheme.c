/* Naming schemes, and the rules of names.def: see scheme.h. */
#include "scheme.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "words.h"

typedef enum {
    END,
#define GROUP(name) IN_##name,
#include "names.def"
} GroupId;
#define IN_END END

typedef struct {
    GroupId within;
    const char *part[N_COLUMNS];
    GroupId then;
} Rule;
/* clang-format off */
static const Rule rules[] = {
#define NAME(within, path, diffusers, ldm, keras, then) {IN_##within, {path, diffusers, ldm, keras}, IN_##then},
#include "names.def"
};
/* clang-format on */
enum { N_RULES = sizeof rules / sizeof rules[0] };

/* clang-format off */
static const struct { GroupId id; const char *name; } groups[] = {
#define GROUP(name) {IN_##name, #name},
#include "names.def"
};
/* clang-format on */

/* The numbers in a path: {a}, {b}, {c}. */
typedef struct {
    int64_t of[3];
} Numbers;

/* The sum of the first k of a list of counts; numbers in paths may be of any size. */
static int64_t sum(const int *list, int64_t k)
{
    int64_t s = 0;
    for (int64_t i = 0; i < k && i < MOST_COUNTED; i++)
        s += list[i];
    return s;
}

/* clang-format off */
#define SUM(list, k) sum(n->list, k)
#define AT(list, k) (sum(n->list, (k) + 1) - sum(n->list, k))
#define NUMBER(name, value) \
    static int64_t number_##name(int64_t a, int64_t b, int64_t c, const Counts *n) { (void)a, (void)b, (void)c, (void)n; return value; }
/* clang-format on */
#include "names.def"
/* clang-format off */
static const struct { const char *name; int64_t (*of)(int64_t a, int64_t b, int64_t c, const Counts *n); } numbers[] = {
#define NUMBER(name, value) {#name, number_##name},
#include "names.def"
};
/* clang-format on */

static GroupId group_of(const char *model)
{
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (!strcmp(groups[i].name, model))
            return groups[i].id;
    return END;
}

/* The rest of the path after the pattern `part`; NULL when the path does not begin with it. */
static const char *take_part(const char *part, const char *path, Numbers *into)
{
    for (; *part; part++) {
        if (*part != '{') {
            if (*part != *path++)
                return NULL;
            continue;
        }
        int64_t v = 0;
        const char *first = path;
        for (; *path >= '0' && *path <= '9' && path - first < 6; path++)
            v = 10 * v + *path - '0';
        if (path == first)
            return NULL;
        into->of[part[1] - 'a'] = v;
        part += 2;
    }
    return path;
}

/* The value of {name} as text; {_name} puts "_" before it and is empty when the value is 0. {q},
 * {k} and {v} have no text: they choose a third of the tensor. {flat} has none: it changes the
 * shape. */
static void put_number(const char *name, size_t length, const Numbers *x, const Counts *n,
                       Place *out, char text[24])
{
    static const char thirds[] = "qkv";
    text[0] = 0;
    if (length == 1 && strchr(thirds, *name)) {
        out->part = (int)(strchr(thirds, *name) - thirds);
        out->parts = 3;
        return;
    }
    if (length == 4 && !memcmp(name, "flat", 4)) {
        out->flat = true;
        return;
    }
    bool counted = *name == '_';
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (strlen(numbers[i].name) == length - counted &&
            !memcmp(numbers[i].name, name + counted, length - counted)) {
            int64_t v = numbers[i].of(x->of[0], x->of[1], x->of[2], n);
            if (v || !counted)
                snprintf(text, 24, "%s%lld", counted ? "_" : "", (long long)v);
            return;
        }
    die("names.def: {%.*s} is no number", (int)length, name);
}

/* Appends a pattern to the stored name. A pattern with alternatives uses one bit of *choice. False:
 * the name is too long. */
static bool put_part(const char *part, const Numbers *x, const Counts *n, int *choice, Place *out)
{
    const char *bar = strchr(part, '|'), *end = part + strlen(part);
    if (bar) {
        part = *choice & 1 ? bar + 1 : part;
        end = *choice & 1 ? end : bar;
        *choice >>= 1;
    }
    for (size_t at = strlen(out->name); part < end; part++) {
        char text[24] = {*part};
        if (*part == '{') {
            size_t length = strcspn(part, "}") - 1;
            put_number(part + 1, length, x, n, out, text);
            part += length + 1;
        }
        size_t more = strlen(text);
        if (at + more >= sizeof out->name)
            return false;
        memcpy(out->name + at, text, more + 1);
        at += more;
    }
    return true;
}

bool spell_by_rules(const Scheme *s, const Checkpoint *c, const WeightName *w, int choice,
                    Place *out)
{
    (void)c;
    Numbers x = {0};
    const char *path = w->path;
    GroupId group = group_of(w->model);
    *out = (Place){.parts = 1};
    for (int i = 0; i < N_RULES && group != END; i++) {
        const char *rest = rules[i].within == group
                               ? take_part(rules[i].part[COLUMN_PATH], path, &x)
                               : NULL;
        if (!rest)
            continue;
        if (!rules[i].part[s->column] ||
            !put_part(rules[i].part[s->column], &x, w->counts, &choice, out))
            return false;
        path = rest;
        group = rules[i].then;
        i = -1;
    }
    return group == END && *out->name && !*path && choice == 0;
}

/* Does the name begin as one of the rows of the model's own group? */
bool owns_by_rules(const Scheme *s, const Checkpoint *c, const char *model, const char *name)
{
    (void)c;
    GroupId group = group_of(model);
    for (int i = 0; i < N_RULES && group != END; i++) {
        if (rules[i].within != group)
            continue;
        for (const char *p = rules[i].part[s->column]; *p; p += strspn(p, "|")) {
            size_t length = strcspn(p, "|");
            if (!strncmp(name, p, length))
                return true;
            p += length;
        }
    }
    return false;
}

bool rules_have_model(const char *model) { return group_of(model) != END; }

bool rules_have_path(const char *model, const char *path)
{
    static const Scheme any = {.column = COLUMN_DIFFUSERS};
    Place p;
    return spell_by_rules(&any, NULL, &(WeightName){model, path, &(Counts){0}}, 0, &p);
}

bool scheme_ignores(const Scheme *s, const char *name, const Counts *n)
{
    for (const char *const *p = s->ignored; *p; p++) {
        char pattern[128];
        const char *number = strstr(*p, "{layers}");
        snprintf(pattern, sizeof pattern, "%s", *p);
        if (number)
            snprintf(pattern + (number - *p), sizeof pattern - (size_t)(number - *p), "%d%s",
                     n->layers, number + strlen("{layers}"));
        if (words_match(pattern, name))
            return true;
    }
    return false;
}

static void most(int *into, int64_t v)
{
    if (v > *into)
        *into = (int)v;
}

/* Block b of level a is there. */
static void count_block(int *list, const Numbers *x)
{
    if (x->of[0] < MOST_COUNTED)
        most(&list[x->of[0]], x->of[1] + 1);
}

static void count_path(const char *path, Counts *n)
{
    Numbers x = {0};
    if (take_part("layers.{a}.", path, &x))
        most(&n->layers, x.of[0] + 1);
    if (take_part("down.{a}.res.{b}.", path, &x)) {
        most(&n->levels, x.of[0] + 1);
        most(&n->blocks, x.of[1] + 1);
        count_block(n->down, &x);
    } else if (take_part("up.{a}.res.{b}.", path, &x)) {
        most(&n->levels, x.of[0] + 1);
        most(&n->up_blocks, x.of[1] + 1);
        count_block(n->up, &x);
    } else if (take_part("down.{a}.attn.{b}.", path, &x)) {
        count_block(n->down_attention, &x);
    } else if (take_part("up.{a}.attn.{b}.", path, &x)) {
        count_block(n->up_attention, &x);
    } else if (take_part("mid.res.{a}.", path, &x)) {
        most(&n->mid, x.of[0] + 1);
    } else if (take_part("mid.attn.{a}.", path, &x)) {
        most(&n->mid_attention, x.of[0] + 1);
    }
}

Counts counts_of(const Graph *g)
{
    Counts n = {0};
    for (uint32_t i = 0; i < g->n_tensors; i++)
        for (int k = 0; g->tensors[i].kind == T_WEIGHT && k < g->tensors[i].n_parts; k++)
            count_path(g->tensors[i].parts[k].path, &n);
    return n;
}

bool scheme_transposes(const Scheme *s, const char *path)
{
    size_t n = strlen(path);
    return s->torch && n >= 6 && !strcmp(path + n - 6, "kernel");
}

int scheme_shape(const Scheme *s, const char *path, const Shape *want, const Place *p,
                 int64_t dim[8])
{
    int r = want->rank;
    memcpy(dim, want->dim, sizeof want->dim);
    if (scheme_transposes(s, path)) { /* (h,w,i,o) was (o,i,h,w), (i,o) was (o,i) */
        dim[0] = want->dim[r - 1];
        dim[1] = want->dim[r - 2];
        for (int i = 2; i < r; i++)
            dim[i] = want->dim[i - 2];
        if (p->flat)
            r = 2;
        else if (p->conv && r == 2)
            dim[2] = dim[3] = 1, r = 4;
    }
    if (p->conv && r == 2) { /* Keras: (1,1,i,o) */
        dim[2] = dim[0], dim[3] = dim[1];
        dim[0] = dim[1] = 1;
        r = 4;
    }
    dim[0] *= p->parts;
    return r;
}

const Stored *scheme_locate(const Checkpoint *c, const WeightName *w, Place *out)
{
    const Scheme *s = c->scheme;
    for (int choice = 0; s->spell(s, c, w, choice, out); choice++) {
        const Stored *t = checkpoint_find(c, out->name);
        if (t)
            return t;
    }
    if (!s->spell(s, c, w, 0, out))
        *out = (Place){.parts = 1};
    return NULL;
}
