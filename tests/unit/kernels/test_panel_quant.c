/* Panels of 8 and 4 bits against a plain re-computation from their definition (quant.h, panel.h):
 * columns that fill no panel, GEGLU, several taps, groups that are short, columns of zeros. */
#include "contract_pack.h"
#include "panel.h"
#include "weights.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A kernel and its packed form. */
typedef struct {
    PanelLayout p;
    float *kernel;
    uint32_t *packed;
} Packing;

static Packing packing(PanelLayout p)
{
    Packing k = {.p = p};
    Shape s = shape2(p.taps * p.channels, panel_kernel_columns(&p));
    size_t words = (size_t)(panel_count(&p) * panel_words(&p) + panel_tail_words(&p));
    k.kernel = malloc((size_t)shape_count(&s) * sizeof *k.kernel);
    k.packed = malloc(words * sizeof *k.packed);
    synthetic_weight(3, "test", "x.kernel", &s, k.kernel);
    for (int64_t i = 0; i < s.dim[0]; i++) /* a dead column */
        k.kernel[i * s.dim[1] + 1] = 0;
    memset(k.packed, 0xff, words * sizeof *k.packed);
    contract_pack_kernel(&k.p, k.kernel, (float *)(void *)k.packed);
    return k;
}

/* The column of the kernel in place x of panel s; -1: none. */
static int64_t column_at(const PanelLayout *p, int64_t s, int x)
{
    if (!p->geglu)
        return s * 16 + x < p->columns ? s * 16 + x : -1;
    int64_t n = s * 8 + x % 8;
    return n >= p->columns ? -1 : x < 8 ? n : p->columns + n;
}

static float weight_at(const Packing *k, int64_t tap, int64_t channel, int64_t column)
{
    const PanelLayout *p = &k->p;
    return k->kernel[(tap * p->channels + channel) * panel_kernel_columns(p) + column];
}

/* The greatest magnitude of channels first..end of taps from..to. */
static float most_of(const Packing *k, int64_t column, const int64_t taps[2],
                     const int64_t channels[2])
{
    float most = 0;
    for (int64_t t = taps[0]; t < taps[1]; t++)
        for (int64_t i = channels[0]; i < channels[1]; i++)
            most = fmaxf(most, fabsf(weight_at(k, t, i, column)));
    return most;
}

static float bf16_up(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* The scale of a weight, as stored behind the panels, and as it should be before it is rounded. */
static float scale_at(const Packing *k, int64_t s, int x, int64_t tap, int64_t channel, float *want)
{
    const PanelLayout *p = &k->p;
    const uint32_t *tail = k->packed + panel_count(p) * panel_words(p) + s * panel_scale_words(p);
    int64_t column = column_at(p, s, x), groups = (p->channels + 63) / 64, g = channel / 64,
            all[2] = {0, p->taps}, one[2] = {tap, tap + 1}, every[2] = {0, p->channels},
            group[2] = {g * 64, g * 64 + 64 < p->channels ? g * 64 + 64 : p->channels};
    float scale;
    if (p->group == 4) {
        *want = column < 0 ? 0 : most_of(k, column, all, every) / 127;
        memcpy(&scale, tail + x, sizeof scale);
        return scale;
    }
    *want = column < 0 ? 0 : most_of(k, column, one, group) / 7;
    uint16_t half;
    memcpy(&half, (const char *)tail + 2 * ((tap * groups + g) * 16 + x), sizeof half);
    return bf16_up(half);
}

/* The number as stored. */
static int number_at(const Packing *k, int64_t s, int x, int64_t tap, int64_t channel)
{
    const PanelLayout *p = &k->p;
    int64_t rows = (p->channels + p->group - 1) / p->group, row = tap * rows + channel / p->group;
    uint32_t word = k->packed[s * panel_words(p) + row * 16 + x];
    int bits = 32 / p->group;
    return (int32_t)(word << (32 - bits * (channel % p->group + 1))) >> (32 - bits);
}

static void check_column(const Packing *k, int64_t s, int x)
{
    const PanelLayout *p = &k->p;
    int64_t column = column_at(p, s, x),
            padded = (p->channels + p->group - 1) / p->group * p->group;
    int32_t sum = 0, stored;
    for (int64_t t = 0; t < p->taps; t++)
        for (int64_t i = 0; i < padded; i++) {
            int found = number_at(k, s, x, t, i);
            if (i >= p->channels || column < 0) {
                assert_int_equal(found, 0);
                continue;
            }
            float want, scale = scale_at(k, s, x, t, i, &want), w = weight_at(k, t, i, column);
            /* bf16 has 8 bits: half of the last one is 2^-8 of the number at most */
            assert_true(p->group == 4 ? scale == want : fabsf(scale - want) <= want / 256);
            assert_int_equal(found, scale > 0 ? (int)nearbyintf(w / scale) : 0);
            sum += found;
        }
    if (p->group != 4)
        return;
    memcpy(&stored, k->packed + panel_count(p) * panel_words(p) + s * 32 + 16 + x, sizeof stored);
    assert_int_equal(stored, sum);
}

static void check_layout(void **state)
{
    Packing k = packing(*(const PanelLayout *)*state);
    for (int64_t s = 0; s < panel_count(&k.p); s++)
        for (int x = 0; x < PANEL_COLUMNS; x++)
            check_column(&k, s, x);
    free(k.kernel);
    free(k.packed);
}

int main(void)
{
    static PanelLayout layouts[] = {
        {.channels = 64, .columns = 32, .taps = 1, .group = 4},
        {.channels = 13, .columns = 19, .taps = 9, .group = 4},
        {.channels = 10, .columns = 13, .taps = 1, .group = 4, .geglu = 1},
        {.channels = 128, .columns = 32, .taps = 1, .group = 8},
        {.channels = 70, .columns = 19, .taps = 9, .group = 8},
        {.channels = 5, .columns = 3, .taps = 9, .group = 8},
        {.channels = 130, .columns = 11, .taps = 1, .group = 8, .geglu = 1},
    };
    enum { N = sizeof layouts / sizeof layouts[0] };
    struct CMUnitTest tests[N];
    for (int i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){
            .name = "layout", .test_func = check_layout, .initial_state = &layouts[i]};
    return _cmocka_run_group_tests("panels of few bits", tests, N, NULL, NULL);
}
