/* Packing of Winograd kernels: plain arithmetic. Its loops go over every weight; it is compiled at
 * -O3. */
#include "winograd_pack.h"
#include "panel.h"
#include "winograd.h"
#include <stdlib.h>
#include <string.h>

/* out (positions, taps, columns) = G g G' of row k of the stored kernel (3*3*ci, columns), in
 * double, rounded once. */
static void transform_row(const Contract *c, const float *kernel, int64_t k, double *half,
                          float *out)
{
    const Winograd *w = winograd_form(c);
    int64_t ci = in_channels(c), columns = c->co;
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

static int64_t width_of(const Contract *c, int64_t j)
{
    return min64((int64_t)c->nr * c->lanes,
                 ceil_div(c->co - j * c->nr * c->lanes, c->lanes) * c->lanes);
}

/* Panels of plain kernels, in the order in which a task reads them: [block][k][vector of
 * columns][tap][lane], bf16: [block][pair][vector][tap][lane][2]. */
static void pack_plain(const Contract *c, const float *kernel, float *out)
{
    int64_t ci = in_channels(c), taps = (int64_t)c->kh * c->kw;
    int together = c->bf16 ? 2 : 1; /* channels in a word */
#pragma omp parallel for schedule(static)
    for (int64_t j = 0; j < c->blocks; j++) {
        float *block = out + j * taps * ci * c->nr * c->lanes / together, row[4 * 64];
        int64_t vectors = width_of(c, j) / c->lanes;
        for (int64_t k = 0; k < ci; k += together)
            for (int64_t tap = 0; tap < taps; tap++) {
                const float *first = kernel + (tap * ci + k) * c->co;
                if (c->bf16)
                    for (int h = 0; h < 2; h++)
                        panel_pack_pair(c, j, first + h * c->co, h, row);
                else
                    panel_pack_row(c, j, first, row);
                for (int64_t v = 0; v < vectors; v++)
                    memcpy(block + ((k / together * vectors + v) * taps + tap) * c->lanes,
                           row + v * c->lanes, (size_t)c->lanes * 4);
            }
    }
}

/* Panels: [block][position][tap][k][width]. */
void winograd_pack_kernel(const Contract *c, const float *kernel, float *out)
{
    int64_t ci = in_channels(c), columns = c->co, positions = winograd_kernels(c);
    if (c->kernels != KERNELS_PACKED) {
        pack_plain(c, kernel, out);
        return;
    }
#pragma omp parallel
    {
        double *half = xmalloc((size_t)(6 * 3 * columns) * sizeof *half);
        float *rows = xmalloc((size_t)(positions * columns) * sizeof *rows);
#pragma omp for schedule(static)
        for (int64_t k = 0; k < ci; k++) {
            transform_row(c, kernel, k, half, rows);
            for (int64_t j = 0; j < c->blocks; j++) {
                int64_t width = width_of(c, j);
                float *block = out + j * positions * ci * c->nr * c->lanes / (c->bf16 ? 2 : 1);
                for (int64_t p = 0; p < positions; p++) {
                    if (c->bf16)
                        panel_pack_pair(c, j, rows + p * columns, k, block + p * ci * width / 2);
                    else
                        panel_pack_row(c, j, rows + p * columns, block + (p * ci + k) * width);
                }
            }
        }
        free(half);
        free(rows);
    }
}
