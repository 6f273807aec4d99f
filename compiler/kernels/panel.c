/* Packing of panels: plain arithmetic. Its loops go over every weight; it is compiled at -O3. */
#include "panel.h"
#include "numbers.h"
#include "panel_quant.h"
#include "winograd.h"
#include <string.h>

PanelLayout panel_layout(const Contract *c)
{
    return (PanelLayout){.channels = in_channels(c),
                         .columns = c->co,
                         .taps = c->kh * c->kw,
                         .group = contract_group(c),
                         .geglu = contract_geglu(c),
                         .winograd = c->kernels == KERNELS_PACKED ? c->winograd : WINOGRAD_NONE};
}

PanelLayout panel_read(const Contract *c)
{
    PanelLayout p = panel_layout(c);
    if (!contract_unpacks(c))
        return p;
    p.channels = round_up(c->kc, p.group);
    p.group = contract_word(c);
    return p;
}

int64_t panel_count(const PanelLayout *p)
{
    return ceil_div(p->columns, p->geglu ? PANEL_PAIR : PANEL_COLUMNS);
}

int64_t panel_taps(const PanelLayout *p)
{
    if (p->winograd == WINOGRAD_NONE)
        return p->taps;
    const Winograd *w = winograd_matrices((WinogradKind)p->winograd);
    return (int64_t)w->y.n * w->x.n * w->taps;
}

int64_t panel_rows(const PanelLayout *p) { return ceil_div(p->channels, p->group); }

int64_t panel_words(const PanelLayout *p) { return panel_taps(p) * panel_rows(p) * PANEL_COLUMNS; }

int64_t panel_scale_words(const PanelLayout *p)
{
    if (p->group == 4)
        return 2 * PANEL_COLUMNS;
    return p->group == 8 ? p->taps * ceil_div(p->channels, QUANT_GROUP) * PANEL_COLUMNS / 2 : 0;
}

int64_t panel_scales(const PanelLayout *p)
{
    return panel_scale_words(p) * (p->group == 8 ? 2 : 1);
}

int64_t panel_tail_words(const PanelLayout *p) { return panel_count(p) * panel_scale_words(p); }

void panel_take_columns(const PanelLayout *p, int64_t s, const float *row, float *out)
{
    int width = p->geglu ? PANEL_PAIR : PANEL_COLUMNS;
    int64_t first = s * width;
    if (row && first + width <= p->columns) { /* sizes are constant: no calls */
        if (!p->geglu) {
            memcpy(out, row + first, PANEL_COLUMNS * sizeof *out);
        } else {
            memcpy(out, row + first, PANEL_PAIR * sizeof *out);
            memcpy(out + PANEL_PAIR, row + p->columns + first, PANEL_PAIR * sizeof *out);
        }
        return;
    }
    for (int x = 0; x < PANEL_COLUMNS; x++) {
        int64_t n = first + x % width;
        out[x] = !row || n >= p->columns ? 0 : x < width ? row[n] : row[p->columns + n];
    }
}

void panel_pack_row(const PanelLayout *p, int64_t s, const float *const *row, void *out)
{
    if (p->group == 1) {
        panel_take_columns(p, s, row[0], out);
        return;
    }
    float first[PANEL_COLUMNS], second[PANEL_COLUMNS];
    uint16_t *to = out;
    panel_take_columns(p, s, row[0], first);
    panel_take_columns(p, s, row[1], second);
    for (int x = 0; x < PANEL_COLUMNS; x++) {
        to[2 * x] = bf16_of(first[x]);
        to[2 * x + 1] = bf16_of(second[x]);
    }
}

/* Rows first..end of one tap, in every panel: whole rows of the kernel are read once, in order. */
static void pack_rows(const PanelLayout *p, const float *kernel, float *out, int64_t tap,
                      const int64_t range[2])
{
    int64_t rows = panel_rows(p), columns = panel_kernel_columns(p);
    for (int64_t s = 0; s < panel_count(p); s++)
        for (int64_t r = range[0]; r < range[1]; r++) {
            const float *of[2] = {NULL, NULL};
            for (int h = 0; h < p->group && r * p->group + h < p->channels; h++)
                of[h] = kernel + (tap * p->channels + r * p->group + h) * columns;
            panel_pack_row(p, s, of, out + ((s * p->taps + tap) * rows + r) * PANEL_COLUMNS);
        }
}

void panel_pack_plain(const PanelLayout *p, const float *kernel, float *out)
{
    if (panel_quantised(p)) {
        panel_pack_quantised(p, kernel, out);
        return;
    }
    enum { ROWS = 16 };
    int64_t rows = panel_rows(p), parts = ceil_div(rows, ROWS);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < p->taps * parts; i++) {
        int64_t first = i % parts * ROWS;
        pack_rows(p, kernel, out, i / parts, (int64_t[]){first, min64(first + ROWS, rows)});
    }
}
