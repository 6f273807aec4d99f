/* A JSON file of measured convolutions:
 *
 *   {"convolutions": [
 *     {"target": "x86-64-v3", "convolution": "conv3x3 norm+swish +vec: 2 x 64x64 x 320 -> 64x64 x
 * 640", "threads": 2, "fastest": "f43", "seconds": {"direct": 0.0123, "f23": 0.0081, "f43":
 * 0.0068}}]}
 *
 * Entries of other targets and types stay when new ones are added. The fastest form is chosen as
 * far as the budget of packed weights allows (algorithm.c); "fastest" is for people. */
#include "tune_file.h"
#include "contract_of.h"
#include "contract_plan.h"
#include "json.h"
#include "alloc.h"
#include "outfile.h"
#include "progress.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct Tuning {
    Arena *arena;
    const char *path;
    TuneEntry *entries;
    int n, cap;
    int64_t limit; /* seconds; 0: none */
};

static TuneEntry *add_entry(Tuning *t, const char *target, const char *convolution)
{
    GROW(t->entries, t->n, t->cap);
    TuneEntry *x = &t->entries[t->n++];
    *x = (TuneEntry){.target = arena_strdup(t->arena, target),
                     .convolution = arena_strdup(t->arena, convolution)};
    for (int f = 0; f < CONV_FORMS; f++)
        x->seconds[f] = INFINITY;
    return x;
}

/* ---- the file ---- */

static void read_entry(Tuning *t, Json j)
{
    static const char *const keys[] = {"target", "convolution", "threads", "fastest", "seconds"};
    json_only(j, keys, sizeof keys / sizeof keys[0]);
    TuneEntry *x = add_entry(t, json_string(json_need(j, "target")),
                             json_string(json_need(j, "convolution")));
    x->threads = (int)json_int(json_need(j, "threads"), 1, 1 << 20);
    Json seconds = json_need(j, "seconds");
    const char *forms[CONV_FORMS];
    for (int f = 0; f < CONV_FORMS; f++)
        forms[f] = conv_forms[f].name;
    json_only(seconds, forms, CONV_FORMS);
    json_need(seconds, "direct");
    for (int f = 0; f < CONV_FORMS; f++) {
        Json s = json_get(seconds, forms[f]);
        if (json_ok(s))
            x->seconds[f] = json_number(s);
        if (!(x->seconds[f] > 0))
            json_err(s, "expected seconds above 0, found %g", x->seconds[f]);
    }
}

Tuning *tuning_open(const char *path)
{
    Tuning *t = xcalloc(1, sizeof *t);
    t->arena = arena_new();
    t->path = arena_strdup(t->arena, path);
    output_claim_update(path);
    if (access(path, F_OK) != 0)
        return t;
    static const char *const keys[] = {"convolutions"};
    Json root = json_load(path);
    json_only(root, keys, 1);
    Json list = json_need(root, "convolutions");
    json_expect(list, JSON_ARRAY);
    for (Json j = json_first(list); json_ok(j); j = json_next(j))
        read_entry(t, j);
    json_free(root);
    return t;
}

void tuning_free(Tuning *t)
{
    arena_free(t->arena);
    free(t->entries);
    free(t);
}

void tuning_limit(Tuning *t, int64_t seconds) { t->limit = seconds; }

double tuning_left(const Tuning *t)
{
    static double
        begin; /* of the process: a pipeline has several graphs, a bench several programs */
    if (!begin)
        begin = lrt_now();
    return t->limit ? begin + (double)t->limit - lrt_now() : INFINITY;
}

const char *tuning_path(const Tuning *t) { return t->path; }

static bool measured(const TuneEntry *x) { return x->seconds[0] < INFINITY; }

static void write_entry(const TuneEntry *x, Buf *b)
{
    int fastest = 0;
    for (int f = 1; f < CONV_FORMS; f++)
        if (x->seconds[f] < x->seconds[fastest])
            fastest = f;
    buf_printf(b, "  {\"target\": ");
    buf_quoted(b, x->target);
    buf_printf(b, ", \"convolution\": ");
    buf_quoted(b, x->convolution);
    buf_printf(b, ", \"threads\": %d,\n   \"fastest\": \"%s\", \"seconds\": {", x->threads,
               conv_forms[fastest].name);
    for (int f = 0, n = 0; f < CONV_FORMS; f++)
        if (x->seconds[f] < INFINITY)
            buf_printf(b, "%s\"%s\": %.3e", n++ ? ", " : "", conv_forms[f].name, x->seconds[f]);
    buf_printf(b, "}}");
}

void tuning_write(const Tuning *t)
{
    Buf b = {0};
    buf_printf(&b, "{\"convolutions\": [\n");
    int written = 0;
    for (int i = 0; i < t->n; i++) {
        if (!measured(&t->entries[i]))
            continue;
        buf_printf(&b, written++ ? ",\n" : "");
        write_entry(&t->entries[i], &b);
    }
    buf_printf(&b, "%s]}\n", written ? "\n" : "");
    OutFile *f = outfile_open(t->path);
    outfile_write(f, b.data, b.len);
    outfile_commit(f, 0644);
    buf_free(&b);
}

/* A text for each convolution that is measured: all of it but its form, and how its operands are
 * stored. */
static void describe(const Target *t, bool bf16, const Graph *g, const Op *o, Buf *out)
{
    Contract c = contract_of(g, o);
    c.bf16 = bf16;
    contract_plan(&c, t, CONV_DIRECT);
    Arena *a = arena_new();
    contract_name(&c, out);
    buf_printf(out, ": %s", contract_shape(a, &c));
    arena_free(a);
}

static TuneEntry *find(const Tuning *t, const char *target, const char *convolution)
{
    for (int i = 0; i < t->n; i++)
        if (strcmp(t->entries[i].target, target) == 0 &&
            strcmp(t->entries[i].convolution, convolution) == 0)
            return &t->entries[i];
    return NULL;
}

TuneEntry *tuning_find(const Tuning *t, const Target *target, bool bf16, const Graph *g,
                       const Op *o)
{
    Buf text = {0};
    describe(target, bf16, g, o, &text);
    TuneEntry *x = find(t, target->name, text.data);
    buf_free(&text);
    return x && measured(x) ? x : NULL;
}

int tuning_add(Tuning *t, const Target *target, bool bf16, const Graph *g, const Op *o)
{
    Buf text = {0};
    describe(target, bf16, g, o, &text);
    bool there = find(t, target->name, text.data) != NULL;
    if (!there)
        add_entry(t, target->name, text.data);
    buf_free(&text);
    return there ? -1 : t->n - 1;
}

TuneEntry *tuning_entry(Tuning *t, int index) { return &t->entries[index]; }
