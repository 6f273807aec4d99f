/* Weight sources: one interface over the synthetic generator and checkpoints. See weights.h. */
#include "weights.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "err.h"
#include "formats.h"
#include "scales.h"
#include "scheme.h"

#define SYNTHETIC "synthetic:"

struct WeightSource {
    Arena *arena;
    const char *model;
    const char *description;
    /* Of a synthetic source. */
    uint64_t seed;
    /* NULL: synthetic. */
    Checkpoint *from;
    /* weights_close closes the checkpoint. */
    bool owned;
    /* The counts of the graph that is checked or read first are known: a source serves one graph.
     */
    bool bound;
    Counts counts;
};

static const char *dims_text(Arena *a, int rank, const int64_t *dim)
{
    const char *s = "";
    for (int i = 0; i < rank; i++)
        s = arena_printf(a, "%s%s%lld", s, i ? "," : "", (long long)dim[i]);
    return arena_printf(a, "(%s)", s);
}

static uint64_t parse_seed(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text < '0' || *text > '9')
        err("weights \"%s%s\": expected a number from 0 to 2^64-1 after \"%s\"", SYNTHETIC, text,
            SYNTHETIC);
    return v;
}

bool weights_synthetic(const char *spec) { return !strncmp(spec, SYNTHETIC, strlen(SYNTHETIC)); }

static WeightSource *new_source(const char *model)
{
    Arena *a = arena_new();
    WeightSource *w = arena_alloc(a, sizeof *w);
    *w = (WeightSource){.arena = a, .model = arena_strdup(a, model)};
    return w;
}

WeightSource *weights_from(Checkpoint *c, const char *model)
{
    WeightSource *w = new_source(model);
    w->from = c;
    const char *base = c->spec;
    for (const char *p = base; *p; p++)
        if (*p == '/' && p[1])
            base = p + 1;
    w->description = arena_printf(w->arena, "%s (%llu bytes)", base,
                                  (unsigned long long)checkpoint_bytes(c));
    return w;
}

WeightSource *weights_open(const char *spec, const char *model)
{
    if (!weights_synthetic(spec)) {
        WeightSource *w = weights_from(checkpoint_open(spec, NULL), model);
        w->owned = true;
        return w;
    }
    WeightSource *w = new_source(model);
    w->seed = parse_seed(spec + strlen(SYNTHETIC));
    w->description = arena_printf(w->arena, "%s%llu", SYNTHETIC, (unsigned long long)w->seed);
    return w;
}

void weights_close(WeightSource *w)
{
    if (w->owned)
        checkpoint_close(w->from);
    arena_free(w->arena);
}

const char *weights_describe(const WeightSource *w) { return w->description; }

/* ---- one weight and where it is stored ---- */

static bool same_shape(const Stored *t, int rank, const int64_t *dim, bool ones)
{
    int n = t->rank;
    if (n == 4 && rank == 2 && t->dim[0] == 1 && t->dim[1] == 1)
        return !memcmp(t->dim + 2, dim, 2 * sizeof *dim); /* HWIO of 1x1 is (in,out) */
    if (ones) {                                           /* trailing ones do not count */
        while (rank > 2 && dim[rank - 1] == 1)
            rank--;
        while (n > 2 && t->dim[n - 1] == 1)
            n--;
    }
    const int64_t *at = t->dim;
    for (; !ones && n == 4 && rank == 2 && at[0] == 1 && at[1] == 1; n = 2)
        at += 2; /* Keras' 1x1 convolution: (1,1,i,o) */
    return n == rank && !memcmp(at, dim, (size_t)n * sizeof *dim);
}

/* Why t cannot serve as the weight of this shape; NULL: it can. */
static const char *wrong_with(const WeightSource *w, const Stored *t, const Place *p,
                              const char *path, const Shape *shape, Arena *a)
{
    const Scheme *s = w->from->scheme;
    int64_t dim[8];
    int rank = scheme_shape(s, path, shape, p, dim);
    if (!t)
        return arena_printf(a, "%s: tensor \"%s\" is missing; expected shape %s", w->from->spec,
                            p->name, dims_text(a, rank, dim));
    if (!same_shape(t, rank, dim, scheme_transposes(s, path)))
        return arena_printf(a, "%s: tensor \"%s\" has shape %s, expected %s", t->file, t->name,
                            dims_text(a, t->rank, t->dim), dims_text(a, rank, dim));
    if (!stored_is_real(t->dtype))
        return arena_printf(
            a, "%s: tensor \"%s\" has dtype %s, expected F32, F16, BF16, F64, F8_E4M3 or F8_E5M2",
            t->file, t->name, checkpoint_type(t));
    const Stored *scales = scales_of(w->from, t);
    return scales ? scales_wrong(scales, t, a) : NULL;
}

static void check_tensor(const WeightSource *w, const Stored *t, const Place *p, const char *path,
                         const Shape *shape)
{
    Arena *a = arena_new();
    const char *wrong = wrong_with(w, t, p, path, shape, a);
    if (wrong)
        err("%s", wrong);
    arena_free(a);
}

static const Stored *find(const WeightSource *w, const char *path, Place *p)
{
    return scheme_locate(w->from, &(WeightName){w->model, path, &w->counts}, p);
}

/* ---- a graph's weights and the checkpoint's ---- */

/* One stored tensor that the graph wants. */
typedef struct {
    const char *path;
    Shape shape;
} Wanted;

static int by_path(const void *a, const void *b)
{
    return strcmp(((const Wanted *)a)->path, ((const Wanted *)b)->path);
}

/* All parts of all weights of g, each once, sorted by path. The caller frees. */
static Wanted *wanted_tensors(const Graph *g, size_t *n)
{
    size_t count = 0;
    for (uint32_t i = 0; i < g->n_tensors; i++)
        if (g->tensors[i].kind == T_WEIGHT)
            count += (size_t)g->tensors[i].n_parts;
    Wanted *want = xcalloc(count + 1, sizeof *want);
    *n = 0;
    for (uint32_t i = 0; i < g->n_tensors; i++) {
        const Tensor *t = &g->tensors[i];
        for (int k = 0; t->kind == T_WEIGHT && k < t->n_parts; k++) {
            Wanted *x = &want[(*n)++];
            *x = (Wanted){t->parts[k].path, t->shape};
            x->shape.dim[x->shape.rank - 1] = t->parts[k].width;
        }
    }
    qsort(want, *n, sizeof *want, by_path);
    size_t unique = 0;
    for (size_t i = 0; i < *n; i++)
        if (!i || by_path(&want[i - 1], &want[i]))
            want[unique++] = want[i];
    *n = unique;
    return want;
}

/* Before names are looked up: numbering depends on the graph. */
static void weights_bind(WeightSource *w, const Graph *g)
{
    if (w->from && !w->bound) {
        w->counts = counts_of(g);
        if (w->from->scheme->bind)
            w->from->scheme->bind(w->from, g);
        w->bound = true;
    }
}

/* A weight's name for messages: as stored, and its path where that differs. */
static const char *named(Arena *a, const WeightSource *w, const char *path)
{
    Place p;
    find(w, path, &p);
    const char *own = strchr(p.name, '/');
    if (!*p.name || !strcmp(p.name, path) || !w->from->scheme->torch ||
        (own && !strcmp(own + 1, path)))
        return arena_printf(a, "\"%s\"", path);
    return arena_printf(a, "\"%s\" (%s)", p.name, path);
}

WeightFit weights_fit(WeightSource *w, const Graph *g, Arena *a)
{
    WeightFit fit = {0};
    const Checkpoint *c = w->from;
    Wanted *want = wanted_tensors(g, &fit.n);
    bool *used = xcalloc(c->n + 1, sizeof *used);
    weights_bind(w, g);
    fit.missing = arena_alloc(a, (fit.n + 1) * sizeof *fit.missing);
    fit.extra = arena_alloc(a, (c->n + 1) * sizeof *fit.extra);
    fit.wrong = arena_alloc(a, (fit.n + 1) * sizeof *fit.wrong);
    for (size_t i = 0; i < fit.n; i++) {
        Place p;
        const Stored *t = find(w, want[i].path, &p);
        if (!t) {
            fit.missing[fit.n_missing++] = named(a, w, want[i].path);
            continue;
        }
        used[t - c->tensors] = true;
        const char *wrong = wrong_with(w, t, &p, want[i].path, &want[i].shape, a);
        if (wrong)
            fit.wrong[fit.n_wrong++] = wrong;
    }
    for (size_t i = 0; i < c->n; i++)
        if (!used[i] && c->scheme->owns(c->scheme, c, w->model, c->tensors[i].name) &&
            !scheme_ignores(c->scheme, c->tensors[i].name, &w->counts) &&
            !scales_have(c, c->tensors[i].name)) {
            const char *name = c->tensors[i].name, *own = strchr(name, '/');
            fit.extra[fit.n_extra++] = !c->scheme->torch && own ? own + 1 : name;
        }
    free(used);
    free(want);
    return fit;
}

void weights_check(WeightSource *w, const Graph *g)
{
    if (!w->from)
        return;
    Arena *a = arena_new();
    WeightFit f = weights_fit(w, g, a);
    const char *file = w->from->spec, *plural = f.n_extra == 1 ? "" : "s";
    if (f.n && f.n_missing == f.n && w->from->foreign)
        err("%s: this is %s", file, w->from->foreign);
    if (f.n_missing && f.n_extra)
        err("%s: %zu of %s's %zu weights missing, the first is %s; %zu tensor%s unknown, the first is \"%s\"",
            file, f.n_missing, w->model, f.n, f.missing[0], f.n_extra, plural, f.extra[0]);
    if (f.n_missing)
        err("%s: %zu of %s's %zu weights missing, the first is %s", file, f.n_missing, w->model,
            f.n, f.missing[0]);
    if (f.n_extra)
        err("%s: %zu tensor%s unknown to %s, the first is \"%s\"; expected its %zu weights alone",
            file, f.n_extra, plural, w->model, f.extra[0], f.n);
    if (f.n_wrong)
        err("%s", f.wrong[0]);
    arena_free(a);
}

/* ---- reading ---- */

/* The stored bytes: mapped, or fetched into *fetched, which the caller frees. */
static const unsigned char *stored_bytes(const Checkpoint *c, const Stored *t, void **fetched)
{
    *fetched = NULL;
    if (t->data) {
        checkpoint_want(t);
        return t->data;
    }
    *fetched = xmalloc(t->bytes);
    c->read(c, t, *fetched);
    return *fetched;
}

static void check_values(const Stored *t, const unsigned char *data, int64_t bad)
{
    if (bad < 0)
        return;
    int64_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= t->dim[i];
    err("%s: tensor \"%s\": value %lld of %lld is %s, expected finite numbers", t->file, t->name,
        (long long)bad, (long long)n,
        isnan(stored_value(t->dtype, data, bad)) ? "NaN" : "infinite");
}

/* How many numbers of a tensor have one index of its first axis. */
static int64_t first_axis_step(const Stored *t)
{
    int64_t n = 1;
    for (int i = 1; i < t->rank; i++)
        n *= t->dim[i];
    return n;
}

/* weights_read with rows of dst `stride` floats apart. */
static void read_stored(WeightSource *w, const char *path, const Shape *shape, float *dst,
                        int64_t stride)
{
    Place p;
    void *fetched;
    const Stored *t = find(w, path, &p);
    check_tensor(w, t, &p, path, shape);
    int64_t n = shape_count(shape), out = shape_channels(shape),
            taps = shape->rank == 4 ? shape->dim[0] * shape->dim[1] : 1;
    const unsigned char *data = stored_bytes(w->from, t, &fetched);
    const StoredNumbers from = {t->dtype, data, n * p.part};
    /* kernels as PyTorch stores them are (o, i, taps) and become (taps, i, o); all else is in its
     * order */
    check_values(
        t, data,
        scheme_transposes(w->from->scheme, path)
            ? stored_transpose(&from, (KernelShape){out, n / out / taps, taps}, dst, stride)
            : stored_rows(&from, n / out, out, dst, stride));
    const Stored *scales = scales_of(w->from, t);
    if (scales)
        scales_apply(w->from, scales,
                     &(Scaled){.at = dst,
                               .rows = n / out,
                               .width = out,
                               .stride = stride,
                               .columns = scheme_transposes(w->from->scheme, path) || t->rank == 1,
                               .each = first_axis_step(t),
                               .first = p.part * (t->dim[0] / p.parts)});
    free(fetched);
    checkpoint_release(t);
}

bool weights_read_as(WeightSource *w, const Graph *g, const Scheme *s, const char *path,
                     const Shape *shape, float *dst)
{
    weights_bind(w, g);
    if (!w->from || scheme_transposes(w->from->scheme, path) != scheme_transposes(s, path)) {
        weights_read(w, path, shape, dst);
        return !scheme_transposes(s, path);
    }
    Place p;
    void *fetched;
    const Stored *t = find(w, path, &p);
    check_tensor(w, t, &p, path, shape);
    int64_t n = shape_count(shape);
    const unsigned char *data = stored_bytes(w->from, t, &fetched);
    check_values(t, data, stored_rows(&(StoredNumbers){t->dtype, data, n * p.part}, 1, n, dst, n));
    const Stored *scales = scales_of(w->from, t);
    if (scales)
        scales_apply(w->from, scales,
                     &(Scaled){.at = dst,
                               .rows = 1,
                               .width = n,
                               .each = first_axis_step(t),
                               .first = p.part * (t->dim[0] / p.parts)});
    free(fetched);
    checkpoint_release(t);
    return true;
}

void weights_read(WeightSource *w, const char *path, const Shape *shape, float *dst)
{
    if (w->from)
        read_stored(w, path, shape, dst, shape_channels(shape));
    else
        synthetic_weight(w->seed, w->model, path, shape, dst);
}

/* Reads one part of a wider weight into its columns from `begin` on. */
static void read_part(WeightSource *w, const WeightPart *p, const Shape *shape, int64_t begin,
                      int64_t width, float *dst)
{
    int64_t rows = shape_count(shape) / p->width;
    if (w->from) {
        read_stored(w, p->path, shape, dst + begin, width);
    } else {
        float *part = xmalloc((size_t)(rows * p->width) * sizeof *part);
        weights_read(w, p->path, shape, part);
        for (int64_t r = 0; r < rows; r++)
            memcpy(dst + r * width + begin, part + r * p->width, (size_t)p->width * sizeof *part);
        free(part);
    }
    for (int64_t r = 0; r < rows && p->scale != 1.0; r++)
        for (int64_t c = 0; c < p->width; c++)
            dst[r * width + begin + c] = (float)(dst[r * width + begin + c] * p->scale);
}

void weights_read_tensor(WeightSource *w, const Graph *g, TensorId id, float *dst)
{
    const Tensor *t = tensor(g, id);
    int64_t width = shape_channels(&t->shape), begin = 0;
    weights_bind(w, g);
    if (t->n_parts == 1 && t->parts[0].scale == 1.0) {
        weights_read(w, t->parts[0].path, &t->shape, dst);
        return;
    }
    for (int k = 0; k < t->n_parts; k++) {
        Shape shape = t->shape;
        shape.dim[shape.rank - 1] = t->parts[k].width;
        read_part(w, &t->parts[k], &shape, begin, width, dst);
        begin += t->parts[k].width;
    }
    CHECK(begin == width);
}

StDtype weights_dtype(WeightSource *w, const Graph *g, const char *path)
{
    Place p;
    weights_bind(w, g);
    const Stored *t = w->from ? find(w, path, &p) : NULL;
    if (t && stored_is_f8(t->dtype))
        return scales_of(w->from, t) ? ST_F32 : ST_F16;
    return t ? t->dtype : ST_F32;
}

bool weights_in_order(WeightSource *w, const Graph *g, TensorId id)
{
    const Tensor *t = tensor(g, id);
    weights_bind(w, g);
    if (!w->from || t->n_parts != 1 || t->parts[0].scale != 1.0 ||
        scheme_transposes(w->from->scheme, t->parts[0].path))
        return false;
    Place p;
    const Stored *s = find(w, t->parts[0].path, &p);
    return s && s->data && !scales_of(w->from, s);
}

void weights_read_run(WeightSource *w, const Graph *g, TensorId id, int64_t first, int64_t n,
                      float *dst)
{
    const Tensor *t = tensor(g, id);
    Place p;
    const Stored *s = find(w, t->parts[0].path, &p);
    check_tensor(w, s, &p, t->parts[0].path, &t->shape);
    /* the run as a tensor of its own, so that its pages alone are wanted and released */
    size_t size = stored_size(s->dtype),
           at = (size_t)(shape_count(&t->shape) * p.part + first) * size;
    Stored run = {.data = (const unsigned char *)s->data + at, .bytes = (size_t)n * size};
    checkpoint_want(&run);
    const StoredNumbers from = {s->dtype, s->data, (int64_t)(at / size)};
    check_values(s, s->data, stored_rows(&from, 1, n, dst, n));
    checkpoint_release(&run);
}
