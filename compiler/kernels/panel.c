/* Packing of panels: plain arithmetic. Its loops go over every weight; it is compiled at -O3. */
#include "panel.h"
#include "numbers.h"
#include <string.h>

PanelLayout panel_layout(const Contract *c)
{
    return (PanelLayout){.channels = in_channels(c),
                         .columns = c->co,
                         .kc = c->kc,
                         .n_chunks = c->n_chunks,
                         .blocks = c->blocks,
                         .k_step = c->k_step,
                         .kh = c->kh,
                         .kw = c->kw,
                         .nr = c->nr,
                         .lanes = c->lanes,
                         .geglu = contract_geglu(c),
                         .bf16 = c->bf16,
                         .winograd = c->winograd,
                         .kernels = c->kernels};
}

int panel_vectors(const PanelLayout *p, int64_t j)
{
    if (p->geglu || j < p->blocks - 1)
        return p->nr;
    return (int)ceil_div(p->columns - j * panel_block_out(p), p->lanes);
}

/* Columns of the kernel as stored. */
static int64_t kernel_columns(const PanelLayout *p)
{
    return p->geglu ? 2 * p->columns : p->columns;
}

/* Channels that the chunk from c0 on stores. */
static int64_t chunk_rows(const PanelLayout *p, int64_t c0)
{
    return c0 + p->kc < p->channels ? p->kc : round_up(p->channels - c0, p->k_step);
}

/* The stored column of lane x of vector v of block j, or -1 where the panel is padding. With GEGLU
 * the first half of a block's vectors are values and the second half their gates. */
static int64_t column(const PanelLayout *p, int64_t j, int v, int x)
{
    int half = p->nr / 2;
    bool gate = p->geglu && v >= half;
    int64_t n = j * panel_block_out(p) + (int64_t)(gate ? v - half : v) * p->lanes + x;
    if (n >= p->columns)
        return -1;
    return gate ? p->columns + n : n;
}

void panel_pack_row(const PanelLayout *p, int64_t j, const float *row, float *out)
{
    for (int v = 0; v < panel_vectors(p, j); v++, out += p->lanes) {
        int64_t first = column(p, j, v, 0);
        if (first >= 0 && column(p, j, v, p->lanes - 1) == first + p->lanes - 1) {
            if (p->lanes == 16)
                memcpy(out, row + first, 64); /* constant: no call */
            else if (p->lanes == 8)
                memcpy(out, row + first, 32);
            else
                memcpy(out, row + first, (size_t)p->lanes * 4);
            continue;
        }
        for (int x = 0; x < p->lanes; x++) {
            int64_t n = column(p, j, v, x);
            out[x] = n < 0 ? 0 : row[n];
        }
    }
}

/* Row k of a panel in pairs: its columns are every second number. */
void panel_pack_pair(const PanelLayout *p, int64_t j, const float *row, int64_t k, void *out)
{
    float columns[4 * 64];
    int64_t width = (int64_t)panel_vectors(p, j) * p->lanes;
    uint16_t *to = (uint16_t *)out + k / 2 * 2 * width + k % 2;
    if (row)
        panel_pack_row(p, j, row, columns);
    for (int64_t x = 0; x < width; x++)
        to[2 * x] = row ? bf16_of(columns[x]) : 0;
}

/* Rows k, k+1 of a panel at once, both present. */
static void pack_two(const PanelLayout *p, int64_t j, const float *row, int64_t columns, int64_t k,
                     void *out)
{
    float first[4 * 64], second[4 * 64];
    int64_t width = (int64_t)panel_vectors(p, j) * p->lanes;
    uint16_t *to = (uint16_t *)out + k * width;
    panel_pack_row(p, j, row, first);
    panel_pack_row(p, j, row + columns, second);
    for (int64_t x = 0; x < width; x++) {
        to[2 * x] = bf16_of(first[x]);
        to[2 * x + 1] = bf16_of(second[x]);
    }
}

/* Rows first..end of the chunk that begins at channel c0, of one tap. */
typedef struct {
    int64_t c0, tap, first, end;
} PanelRows;

/* In every block: whole rows of the kernel are read once, in order. */
static void pack_rows(const PanelLayout *p, const float *kernel, float *out, const PanelRows *r)
{
    int64_t taps = (int64_t)p->kh * p->kw, columns = kernel_columns(p), element = p->bf16 ? 2 : 4;
    int64_t stored = chunk_rows(p, r->c0), before = (p->n_chunks - 1) * p->kc,
            all = before + chunk_rows(p, before);
    for (int64_t j = 0; j < p->blocks; j++) {
        int64_t width = (int64_t)panel_vectors(p, j) * p->lanes;
        char *o = (char *)out + j * taps * all * p->nr * p->lanes * element +
                  (r->c0 * taps + r->tap * stored) * width * element;
        for (int64_t k = r->first; k < r->end; k++) {
            int64_t channel = r->c0 + k;
            const float *row = channel < p->channels
                                   ? kernel + (r->tap * p->channels + channel) * columns
                                   : NULL;
            if (!p->bf16)
                panel_pack_row(p, j, row, (float *)(void *)o + k * width);
            else if (k % 2 == 0 && k + 1 < r->end && channel + 1 < p->channels)
                pack_two(p, j, row, columns, k++, o);
            else
                panel_pack_pair(p, j, row, k, o);
        }
    }
}

void panel_pack_direct(const PanelLayout *p, const float *kernel, float *out)
{
    enum { ROWS = 16 };
    int64_t taps = (int64_t)p->kh * p->kw, groups = ceil_div(p->kc + p->k_step, ROWS),
            chunks = ceil_div(p->channels, p->kc);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < chunks * taps * groups; i++) {
        PanelRows r = {i / (taps * groups) * p->kc, i / groups % taps, i % groups * ROWS, 0};
        r.end = min64(r.first + ROWS, chunk_rows(p, r.c0));
        if (r.first < r.end)
            pack_rows(p, kernel, out, &r);
    }
}
