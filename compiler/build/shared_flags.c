/* See shared_flags.h. */
#include "shared_flags.h"
#include "tune_file.h"
#include "err.h"
#include "alloc.h"
#include "utf8.h"
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int flags_sets(const FlagList *sets, ParamSet **out)
{
    *out = xcalloc((size_t)sets->n, sizeof **out);
    for (int i = 0; i < sets->n; i++) {
        const char *equals = strchr(sets->items[i], '=');
        char *end;
        if (!equals || equals == sets->items[i])
            usage_err("--set: found '%s', expected NAME=VALUE", LRT_BRIEFLY(sets->items[i]));
        char *name = xmalloc((size_t)(equals - sets->items[i]) + 1);
        memcpy(name, sets->items[i], (size_t)(equals - sets->items[i]));
        name[equals - sets->items[i]] = 0;
        errno = 0;
        long long v = strtoll(equals + 1, &end, 10);
        if (end == equals + 1 || *end || errno)
            usage_err("--set %s: found '%s', expected an integer", name, equals + 1);
        (*out)[i] = (ParamSet){.name = name, .value = v};
    }
    return sets->n;
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

bool dtype_parse(const char *text)
{
    static const char *const names[] = {"f32", "bf16"};
    return name_choice("--dtype", text, NAMES(names, 2)) == 1;
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

Tuning *tuning_for(const CodeFlags *f)
{
    if (!f->tune && f->tune_seconds)
        usage_err("--tune-seconds goes with --tune FILE");
    Tuning *t = f->tune ? tuning_open(f->tune) : NULL;
    if (t)
        tuning_limit(t, f->tune_seconds);
    return t;
}

Program *program_for(const CodeFlags *f)
{
    Program *p = program_new(target_for(f->target, dtype_parse(f->dtype)),
                             fuse_parse(f->fuse ? f->fuse : "all"), conv_parse(f->conv),
                             dtype_parse(f->dtype));
    p->optimize = optimize_parse(f->optimize);
    if (f->tune && p->conv != CONV_AUTO)
        usage_err("--tune: there is nothing to choose with --conv %s%s", conv_names[p->conv],
                  p->fuse == FUSE_NONE ? " (nothing is fused)" : "");
    p->quiet = f->quiet;
    p->tuning = tuning_for(f);
    return p;
}
