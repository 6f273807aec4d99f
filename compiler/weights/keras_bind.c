/* Where a graph's weights are in Keras' files.
 *
 * A graph of Keras' JSON knows both the dataset of each weight in Keras 3's layout and the order in
 * which the older layout lists them. For the graphs of graphs/sd2 the rules of names.def give the
 * first, keras_order.c the second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "err.h"
#include "keras_order.h"
#include "keras_state.h"
#include "own.h"

static int by_path(const void *a, const void *b)
{
    return strcmp(((const KerasBound *)a)->path, ((const KerasBound *)b)->path);
}

static const KerasBinding *binding_of(const Checkpoint *c, const char *graph)
{
    const Keras *k = c->state;
    for (size_t i = 0; i < k->n_bindings; i++)
        if (!strcmp(k->binding[i].graph, graph))
            return &k->binding[i];
    return NULL;
}

/* ---- a graph of Keras' JSON ---- */

static const char *stored_name(Arena *a, const KerasFile *f, const KerasWeight *w)
{
    return arena_printf(a, "%s/%s", f->prefix, w->stored);
}

/* How many of the graph's weights the file has. In the older layout the number of tensors decides.
 */
static size_t fitting(const Checkpoint *c, const KerasFile *f, const Graph *g)
{
    size_t n = 0;
    if (f->ordered)
        return f->n < g->n_keras ? f->n : f->n == g->n_keras ? f->n : 0;
    Arena *a = arena_new();
    for (uint32_t i = 0; i < g->n_keras; i++)
        n += checkpoint_find(c, stored_name(a, f, &g->keras[i])) != NULL;
    arena_free(a);
    return n;
}

static const KerasFile *fitting_file(const Checkpoint *c, const Graph *g)
{
    const Keras *k = c->state;
    const KerasFile *best = &k->file[0];
    size_t most = 0;
    for (int i = 0; i < k->n_files; i++) {
        size_t n = fitting(c, &k->file[i], g);
        if (n > most) {
            most = n;
            best = &k->file[i];
        }
    }
    return best;
}

/* In the older layout only order tells weights apart. The last part of a tensor's name (kernel,
 * bias, gamma) shows whether the order is the graph's. */
static void check_kind(const KerasFile *f, size_t i, const KerasWeight *w)
{
    static const char *const kinds[] = {"kernel", "bias", "gamma", "beta", "embeddings"};
    const char *name = f->list[i].name, *last = strrchr(name, '/') + 1,
               *dot = strrchr(w->path, '.');
    size_t n = strcspn(last, ":"); /* Keras 2: "kernel:0" */
    bool kind = false, same = !dot || (strlen(dot + 1) == n && !strncmp(dot + 1, last, n));
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        kind |= strlen(kinds[k]) == n && !strncmp(kinds[k], last, n);
    if (kind && !same)
        err("%s: tensor %zu of %zu is \"%s\", expected %s of layer \"%s\": in this layout only the order of tensors tells them apart; save the model as .keras or .weights.h5",
            f->list[i].file, i + 1, f->n, strchr(name, '/') + 1, dot + 1, w->layer);
}

static void bind_keras_graph(Checkpoint *c, const Graph *g, KerasBinding *b)
{
    b->file = fitting_file(c, g);
    bool ordered = b->file->ordered;
    b->n = ordered && b->file->n < g->n_keras ? b->file->n : g->n_keras;
    b->bound = arena_alloc(c->arena, (b->n + 1) * sizeof *b->bound);
    for (size_t i = 0; i < b->n; i++) {
        const KerasWeight *w = &g->keras[i];
        if (ordered && b->file->n == g->n_keras)
            check_kind(b->file, i, w);
        b->bound[i] = (KerasBound){arena_strdup(c->arena, w->path),
                                   ordered ? b->file->list[i].name
                                           : stored_name(c->arena, b->file, w)};
    }
}

/* ---- a graph of graphs/sd2 ---- */

static const KerasFile *known_file(const Checkpoint *c, const char *graph)
{
    const Keras *k = c->state;
    for (int i = 0; i < k->n_files; i++)
        if (k->file[i].known && !strcmp(k->file[i].prefix, graph))
            return &k->file[i];
    return NULL;
}

/* Fills b when the order counts; else the rules spell the names. */
static void bind_known_graph(Checkpoint *c, const Graph *g, KerasBinding *b)
{
    const KerasFile *f = known_file(c, g->name);
    if (!f || !f->ordered)
        return;
    const char **paths = xcalloc(g->n_tensors + 1, sizeof *paths);
    size_t n = keras_order(g, paths);
    b->file = f;
    b->n = n < f->n ? n : f->n;
    b->bound = arena_alloc(c->arena, (b->n + 1) * sizeof *b->bound);
    for (size_t i = 0; i < b->n; i++)
        b->bound[i] = (KerasBound){arena_strdup(c->arena, paths[i]), f->list[i].name};
    free(paths);
}

/* ---- the scheme ---- */

static void keras_bind(Checkpoint *c, const Graph *g)
{
    Keras *k = c->state;
    KerasBinding b = {.graph = arena_strdup(c->arena, g->name)};
    if (binding_of(c, g->name))
        return;
    if (g->n_keras)
        bind_keras_graph(c, g, &b);
    else
        bind_known_graph(c, g, &b);
    if (!b.file)
        return;
    qsort(b.bound, b.n, sizeof *b.bound, by_path);
    ARENA_GROW(c->arena, k->binding, k->n_bindings, k->cap_bindings);
    k->binding[k->n_bindings++] = b;
}

static bool keras_spell(const Scheme *s, const Checkpoint *c, const WeightName *w, int choice,
                        Place *out)
{
    const KerasBinding *b = c ? binding_of(c, w->model) : NULL;
    if (!b)
        return spell_by_rules(s, c, w, choice, out);
    const KerasBound *at = b->n ? bsearch(&(KerasBound){.path = w->path}, b->bound, b->n,
                                          sizeof *b->bound, by_path)
                                : NULL;
    *out = (Place){.parts = 1};
    return at && snprintf(out->name, sizeof out->name, "%s", at->name) < (int)sizeof out->name &&
           !choice;
}

static bool keras_owns(const Scheme *s, const Checkpoint *c, const char *model, const char *name)
{
    const KerasBinding *b = c ? binding_of(c, model) : NULL;
    return owns_model_folder(s, c, b ? b->file->prefix : model, name);
}

/* Stable Diffusion 1.x: the second spelling, where there is one, of the projections that are 1x1
 * convolutions. */
static bool keras1_spell(const Scheme *s, const Checkpoint *c, const WeightName *w, int choice,
                         Place *out)
{
    bool projection = !strcmp(w->model, "diffusion_model") &&
                      (strstr(w->path, ".proj1.") || strstr(w->path, ".proj2."));
    bool found = !choice && spell_by_rules(s, c, w, projection, out);
    out->conv = projection;
    return found;
}

/* Keras' layers that drop values store the state of their generator of random numbers. */
static const char *const ignored[] = {"*/seed_generator/*", NULL};
const Scheme keras_scheme = {
    .name = "keras",
    .about = "MODEL/layers/CLASS_N/... as Keras 3 has it; in its older layout the order counts",
    .column = COLUMN_KERAS,
    .spell = keras_spell,
    .owns = keras_owns,
    .ignored = ignored,
    .bind = keras_bind};
const Scheme keras1_scheme = {.name = "keras1",
                              .about = "the same of Stable Diffusion 1.x, to be written",
                              .column = COLUMN_KERAS,
                              .spell = keras1_spell,
                              .owns = keras_owns,
                              .ignored = ignored};
