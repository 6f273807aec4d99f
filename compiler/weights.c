/* Weight sources: one interface over the synthetic generator and safetensors files. */
#include "weights.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SYNTHETIC "synthetic:"

struct WeightSource {
    Arena *arena;
    const char *model;
    const char *description;
    uint64_t seed;  /* of a synthetic source */
    StFile *file;   /* NULL: synthetic */
    bool prefixed;  /* names in the file are "<model>/<path>" */
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
        err("weights \"%s%s\": expected a number from 0 to 2^64-1 after \"%s\"", SYNTHETIC, text, SYNTHETIC);
    return v;
}

WeightSource *weights_open(const char *spec, const char *model)
{
    Arena *a = arena_new();
    WeightSource *w = arena_alloc(a, sizeof *w);
    *w = (WeightSource){.arena = a, .model = arena_strdup(a, model)};
    if (!strncmp(spec, SYNTHETIC, strlen(SYNTHETIC))) {
        w->seed = parse_seed(spec + strlen(SYNTHETIC));
        w->description = arena_printf(a, "%s%llu", SYNTHETIC, (unsigned long long)w->seed);
        return w;
    }
    w->file = st_open(spec);
    for (size_t i = 0; i < w->file->n && !w->prefixed; i++)
        w->prefixed = strchr(w->file->tensors[i].name, '/') != NULL;
    const char *base = strrchr(spec, '/');
    w->description = arena_printf(a, "%s (%zu bytes)", base ? base + 1 : spec, w->file->map_bytes);
    return w;
}

void weights_close(WeightSource *w)
{
    if (w->file)
        st_close(w->file);
    arena_free(w->arena);
}

const char *weights_describe(const WeightSource *w)
{
    return w->description;
}

/* The tensor of the file for the weight at path; NULL when there is none. */
static const StTensor *find(const WeightSource *w, const char *path)
{
    if (!w->prefixed)
        return st_find(w->file, path);
    size_t n = strlen(w->model) + strlen(path) + 2;
    char *name = xmalloc(n);
    snprintf(name, n, "%s/%s", w->model, path);
    const StTensor *t = st_find(w->file, name);
    free(name);
    return t;
}

static bool same_shape(const StTensor *t, const Shape *s)
{
    if (t->rank != s->rank)
        return false;
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] != s->dim[i])
            return false;
    return true;
}

/* err() unless t can serve as the weight of this shape. */
static void check_tensor(const WeightSource *w, const StTensor *t, const char *path, const Shape *shape)
{
    Arena *a = arena_new(); /* not freed on the way to err() */
    if (!t)
        err("%s: tensor \"%s\" is missing; expected shape %s", w->file->path,
            w->prefixed ? arena_printf(a, "%s/%s", w->model, path) : path, dims_text(a, shape->rank, shape->dim));
    if (!same_shape(t, shape))
        err("%s: tensor \"%s\" has shape %s, expected %s", w->file->path, t->name, dims_text(a, t->rank, t->dim),
            dims_text(a, shape->rank, shape->dim));
    if (t->dtype != ST_F64 && t->dtype != ST_F32 && t->dtype != ST_F16 && t->dtype != ST_BF16)
        err("%s: tensor \"%s\" has dtype %s, expected F32, F16, BF16 or F64", w->file->path, t->name,
            st_dtype_name(t->dtype));
    arena_free(a);
}

/* One stored tensor that the graph wants. */
typedef struct { const char *path; Shape shape; } Wanted;

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
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++)
        if (!i || by_path(&want[i - 1], &want[i]))
            want[kept++] = want[i];
    *n = kept;
    return want;
}

/* The path that a name of the file means for this model; NULL when it belongs to another model. */
static const char *path_of_name(const WeightSource *w, const char *name)
{
    size_t n = strlen(w->model);
    if (!w->prefixed)
        return name;
    return !strncmp(name, w->model, n) && name[n] == '/' ? name + n + 1 : NULL;
}

void weights_check(WeightSource *w, const Graph *g)
{
    if (!w->file)
        return;
    size_t n, missing = 0, extra = 0;
    const char *first_missing = NULL, *first_extra = NULL;
    Wanted *want = wanted_tensors(g, &n);
    for (size_t i = 0; i < n; i++)
        if (!find(w, want[i].path) && !missing++)
            first_missing = want[i].path;
    for (size_t i = 0; i < w->file->n; i++) {
        const char *path = path_of_name(w, w->file->tensors[i].name);
        if (path && !bsearch(&(Wanted){.path = path}, want, n, sizeof *want, by_path) && !extra++)
            first_extra = path;
    }
    const char *file = w->file->path, *plural = extra == 1 ? "" : "s";
    if (missing && extra)
        err("%s: %zu of %s's %zu weights missing, the first is \"%s\"; %zu tensor%s unknown, the first is \"%s\"", file,
            missing, w->model, n, first_missing, extra, plural, first_extra);
    if (missing)
        err("%s: %zu of %s's %zu weights missing, the first is \"%s\"", file, missing, w->model, n, first_missing);
    if (extra)
        err("%s: %zu tensor%s unknown to %s, the first is \"%s\"; expected its %zu weights alone", file, extra, plural,
            w->model, first_extra, n);
    for (size_t i = 0; i < n; i++)
        check_tensor(w, find(w, want[i].path), want[i].path, &want[i].shape);
    free(want);
}

static float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static float from_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 0x3ff;
    if (exponent == 31)
        return from_bits(sign | 0x7f800000u | mantissa << 13);
    if (exponent == 0) { /* zero and subnormals: mantissa * 2^-24 */
        float f = (float)mantissa * 0x1p-24f;
        return sign ? -f : f;
    }
    return from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

/* Data in files is little-endian and not aligned to its size: read byte by byte (compilers make one load of it). */
static uint64_t little_endian(const unsigned char *p, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

static float convert(StDtype dtype, const unsigned char *data, int64_t i)
{
    switch (dtype) {
    case ST_F16:
        return from_f16((uint16_t)little_endian(data + 2 * i, 2));
    case ST_BF16:
        return from_bits((uint32_t)little_endian(data + 2 * i, 2) << 16);
    case ST_F64: {
        uint64_t bits = little_endian(data + 8 * i, 8);
        double d;
        memcpy(&d, &bits, sizeof d);
        return (float)d;
    }
    default:
        return from_bits((uint32_t)little_endian(data + 4 * i, 4));
    }
}

void weights_read(WeightSource *w, const char *path, const Shape *shape, float *dst)
{
    int64_t n = shape_count(shape), bad = n;
    if (!w->file) {
        synthetic_weight(w->seed, w->model, path, shape, dst);
        return;
    }
    const StTensor *t = find(w, path);
    check_tensor(w, t, path, shape);
    const unsigned char *data = t->data;
    StDtype dtype = t->dtype;
#pragma omp parallel for schedule(static) reduction(min : bad) if (n > 1 << 15)
    for (int64_t i = 0; i < n; i++) {
        dst[i] = convert(dtype, data, i);
        if (!isfinite(dst[i]) && i < bad)
            bad = i;
    }
    if (bad < n)
        err("%s: tensor \"%s\": value %lld of %lld is %s, expected finite numbers", w->file->path, t->name,
            (long long)bad, (long long)n, isnan(dst[bad]) ? "NaN" : "infinite");
}

void weights_read_tensor(WeightSource *w, const Graph *g, TensorId id, float *dst)
{
    const Tensor *t = tensor(g, id);
    if (t->n_parts == 1 && t->parts[0].scale == 1.0) {
        weights_read(w, t->parts[0].path, &t->shape, dst);
        return;
    }
    int64_t width = shape_channels(&t->shape), rows = shape_count(&t->shape) / width, begin = 0;
    for (int k = 0; k < t->n_parts; k++) {
        const WeightPart *p = &t->parts[k];
        Shape shape = t->shape;
        shape.dim[shape.rank - 1] = p->width;
        float *part = xmalloc((size_t)(rows * p->width) * sizeof *part);
        weights_read(w, p->path, &shape, part);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = 0; c < p->width; c++)
                dst[r * width + begin + c] = (float)(part[r * p->width + c] * p->scale);
        free(part);
        begin += p->width;
    }
    CHECK(begin == width);
}
