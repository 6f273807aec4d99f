/* See shared_flags.h. */
#include "shared_flags.h"
#include "forms_file.h"
#include "int8_layers.h"
#include "tune_file.h"
#include "err.h"
#include "alloc.h"
#include "utf8.h"
#include "words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Splits NAME=VALUE; *name gets PREFIX and NAME. Returns VALUE. */
static const char *split(const char *flag, const char *item, const char *prefix, const char **name)
{
    const char *equals = strchr(item, '=');
    if (!equals || equals == item)
        usage_err("--%s: found '%s', expected NAME=VALUE", flag, LRT_BRIEFLY(item));
    size_t n = strlen(prefix), k = (size_t)(equals - item);
    char *text = xmalloc(n + k + 1);
    memcpy(text, prefix, n);
    memcpy(text + n, item, k);
    text[n + k] = 0;
    *name = text;
    return equals + 1;
}

/* An integer, which ends at *end. */
static bool scan_integer(const char *text, long long *value, const char **end)
{
    char *after;
    errno = 0;
    *value = strtoll(text, &after, 10);
    *end = after;
    return after != text && !errno;
}

/* "1x96x96x4" */
static ParamSet parse_shape(const char *name, const char *value)
{
    int64_t *dims = xcalloc(MAX_RANK, sizeof *dims);
    ParamSet p = {.name = name, .kind = PARAM_INTS, .ints = dims};
    for (const char *at = value, *end; p.n_ints < MAX_RANK; at = end + 1) {
        long long v;
        if (!scan_integer(at, &v, &end) || v < 1 || (*end && *end != 'x'))
            break;
        dims[p.n_ints++] = v;
        if (!*end)
            return p;
    }
    usage_err("--set %s: found '%s', expected a shape of 1 to %d numbers, such as 1x96x96x4", name,
              LRT_BRIEFLY(value), MAX_RANK);
}

static ParamSet parse_set(const char *item)
{
    const char *name, *value = split("set", item, "", &name), *end;
    long long v;
    if (strncmp(name, "input.", 6) == 0)
        return parse_shape(name, value);
    if (!scan_integer(value, &v, &end) || *end)
        usage_err("--set %s: found '%s', expected an integer", name, value);
    return (ParamSet){.name = name, .value = v};
}

static ParamSet parse_varies(const char *item)
{
    const char *name, *value = split("varies", item, "varies.", &name);
    Binding b;
    if (!binding_parse(value, &b))
        usage_err("--varies %s: found '%s', expected step, time, prompt or never",
                  name + strlen("varies."), LRT_BRIEFLY(value));
    return (ParamSet){.name = name, .kind = PARAM_TEXT, .text = value};
}

int flags_sets(const SetFlags *f, ParamSet **out)
{
    int n = 0;
    *out = xcalloc((size_t)f->list.n + (size_t)f->varies.n + 1, sizeof **out);
    for (int i = 0; i < f->list.n; i++)
        (*out)[n++] = parse_set(f->list.items[i]);
    for (int i = 0; i < f->varies.n; i++)
        (*out)[n++] = parse_varies(f->varies.items[i]);
    return n;
}

/* Where the SPEC of [MODEL=]SPEC begins. */
static const char *spec_in(const char *item)
{
    const char *equals = strchr(item, '=');
    return equals && equals > item && strcspn(item, "/.:") > (size_t)(equals - item) ? equals + 1
                                                                                     : item;
}

bool flags_unnamed(const char *item) { return spec_in(item) == item; }

const char *flags_fitting(const FlagList *list, const char *model,
                          bool (*fits)(void *context, const char *spec, const char *model),
                          void *context)
{
    const char *named = NULL, *any = NULL;
    size_t n = strlen(model), unnamed = 0;
    for (int i = 0; i < list->n; i++)
        unnamed += flags_unnamed(list->items[i]);
    for (int i = 0; i < list->n; i++) {
        const char *item = list->items[i], *spec = spec_in(item);
        if (spec != item && (size_t)(spec - item) == n + 1 && !strncmp(item, model, n))
            named = spec;
    }
    for (int i = list->n; i-- > 0 && !named && !any;) {
        const char *item = list->items[i];
        if (flags_unnamed(item) && (unnamed < 2 || fits(context, item, model)))
            any = item;
    }
    return named ? named : any;
}

Optimize optimize_parse(const char *text)
{
    static const char *const names[] = {"speed", "memory"};
    static const Optimize goals[] = {OPTIMIZE_SPEED, OPTIMIZE_MEMORY};
    return goals[name_choice("--optimize", text, NAMES(names, 2))];
}

/* The types of --dtype. bf16: of operands that are not quantised. */
static const struct DtypeRow {
    const char *name;
    bool bf16;
    Quantise quantise;
    Products products;
} dtypes[] = {
    {"f32", false, QUANTISE_NOTHING, PRODUCTS_F32}, {"bf16", true, QUANTISE_NOTHING, PRODUCTS_BF16},
    {"int8", true, QUANTISE_INT8, PRODUCTS_INT8},   {"w8", true, QUANTISE_W8, PRODUCTS_BF16},
    {"w4", true, QUANTISE_W4, PRODUCTS_BF16},
};

static const struct DtypeRow *dtype_row(const char *text)
{
    enum { N = sizeof dtypes / sizeof dtypes[0] };
    return &dtypes[name_choice("--dtype", text, NAMES_OF(dtypes, name, N))];
}

bool dtype_parse(const char *text) { return dtype_row(text)->bf16; }
Products dtype_products(const char *text) { return dtype_row(text)->products; }

void flags_quantise(const CodeFlags *f, Graph *g)
{
    g->quantise = dtype_row(f->dtype)->quantise;
    bool int8 = g->quantise == QUANTISE_INT8;
    if (int8 && optimize_parse(f->optimize) == OPTIMIZE_MEMORY)
        g->quantise = QUANTISE_INT8_MEMORY;
    if (!f->int8_layers)
        return;
    if (!int8)
        usage_err("--int8-layers goes with --dtype int8");
    g->layers = int8_layers_read(f->int8_layers, g);
}

void flags_cache(const CodeFlags *f, Graph *g)
{
    static const char *const names[] = {"off", "on"};
    bool on = name_choice("--cache", f->cache, NAMES(names, 2)) == 1;
    if (!on && f->cache_level)
        usage_err("--cache-level goes with --cache on");
    const char *wrong =
        on ? graph_cache(g, f->cache_level ? (int)f->cache_level : DEFAULT_CACHE_LEVEL) : NULL;
    if (wrong)
        err("%s: --cache on: %s", g->file, wrong);
}

static void put_word(const char *flag, const char *value, Buf *out)
{
    Arena *a = arena_new();
    buf_printf(out, "%s--%s %s", out->len ? " " : "", flag, shell_word(a, value));
    arena_free(a);
}

/* The flag, if its value is another one than in the row `plain`. */
static void put_flag(const Flag *f, const Flag *plain, Buf *out)
{
    char number[24];
    const FlagList *list = f->into;
    const char *text, *other;
    if (!f->name)
        return;
    switch (f->kind) {
    case FLAG_BOOL:
        if (*(bool *)f->into != *(bool *)plain->into)
            buf_printf(out, "%s--%s", out->len ? " " : "", f->name);
        break;
    case FLAG_INT:
        snprintf(number, sizeof number, "%lld", (long long)*(int64_t *)f->into);
        if (*(int64_t *)f->into != *(int64_t *)plain->into)
            put_word(f->name, number, out);
        break;
    case FLAG_STRING:
        text = *(const char **)f->into;
        other = *(const char **)plain->into;
        if (text && (!other || strcmp(text, other) != 0))
            put_word(f->name, text, out);
        break;
    case FLAG_LIST:
        for (int i = 0; i < list->n; i++)
            put_word(f->name, list->items[i], out);
        break;
    }
}

void flags_options(const PipelineFlags *f, Buf *out)
{
    const CodeFlags code = CODE_DEFAULTS;
    PipelineFlags now = *f, plain = {.code = {.optimize = code.optimize, .cache = code.cache}};
    const Flag rows[] = {CODE_FLAGS(&now.code, NULL), SIZE_FLAGS(&now)},
               others[] = {CODE_FLAGS(&plain.code, NULL), SIZE_FLAGS(&plain)};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        put_flag(&rows[i], &others[i], out);
}

Tuning *tuning_for(const CodeFlags *f)
{
    if (!f->tune && f->tune_seconds)
        usage_err("--tune-seconds goes with --tune FILE");
    Tuning *t = f->tune ? tuning_open(f->tune) : NULL;
    if (t)
        tuning_limit(t, f->tune_seconds);
    return t;
}

Forms *forms_for(const CodeFlags *f)
{
    if (f->forms && conv_parse(f->conv) != CONV_AUTO)
        usage_err("--forms and --conv %s: one of them", f->conv);
    if (f->forms && f->tune)
        usage_err("--forms and --tune: one of them");
    return f->forms ? forms_open(f->forms) : NULL;
}

Program *program_for(const CodeFlags *f)
{
    Program *p = program_new(target_for(f->target, dtype_products(f->dtype)),
                             fuse_parse(f->fuse ? f->fuse : "all"), conv_parse(f->conv),
                             dtype_parse(f->dtype));
    p->optimize = optimize_parse(f->optimize);
    if (f->tune && p->conv != CONV_AUTO)
        usage_err("--tune: there is nothing to choose with --conv %s%s", conv_names[p->conv],
                  p->fuse == FUSE_NONE ? " (nothing is fused)" : "");
    p->forms = forms_for(f);
    p->conv = p->forms ? CONV_AUTO : p->conv;
    p->quiet = f->quiet;
    p->tuning = tuning_for(f);
    return p;
}
