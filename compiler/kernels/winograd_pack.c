/* Packing of Winograd kernels: plain arithmetic. Its loops go over every weight; it is compiled at
 * -O3. */
#include "winograd_pack.h"
#include "panel.h"
#include "winograd.h"
#include "alloc.h"
#include <stdlib.h>

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

/* [panel][position][tap][group of channels][column][group]. */
void winograd_pack_kernel(const PanelLayout *l, const float *kernel, float *out)
{
    int64_t taps = panel_taps(l), rows = panel_rows(l), columns = l->columns;
#pragma omp parallel
    {
        double *half = xmalloc((size_t)(6 * 3 * columns) * sizeof *half);
        float *group = xmalloc((size_t)(2 * taps * columns) * sizeof *group);
#pragma omp for schedule(static)
        for (int64_t r = 0; r < rows; r++) {
            int64_t n = min64(l->group, l->channels - r * l->group);
            for (int64_t h = 0; h < n; h++)
                transform_row(l, kernel, r * l->group + h, half, group + h * taps * columns);
            for (int64_t s = 0; s < panel_count(l); s++)
                for (int64_t t = 0; t < taps; t++) {
                    const float *first = group + t * columns,
                                *row[2] = {first, n > 1 ? first + taps * columns : NULL};
                    panel_pack_row(l, s, row, out + ((s * taps + t) * rows + r) * PANEL_COLUMNS);
                }
        }
        free(half);
        free(group);
    }
}
