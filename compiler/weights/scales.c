/* Scales of weights of 8 bits: see scales.h. */
#include "scales.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "err.h"

/* What stands beside "X.weight". Scales are named by two families of programs: "X.weight_scale"
 * (compressed-tensors, and ComfyUI since 2025) and "X.scale_weight" (ComfyUI before that, which
 * marks such a file by a tensor "scaled_fp8"). DeepSeek's "X.weight_scale_inv" has one scale for
 * each block: scales_wrong refuses it by its shape. */
/* clang-format off */
static const struct { const char *end; bool scales; } beside[] = {
    {"weight_scale", true}, {"scale_weight", true}, {"weight_scale_inv", true},
    {"input_scale", false}, {"scale_input", false}, {"comfy_quant", false},
};
/* clang-format on */
enum { N_BESIDE = sizeof beside / sizeof beside[0] };
static const char mark[] = "scaled_fp8";

/* The name with `from` at its end replaced; NULL when it does not end so, or is too long. */
static const char *with_end(char *into, size_t size, const char *name, const char *from,
                            const char *to)
{
    size_t n = strlen(name), m = strlen(from);
    if (n < m || strcmp(name + n - m, from) ||
        (n > m && name[n - m - 1] != '.' && name[n - m - 1] != '/'))
        return NULL;
    return snprintf(into, size, "%.*s%s", (int)(n - m), name, to) < (int)size ? into : NULL;
}

const Stored *scales_of(const Checkpoint *c, const Stored *t)
{
    char name[600];
    for (int i = 0; i < N_BESIDE && stored_is_f8(t->dtype); i++) {
        const char *of = beside[i].scales
                             ? with_end(name, sizeof name, t->name, "weight", beside[i].end)
                             : NULL;
        const Stored *scales = of ? checkpoint_find(c, of) : NULL;
        if (scales)
            return scales;
    }
    return NULL;
}

static int64_t count(const Stored *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= t->dim[i];
    return n;
}

const char *scales_wrong(const Stored *scales, const Stored *t, Arena *a)
{
    if (!stored_is_real(scales->dtype))
        return arena_printf(a, "%s: tensor \"%s\", scales of \"%s\", has dtype %s, expected F32",
                            scales->file, scales->name, t->name, checkpoint_type(scales));
    int64_t n = count(scales);
    bool each_row = t->rank && n == t->dim[0] && scales->rank && scales->dim[0] == n;
    if (n == 1 || each_row)
        return NULL;
    return arena_printf(
        a, "%s: tensor \"%s\" has %lld scales for \"%s\", expected 1 or one for each of %lld rows",
        scales->file, scales->name, (long long)n, t->name, (long long)(t->rank ? t->dim[0] : 1));
}

bool scales_have(const Checkpoint *c, const char *name)
{
    char weight[600];
    if (with_end(weight, sizeof weight, name, mark, mark))
        return true;
    for (int i = 0; i < N_BESIDE; i++) {
        const char *of = with_end(weight, sizeof weight, name, beside[i].end, "weight");
        const Stored *t = of ? checkpoint_find(c, of) : NULL;
        if (t)
            return stored_is_f8(t->dtype);
    }
    return false;
}

static void check(const Stored *scales, int64_t i, float scale)
{
    if (!isfinite(scale))
        err("%s: tensor \"%s\": value %lld is %s, expected finite numbers", scales->file,
            scales->name, (long long)i, isnan(scale) ? "NaN" : "infinite");
}

void scales_apply(const Checkpoint *c, const Stored *scales, const Scaled *x)
{
    void *fetched = scales->data ? NULL : xmalloc(scales->bytes + 1);
    if (fetched)
        c->read(c, scales, fetched);
    const void *data = fetched ? fetched : scales->data;
    bool one = count(scales) == 1;
    for (int64_t r = 0; r < x->rows; r++)
        for (int64_t k = 0; k < x->width; k++) {
            int64_t i = one          ? 0
                        : x->columns ? x->first + k
                                     : x->first + (r * x->width + k) / x->each;
            float scale = stored_value(scales->dtype, data, i);
            check(scales, i, scale);
            x->at[r * x->stride + k] *= scale;
        }
    free(fetched);
}
