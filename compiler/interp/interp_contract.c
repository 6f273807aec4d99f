/* conv2d and dense, as graphs write them and with every slot that fusion fills:
 *
 *   loaded  = prologue(concat(x, x2)), upsampled where the op says so; zero outside of the picture
 *   product = sum over ky, kx, c of
 *             loaded[y*stride + ky - pad_top, x*stride + kx - pad_left, c] * kernel[ky, kx, c, o]
 *   out     = activation(product + bias + vec) + res, or with act_last
 *             activation(product + bias + vec + res)
 *
 * Where the op is quantised, loaded and kernel are whole numbers, and the product has a scale
 * (quant.h).
 *
 * dense is the same with a 1x1 kernel and its rows as pixels of one line. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "interp_ops.h"
#include "interp_quant.h"
#include "alloc.h"

/* Output pixels that are computed together, so that one pass over the kernel serves them all. */
#define BLOCK 16

/* The operand as the product reads it, before upsampling: (b,h,w,c). */
typedef struct {
    int64_t batch, h, w, c;
    double *data;
} Picture;
/* The kernel: kh, kw, and the columns of one tap. */
typedef struct {
    int64_t kh, kw, columns;
    double *data;
} Kernel;

/* The prologue of channel c of batch element b, but for LayerNorm, which needs the whole row. */
static double prologue(const ContractAttr *attr, const Value *in, int64_t b, int64_t c, double v)
{
    const PrologueRow *p = &prologues[attr->pre];
    if (p->norm == AFFINE_NORM) {
        int64_t channels = in[SLOT_NORM].shape.dim[2];
        const double *norm = in[SLOT_NORM].data + b * 2 * channels;
        v = norm[c] * v + norm[channels + c];
    }
    return interp_scalar(p->act, v);
}

/* LayerNorm of one row of c values, in place. */
static void normalize_row(double *row, int64_t c, const double *gamma, const double *beta,
                          double eps)
{
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < c; i++)
        mean += row[i] / (double)c;
    for (int64_t i = 0; i < c; i++)
        variance += (row[i] - mean) * (row[i] - mean) / (double)c;
    for (int64_t i = 0; i < c; i++)
        row[i] = (row[i] - mean) / sqrt(variance + eps) * gamma[i] + beta[i];
}

/* prologue(concat(x, x2)); the caller frees the data. */
static Picture load_operand(const Op *op, const Value *in)
{
    const Value *x = &in[SLOT_X], *x2 = &in[SLOT_X2];
    const ContractAttr *attr = &op->attr.contract;
    int64_t c1 = shape_channels(&x->shape), c2 = x2->data ? shape_channels(&x2->shape) : 0,
            c = c1 + c2;
    int64_t batch = x2->data && x->shape.dim[0] == 1 ? x2->shape.dim[0] : x->shape.dim[0];
    int64_t rows = shape_count(&x->shape) / c1 / x->shape.dim[0] * batch;
    Picture p = {1, 1, rows, c, xmalloc((size_t)(rows * c) * sizeof(double))};
    if (op->kind == OP_CONV2D)
        p = (Picture){batch, x->shape.dim[1], x->shape.dim[2], c, p.data};
#pragma omp parallel for if (interp_parallel(rows * c))
    for (int64_t r = 0; r < rows; r++) {
        double *row = p.data + r * c;
        const double *first = interp_row(x, r), *second = c2 ? interp_row(x2, r) : NULL;
        for (int64_t i = 0; i < c1; i++)
            row[i] = prologue(attr, in, r / (rows / batch), i, first[i]);
        for (int64_t i = 0; i < c2; i++)
            row[c1 + i] = prologue(attr, in, r / (rows / batch), c1 + i, second[i]);
        if (prologues[attr->pre].norm == LAYER_NORM)
            normalize_row(row, c, in[SLOT_LN_GAMMA].data, in[SLOT_LN_BETA].data, attr->eps);
    }
    return p;
}

/* A product while it is interpreted. */
typedef struct {
    const Op *op;
    const Value *in;
    Value *out;
    Picture picture;
    Kernel kernel;
    /* pixels of the result are counted (b * out_h + y) * out_w + x; dense: one line of all rows */
    int64_t out_h, out_w;
    /* pixels of a batch element */
    int64_t per_batch;
    /* quantised: what a whole number of the operand stands for, of every `per_scale` pixels of the
     * result, and of every column of the kernel; else NULL */
    double *scales, *column_scales;
    int64_t per_scale;
} Product;

/* The channels that tap (ky,kx) reads for a pixel of the result; NULL in the padding. */
static const double *tap_source(const Product *c, int64_t pixel, int64_t ky, int64_t kx)
{
    const Picture *p = &c->picture;
    const ContractAttr *attr = &c->op->attr.contract;
    int64_t x = pixel % c->out_w, y = pixel / c->out_w % c->out_h, b = pixel / c->out_w / c->out_h;
    int64_t in_y = y * attr->stride + ky - attr->pad_top,
            in_x = x * attr->stride + kx - attr->pad_left;
    if (in_y < 0 || in_x < 0 || in_y >= p->h * attr->upsample || in_x >= p->w * attr->upsample)
        return NULL;
    return p->data + ((b * p->h + in_y / attr->upsample) * p->w + in_x / attr->upsample) * p->c;
}

/* sums[i], a value for each column, of the n pixels of the result from `first` on. */
static void sum_block(const Product *p, int64_t first, int64_t n, double *sums)
{
    const Kernel *k = &p->kernel;
    int64_t channels = p->picture.c;
    memset(sums, 0, (size_t)(n * k->columns) * sizeof *sums);
    for (int64_t ky = 0; ky < k->kh; ky++)
        for (int64_t kx = 0; kx < k->kw; kx++) {
            const double *source[BLOCK], *tap = k->data + (ky * k->kw + kx) * channels * k->columns;
            for (int64_t i = 0; i < n; i++)
                source[i] = tap_source(p, first + i, ky, kx);
            for (int64_t c = 0; c < channels; c++)
                for (int64_t i = 0; i < n; i++) {
                    if (!source[i])
                        continue;
                    double v = source[i][c], *restrict sum = sums + i * k->columns;
                    const double *restrict column = tap + c * k->columns;
#pragma omp simd
                    for (int64_t o = 0; o < k->columns; o++)
                        sum[o] += v * column[o];
                }
        }
}

/* Makes whole numbers of loaded picture and kernel, where the op says so. */
static void quantise(Product *p)
{
    Quant quant = (Quant)p->op->attr.contract.quant;
    Picture *x = &p->picture;
    int64_t rows = x->batch * x->h * x->w;
    if (quant == QUANT_NONE)
        return;
    p->column_scales = xmalloc((size_t)p->kernel.columns * sizeof *p->column_scales);
    p->kernel.data = interp_quant_kernel(quant, &p->in[SLOT_KERNEL], p->column_scales);
    if (quants[quant].range == NO_RANGE)
        return;
    p->scales = xmalloc((size_t)rows * sizeof *p->scales);
    p->per_scale = 1;
    if (quants[quant].range == ROW_RANGE) {
        interp_quant_rows(x->data, rows, x->c, p->scales);
        return;
    }
    int64_t batch = p->out->shape.dim[0];
    interp_quant_images(x->data, batch, rows / batch * x->c, p->in[SLOT_RANGE].data, p->scales);
    p->per_scale = p->per_batch;
}

/* The sums of pixel r of the result get their scales. */
static void scale_sums(const Product *p, int64_t r, double *sum)
{
    double scale = p->scales ? p->scales[r / p->per_scale] : 1;
    for (int64_t o = 0; o < p->kernel.columns && p->column_scales; o++)
        sum[o] *= scale * p->column_scales[o];
}

/* Pixel r of the result from its sums. */
static void epilogue(const Product *p, int64_t r, double *sum)
{
    const ContractAttr *attr = &p->op->attr.contract;
    const Value *vec = &p->in[SLOT_VEC], *res = &p->in[SLOT_RES];
    const double *bias = p->in[SLOT_BIAS].data, *residual = res->data ? interp_row(res, r) : NULL;
    int64_t channels = shape_channels(&p->out->shape), b = r / p->per_batch;
    for (int64_t o = 0; o < p->kernel.columns; o++) {
        if (bias)
            sum[o] += bias[o];
        if (vec->data) /* (b or 1, ...) */
            sum[o] += vec->data[(vec->shape.dim[0] == 1 ? 0 : b) * shape_channels(&vec->shape) +
                                attr->vec_off + o];
    }
    Activation act = (Activation)attr->act;
    if (attr->act_last) {
        for (int64_t o = 0; o < channels; o++)
            p->out->data[r * channels + o] = interp_scalar(act, sum[o] + residual[o]);
        return;
    }
    for (int64_t o = 0; o < channels; o++) {
        double v = activations[act].gated ? sum[o] * interp_scalar(act, sum[channels + o])
                                          : interp_scalar(act, sum[o]);
        p->out->data[r * channels + o] = v + (residual ? residual[o] : 0.0);
    }
}

void interp_conv2d(const Op *op, const Value *in, Value *out)
{
    const Value *kernel = &in[SLOT_KERNEL];
    bool conv = op->kind == OP_CONV2D;
    int64_t pixels = shape_count(&out->shape) / shape_channels(&out->shape);
    Product p = {.op = op,
                 .in = in,
                 .out = out,
                 .picture = load_operand(op, in),
                 .kernel = {1, 1, shape_channels(&kernel->shape), kernel->data},
                 .out_h = conv ? out->shape.dim[1] : 1,
                 .out_w = conv ? out->shape.dim[2] : pixels,
                 .per_batch = pixels / out->shape.dim[0]};
    if (conv) {
        p.kernel.kh = kernel->shape.dim[0];
        p.kernel.kw = kernel->shape.dim[1];
    }
    quantise(&p);
    int64_t columns = p.kernel.columns,
            work = pixels * p.kernel.kh * p.kernel.kw * p.picture.c * columns;
#pragma omp parallel for schedule(dynamic) if (interp_parallel(work))
    for (int64_t first = 0; first < pixels; first += BLOCK) {
        int64_t n = pixels - first < BLOCK ? pixels - first : BLOCK;
        double *sums = xmalloc((size_t)(n * columns) * sizeof *sums);
        sum_block(&p, first, n, sums);
        for (int64_t i = 0; i < n; i++) {
            scale_sums(&p, first + i, sums + i * columns);
            epilogue(&p, first + i, sums + i * columns);
        }
        free(sums);
    }
    if (p.column_scales)
        free(p.kernel.data);
    free(p.column_scales);
    free(p.scales);
    free(p.picture.data);
}

void interp_dense(const Op *op, const Value *in, Value *out) { interp_conv2d(op, in, out); }
