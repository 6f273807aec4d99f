/* See panel_quant.h. Its loops go over every weight; it is compiled at -O3. */
#include "panel_quant.h"
#include "alloc.h"
#include "numbers.h"
#include <stdlib.h>
#include <string.h>

/* What the packing of one kernel works on. */
typedef struct {
    const PanelLayout *p;
    const float *kernel;
    uint32_t *out;
    /* Columns of the kernel; runs of rows with scales of their own; (runs, columns). */
    int64_t columns, runs;
    float *scales;
} Quantising;

static int bits_of(const PanelLayout *p) { return 32 / p->group; }
static int64_t groups_of(const PanelLayout *p) { return ceil_div(p->channels, QUANT_GROUP); }

/* The rows of the kernel that have scale r of a column: all, or a group of channels of one tap. */
static void rows_of_run(const Quantising *q, int64_t r, int64_t range[2])
{
    const PanelLayout *p = q->p;
    range[0] = 0;
    range[1] = p->taps * p->channels;
    if (q->runs == 1)
        return;
    int64_t tap = r / groups_of(p), first = r % groups_of(p) * QUANT_GROUP;
    range[0] = tap * p->channels + first;
    range[1] = tap * p->channels + min64(first + QUANT_GROUP, p->channels);
}

/* Magnitudes are compared as bits: NaN is greater than all others, and stays. */
static void find_scales(const Quantising *q, int64_t r, int64_t first, int64_t end)
{
    int64_t rows[2];
    uint32_t *most = (uint32_t *)(void *)(q->scales + r * q->columns);
    rows_of_run(q, r, rows);
    memset(most + first, 0, (size_t)(end - first) * sizeof *most);
    for (int64_t k = rows[0]; k < rows[1]; k++) {
        const uint32_t *w = (const uint32_t *)(const void *)(q->kernel + k * q->columns);
        for (int64_t o = first; o < end; o++) {
            uint32_t magnitude = w[o] & 0x7fffffff;
            most[o] = magnitude > most[o] ? magnitude : most[o];
        }
    }
    for (int64_t o = first; o < end; o++) {
        float *scale = q->scales + r * q->columns + o;
        *scale = quant_weight_scale(bits_of(q->p), *scale);
    }
}

/* A row of a panel: words of `group` channels from channel k of a tap on. */
static void pack_row(const Quantising *q, int64_t s, int64_t tap, int64_t k, uint32_t *out)
{
    const PanelLayout *p = q->p;
    int bits = bits_of(p);
    uint32_t mask = (1u << bits) - 1;
    int64_t run = q->runs == 1 ? 0 : tap * groups_of(p) + k / QUANT_GROUP;
    float scale[PANEL_COLUMNS], w[PANEL_COLUMNS];
    panel_take_columns(p, s, q->scales + run * q->columns, scale);
    memset(out, 0, PANEL_COLUMNS * sizeof *out);
    for (int64_t h = 0; h < p->group && k + h < p->channels; h++) {
        panel_take_columns(p, s, q->kernel + (tap * p->channels + k + h) * q->columns, w);
        for (int x = 0; x < PANEL_COLUMNS; x++)
            out[x] |= ((uint32_t)quant_weight(w[x], scale[x]) & mask) << (h * bits);
    }
}

/* Scales and sums of the 16 columns of panel s. */
static void pack_tail8(const Quantising *q, int64_t s, uint32_t *out)
{
    const PanelLayout *p = q->p;
    int64_t words = panel_words(p);
    const int8_t *number = (const int8_t *)(q->out + s * words);
    int32_t sums[PANEL_COLUMNS] = {0};
    for (int64_t i = 0; i < words * 4; i++)
        sums[i / 4 % PANEL_COLUMNS] += number[i];
    panel_take_columns(p, s, q->scales, (float *)(void *)out);
    memcpy(out + PANEL_COLUMNS, sums, sizeof sums);
}

static void pack_tail4(const Quantising *q, int64_t s, uint32_t *out)
{
    uint16_t *to = (uint16_t *)(void *)out;
    float scale[PANEL_COLUMNS];
    for (int64_t r = 0; r < q->runs; r++) {
        panel_take_columns(q->p, s, q->scales + r * q->columns, scale);
        for (int x = 0; x < PANEL_COLUMNS; x++)
            *to++ = bf16_of(scale[x]);
    }
}

void panel_pack_quantised(const PanelLayout *p, const float *kernel, float *out)
{
    enum { COLUMNS = 64 };
    Quantising q = {.p = p,
                    .kernel = kernel,
                    .out = (uint32_t *)(void *)out,
                    .columns = panel_kernel_columns(p),
                    .runs = p->group == 8 ? p->taps * groups_of(p) : 1};
    q.scales = xmalloc((size_t)(q.runs * q.columns) * sizeof *q.scales);
    int64_t blocks = ceil_div(q.columns, COLUMNS), rows = panel_rows(p), panels = panel_count(p);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < q.runs * blocks; i++) {
        int64_t first = i % blocks * COLUMNS;
        find_scales(&q, i / blocks, first, min64(first + COLUMNS, q.columns));
    }
    uint32_t *tail = q.out + panels * panel_words(p);
#pragma omp parallel for schedule(static)
    for (int64_t s = 0; s < panels; s++) {
        uint32_t *row = q.out + s * panel_words(p);
        for (int64_t i = 0; i < p->taps * rows; i++, row += PANEL_COLUMNS)
            pack_row(&q, s, i / rows, i % rows * p->group, row);
        (p->group == 8 ? pack_tail4 : pack_tail8)(&q, s, tail + s * panel_scale_words(p));
    }
    free(q.scales);
}
