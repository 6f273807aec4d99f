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
    bool grouped = quants[quant].bits == 4;
#pragma omp parallel for if (interp_parallel(all * columns))
    for (int64_t o = 0; o < columns; o++) {
        scales[o] = 1;
        for (int64_t first = 0, n; first < all; first += n) {
            int64_t left = channels - first % channels; /* of this tap */
            n = !grouped ? all : left < QUANT_GROUP ? left : QUANT_GROUP;
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

/* The mean of some keys: rows of x, `size` channels of each, `ld` apart. */
static void mean_of_keys(const double *x, int64_t m, int64_t ld, int64_t size, float *mean)
{
    int64_t n = m < QUANT_MEAN_KEYS ? m : QUANT_MEAN_KEYS;
    for (int64_t c = 0; c < size; c++) {
        float sum = 0;
        for (int64_t j = 0; j < n; j++)
            sum += (float)x[j * m / n * ld + c];
        mean[c] = sum / (float)n;
    }
}

double *interp_quant_heads(const Value *x, const AttnAttr *attr, int64_t off, bool keys)
{
    int64_t ld = shape_channels(&x->shape), rows = shape_rows(&x->shape), batch = x->shape.dim[0],
            all = shape_count(&x->shape), size = attr->head_size;
    double *data = xmalloc((size_t)all * sizeof *data);
    memcpy(data, x->data, (size_t)all * sizeof *data);
#pragma omp parallel for if (interp_parallel(all))
    for (int64_t bh = 0; bh < batch * attr->heads; bh++) {
        double *head = data + bh / attr->heads * rows * ld + off + bh % attr->heads * size;
        float *mean = xcalloc((size_t)size, sizeof *mean);
        if (keys)
            mean_of_keys(head, rows, ld, size, mean);
        for (int64_t j = 0; j < rows; j++) {
            for (int64_t c = 0; c < size; c++)
                head[j * ld + c] = (double)((float)head[j * ld + c] - mean[c]);
            quantise_run(head + j * ld, size, 1, 8, NULL);
        }
        free(mean);
    }
    return data;
}

/* Of numbers; poison: 0, NaN if one is not finite. */
typedef struct {
    float low, high, poison;
} Bounds;

static Bounds bounds_begin(void) { return (Bounds){INFINITY, -INFINITY, 0}; }

static void bounds_add(Bounds *b, float x)
{
    b->low = fminf(b->low, x);
    b->high = fmaxf(b->high, x);
    b->poison += x * 0;
}

/* What the prologue makes of numbers from x->low to x->high, into `all`. scale: the channel's
 * factor and, `channels` further, summand; or NULL. */
static void prologue_bounds(const PrologueRow *p, const double *scale, int64_t channels,
                            const Bounds *x, Bounds *all)
{
    float bound[2] = {x->low, x->high};
    for (int i = 0; i < 2; i++) {
        if (scale)
            bound[i] = fmaf(bound[i], (float)scale[0], (float)scale[channels]);
        all->poison += bound[i] * 0;
        bounds_add(all, (float)interp_scalar(p->act, bound[i]));
    }
    float turn = (float)p->lowest_at;
    if (p->dips && fminf(bound[0], bound[1]) < turn && turn < fmaxf(bound[0], bound[1]))
        bounds_add(all, (float)p->lowest);
    all->poison += x->poison;
}

/* Channel c of batch element b of x. */
static Bounds channel_bounds(const Value *x, int64_t b, int64_t c)
{
    int64_t channels = shape_channels(&x->shape), rows = shape_rows(&x->shape);
    const double *data = x->data + (x->shape.dim[0] == 1 ? 0 : b) * rows * channels + c;
    Bounds r = bounds_begin();
    for (int64_t i = 0; i < rows; i++)
        bounds_add(&r, (float)data[i * channels]);
    return r;
}

/* x (b,...,c1), [x2 (b,...,c2)], [norm (b,2,c1+c2)] -> (b,2): bounds of what a load with the
 * prologue yields of a batch element, and of 0. In f32, as compiled code. */
void interp_range(const Op *op, const Value *in, Value *out)
{
    const PrologueRow *p = &prologues[op->attr.range.pre];
    int64_t first = shape_channels(&in[SLOT_X].shape),
            second = in[SLOT_X2].data ? shape_channels(&in[SLOT_X2].shape) : 0;
    for (int64_t b = 0; b < out->shape.dim[0]; b++) {
        Bounds all = bounds_begin();
        bounds_add(&all, 0);
        const double *norm = in[SLOT_NORM].data;
        norm = norm ? norm + b * 2 * (first + second) : NULL;
        for (int64_t c = 0; c < first + second; c++) {
            Bounds x = c < first ? channel_bounds(&in[SLOT_X], b, c)
                                 : channel_bounds(&in[SLOT_X2], b, c - first);
            prologue_bounds(p, norm ? norm + c : NULL, first + second, &x, &all);
        }
        out->data[2 * b] = all.low + all.poison;
        out->data[2 * b + 1] = all.high + all.poison;
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
