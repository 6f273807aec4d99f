/* See interp_quant.h. */
#include "interp_quant.h"
#include "alloc.h"
#include "quant.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The greater magnitude; NaN where one is NaN. */
static float greater(float most, double x)
{
    float a = fabsf((float)x);
    return a > most || isnan(a) ? a : most;
}

/* One scale for n numbers, `stride` apart, from `from` on: they become whole numbers (*scale is
 * what they stand for) or, scale NULL, what those stand for. */
static void quantise_run(double *from, int64_t n, int64_t stride, int bits, double *scale)
{
    float most = 0;
    for (int64_t i = 0; i < n && !isnan(most); i++)
        most = greater(most, from[i * stride]);
    float s = quant_weight_scale(bits, most);
    for (int64_t i = 0; i < n; i++) {
        double q = quant_weight((float)from[i * stride], s);
        from[i * stride] = scale ? q : q * (double)s;
    }
    if (scale)
        *scale = (double)s;
}

double *interp_quant_kernel(Quant quant, const Value *kernel, double *scales)
{
    int64_t columns = shape_channels(&kernel->shape), all = shape_count(&kernel->shape) / columns,
            channels = kernel->shape.dim[kernel->shape.rank - 2];
    bool whole = quants[quant].range != NO_RANGE;
    double *data = xmalloc((size_t)(all * columns) * sizeof *data);
    memcpy(data, kernel->data, (size_t)(all * columns) * sizeof *data);
    int64_t run = quants[quant].bits == 4 ? QUANT_GROUP : all;
#pragma omp parallel for if (interp_parallel(all * columns))
    for (int64_t o = 0; o < columns; o++) {
        scales[o] = 1;
        for (int64_t first = 0, n; first < all; first += n) {
            int64_t left = run < all ? channels - first % channels : all;
            n = left < run ? left : run;
            quantise_run(data + first * columns + o, n, columns, quants[quant].bits,
                         whole ? &scales[o] : NULL);
        }
    }
    return data;
}

/* c numbers minus their zero point, in place; returns the scale. */
static double quantise_row(double *row, int64_t c, const QuantOperand *q)
{
    for (int64_t i = 0; i < c; i++)
        row[i] = quant_number(q, (float)row[i]) - q->zero;
    return (double)q->scale;
}

static QuantOperand range_of_row(const double *row, int64_t c)
{
    float low = 0, high = 0, poison = 0;
    for (int64_t i = 0; i < c; i++) {
        float x = (float)row[i];
        low = fminf(low, x);
        high = fmaxf(high, x);
        poison += x * 0;
    }
    return quant_operand(low, high, poison);
}

void interp_quant_rows(double *data, int64_t rows, int64_t c, double *scales)
{
#pragma omp parallel for if (interp_parallel(rows * c))
    for (int64_t r = 0; r < rows; r++) {
        QuantOperand q = range_of_row(data + r * c, c);
        scales[r] = quantise_row(data + r * c, c, &q);
    }
}

void interp_quant_images(double *data, int64_t batch, int64_t each, const double *range,
                         double *scales)
{
    for (int64_t b = 0; b < batch; b++) {
        float low = (float)range[2 * b], high = (float)range[2 * b + 1];
        QuantOperand q = quant_operand(low, high, (low + high) * 0);
        scales[b] = quantise_row(data + b * each, each, &q);
    }
}
