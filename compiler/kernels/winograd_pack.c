/* Packing of Winograd kernels: plain arithmetic. Its loops go over every weight; it is compiled at
 * -O3. */
#include "winograd_pack.h"
#include "panel.h"
#include "winograd.h"
#include "alloc.h"
#include <stdlib.h>
#include <string.h>

/* out (positions, taps, columns) = G g G' of row k of the stored kernel (3*3*ci, columns), in
 * double, rounded once. */
static void transform_row(const PanelLayout *l, const float *kernel, int64_t k, double *half,
                          float *out)
{
    const Winograd *w = winograd_matrices((WinogradKind)l->winograd);
    int64_t ci = l->channels, columns = l->columns;
    int down = w->y.n * w->taps, n = w->x.n;
    for (int i = 0; i < down; i++) /* half (down, 3, columns) = G g */
        for (int x = 0; x < 3; x++) {
            double *h = half + (i * 3 + x) * columns;
            const float *g0 = kernel + ((int64_t)x * ci + k) * columns, *g1 = g0 + 3 * ci * columns,
                        *g2_ = g1 + 3 * ci * columns;
            const double *r = w->y.g + (ptrdiff_t)i * 3;
            for (int64_t o = 0; o < columns; o++)
                h[o] = r[0] * g0[o] + r[1] * g1[o] + r[2] * g2_[o];
        }
    for (int i = 0; i < down; i++)
        for (int j = 0; j < n; j++) {
            const double *h = half + (ptrdiff_t)i * 3 * columns, *r = w->x.g + (ptrdiff_t)j * 3;
            float *o = out + ((i / w->taps * n + j) * w->taps + i % w->taps) * columns;
            for (int64_t x = 0; x < columns; x++)
                o[x] = (float)(h[x] * r[0] + h[columns + x] * r[1] + h[2 * columns + x] * r[2]);
        }
}

static int64_t width_of(const PanelLayout *l, int64_t j)
{
    return (int64_t)panel_vectors(l, j) * l->lanes;
}

/* Panels of plain kernels, in the order in which a task reads them: [block][k][vector of
 * columns][tap][lane], bf16: [block][pair][vector][tap][lane][2]. */
static void pack_plain(const PanelLayout *l, const float *kernel, float *out)
{
    int64_t ci = l->channels, taps = (int64_t)l->kh * l->kw;
    int together = l->bf16 ? 2 : 1; /* channels in a word */
#pragma omp parallel for schedule(static)
    for (int64_t j = 0; j < l->blocks; j++) {
        float *block = out + j * taps * ci * l->nr * l->lanes / together, row[4 * 64];
        int64_t vectors = width_of(l, j) / l->lanes;
        for (int64_t k = 0; k < ci; k += together)
            for (int64_t tap = 0; tap < taps; tap++) {
                const float *first = kernel + (tap * ci + k) * l->columns;
                if (l->bf16)
                    for (int h = 0; h < 2; h++)
                        panel_pack_pair(l, j, first + h * l->columns, h, row);
                else
                    panel_pack_row(l, j, first, row);
                for (int64_t v = 0; v < vectors; v++)
                    memcpy(block + ((k / together * vectors + v) * taps + tap) * l->lanes,
                           row + v * l->lanes, (size_t)l->lanes * 4);
            }
    }
}

/* Panels: [block][position][tap][k][width]. */
void winograd_pack_kernel(const PanelLayout *l, const float *kernel, float *out)
{
    int64_t ci = l->channels, columns = l->columns, positions;
    const Winograd *w = winograd_matrices((WinogradKind)l->winograd);
    positions = (int64_t)w->y.n * w->x.n * w->taps;
    if (l->kernels != KERNELS_PACKED) {
        pack_plain(l, kernel, out);
        return;
    }
#pragma omp parallel
    {
        double *half = xmalloc((size_t)(6 * 3 * columns) * sizeof *half);
        float *rows = xmalloc((size_t)(positions * columns) * sizeof *rows);
#pragma omp for schedule(static)
        for (int64_t k = 0; k < ci; k++) {
            transform_row(l, kernel, k, half, rows);
            for (int64_t j = 0; j < l->blocks; j++) {
                int64_t width = width_of(l, j);
                float *block = out + j * positions * ci * l->nr * l->lanes / (l->bf16 ? 2 : 1);
                for (int64_t p = 0; p < positions; p++) {
                    if (l->bf16)
                        panel_pack_pair(l, j, rows + p * columns, k, block + p * ci * width / 2);
                    else
                        panel_pack_row(l, j, rows + p * columns, block + (p * ci + k) * width);
                }
            }
        }
        free(half);
        free(rows);
    }
}
