/* Synthetic weights: any number of any full-size model from its seed, its name and its index alone,
 * so that tests need no checkpoint.
 *
 *   h    = FNV-1a 64 of "<model>/<path>"
 *   z(i) = splitmix64 finalizer of (h + seed * 0xD1342543DE82EF95 + (i + 1) * 0x9E3779B97F4A7C15)
 *          modulo 2^64
 *   u(i) = ((z >> 40) - 2^23) * 2^-23, exact in float, in [-1, 1)
 *
 * The number is u * scale, or 1 + u * scale for gamma. Each product and each sum is rounded to
 * float separately. */
#include <math.h>
#include <string.h>

#include "err.h"
#include "fnv.h"
#include "weights.h"

#define SEED_STEP 0xD1342543DE82EF95ull
#define INDEX_STEP 0x9E3779B97F4A7C15ull

/* The last component of a path decides the scale; kernels also look at their shape. */
/* clang-format off */
static const struct { const char *prefix; float scale; bool around_one; } rules[] = {
    {"bias", 0.05f, false},
    {"gamma", 0.2f, true},
    {"beta", 0.1f, false},
    {"embedding", 0.05f, false}, /* "embeddings" too */
};
/* clang-format on */

/* Whether the layer that owns the kernel at path (its last but one component) is to_q or to_k. */
static bool is_query_or_key(const char *path, const char *kind)
{
    if (kind - path < 5)
        return false;
    const char *layer = kind - 5; /* "to_q." */
    bool starts = layer == path || layer[-1] == '.';
    return starts && (!strncmp(layer, "to_q.", 5) || !strncmp(layer, "to_k.", 5));
}

static float kernel_scale(const char *model, const char *path, const char *kind, const Shape *shape)
{
    int64_t fan_in = 1;
    for (int i = 0; i < shape->rank - 1; i++)
        fan_in *= shape->dim[i];
    double gain = !strcmp(model, "diffusion_model") && is_query_or_key(path, kind) ? 1.5 : 1.0;
    return (float)(gain * sqrt(3.0 / (double)fan_in));
}

static uint64_t name_hash(const char *model, const char *path)
{
    uint64_t h = fnv1a64(model, strlen(model), FNV1A64_INIT);
    h = fnv1a64("/", 1, h);
    return fnv1a64(path, strlen(path), h);
}

static void fill_uniform(uint64_t base, float scale, int64_t n, float *dst)
{
#pragma omp parallel for schedule(static) if (n > 1 << 15)
    for (int64_t i = 0; i < n; i++) {
        uint64_t z = base + ((uint64_t)i + 1) * INDEX_STEP;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        z = z ^ (z >> 31);
        int32_t k = (int32_t)(z >> 40) - (1 << 23);
        dst[i] = ((float)k * 0x1p-23f) * scale; /* the first product is exact */
    }
}

/* A separate loop: in one expression with the product, a compiler could fuse product and sum. */
static void add_one(int64_t n, float *dst)
{
#pragma omp parallel for schedule(static) if (n > 1 << 15)
    for (int64_t i = 0; i < n; i++)
        dst[i] += 1.0f;
}

void synthetic_weight(uint64_t seed, const char *model, const char *path, const Shape *shape,
                      float *dst)
{
    const char *dot = strrchr(path, '.');
    const char *kind = dot ? dot + 1 : path;
    uint64_t base = name_hash(model, path) + seed * SEED_STEP;
    int64_t n = shape_count(shape);
    if (!strcmp(kind, "kernel")) {
        fill_uniform(base, kernel_scale(model, path, kind, shape), n, dst);
        return;
    }
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strncmp(kind, rules[i].prefix, strlen(rules[i].prefix)))
            continue;
        fill_uniform(base, rules[i].scale, n, dst);
        if (rules[i].around_one)
            add_one(n, dst);
        return;
    }
    err("synthetic weights: no rule for \"%s\"; a path ends in kernel, bias, gamma, beta or embeddings",
        path);
}
