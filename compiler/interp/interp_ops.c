/* What every op means: plain loops, one function per op, in the order of ops.def. conv2d and dense
 * are in interp_contract.c. b = batch; h, w = height, width; n, m = tokens or pixels; c =
 * channels. */
#include "interp_ops.h"
#include "interp_quant.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "err.h"
#include "alloc.h"

/* ---- functions of one value: scalar_FUNCTION for every row of activations.def ---- */

static double scalar_none(double x) { return x; }

static double scalar_swish(double x) { return x / (1.0 + exp(-x)); }

static double scalar_relu(double x) { return x < 0 ? 0 : x; }

static double scalar_tanh(double x) { return tanh(x); }

static double scalar_soft_clamp(double x) { return 3 * tanh(x / 3); }

static double scalar_gelu_erf(double x)
{
    return 0.5 * x * (1.0 + erf(x * 0.70710678118654752440));
}

static double scalar_gelu_tanh(double x)
{
    return 0.5 * x * (1.0 + tanh(0.79788456080286535588 * x * (1.0 + 0.044715 * x * x)));
}

static double scalar_gelu_quick(double x) { return x / (1.0 + exp(-1.702 * x)); }

double interp_scalar(Activation act, double x)
{
    static double (*const functions[ACT_COUNT])(double) = {
#define ACTIVATION(e, name, function, word, gated) [ACT_##e] = scalar_##function,
#include "activations.def"
    };
    return functions[act](x);
}

/* y = f(x), value by value: every row ELEMENTWISE of ops.def */
static void elementwise(const Op *op, const Value *in, Value *out)
{
    Activation act = op_activation(op);
    int64_t n = shape_count(&out->shape);
#pragma omp parallel for if (interp_parallel(n))
    for (int64_t i = 0; i < n; i++)
        out->data[i] = interp_scalar(act, in[0].data[i]);
}

/* ---- one function per op ---- */

/* 1 / sqrt(variance + eps) */
typedef struct {
    double mean, rstd;
} Moments;

/* The moments of group g of batch element b; the channels of x2, if any, follow those of x. The
 * variance comes from the differences to the mean, not from squares. */
static Moments group_moments(const Value *x, const Value *x2, int64_t b, int64_t g,
                             const NormAttr *attr)
{
    int64_t pixels = shape_rows(&x->shape), c1 = shape_channels(&x->shape);
    int64_t c2 = x2->data ? shape_channels(&x2->shape) : 0, size = (c1 + c2) / attr->groups;
    const double *first = interp_row(x, b * pixels),
                 *second = c2 ? interp_row(x2, b * pixels) : NULL;
    double sum = 0, squares = 0, mean = 0;
    for (int pass = 0; pass < 2; pass++) {
        mean = sum / (double)(pixels * size);
        for (int64_t p = 0; p < pixels; p++)
            for (int64_t c = g * size; c < (g + 1) * size; c++) {
                double v = c < c1 ? first[p * c1 + c] : second[p * c2 + c - c1];
                if (pass == 0)
                    sum += v;
                else
                    squares += (v - mean) * (v - mean);
            }
    }
    return (Moments){mean, 1.0 / sqrt(squares / (double)(pixels * size) + attr->eps)};
}

/* x (b,...,c), gamma (c), beta (c) -> (x - mean) / sqrt(variance + eps) * gamma + beta, per batch
 * element and group */
static void interp_group_norm(const Op *op, const Value *in, Value *out)
{
    const Value none = {0};
    int64_t batch = out->shape.dim[0], pixels = shape_rows(&out->shape),
            channels = shape_channels(&out->shape);
    int64_t groups = op->attr.norm.groups, size = channels / groups;
#pragma omp parallel for if (interp_parallel(batch * pixels * channels))
    for (int64_t bg = 0; bg < batch * groups; bg++) {
        int64_t b = bg / groups, g = bg % groups;
        Moments m = group_moments(&in[0], &none, b, g, &op->attr.norm);
        for (int64_t p = 0; p < pixels; p++)
            for (int64_t c = g * size; c < (g + 1) * size; c++) {
                int64_t i = (b * pixels + p) * channels + c;
                out->data[i] = (in[0].data[i] - m.mean) * m.rstd * in[1].data[c] + in[2].data[c];
            }
    }
}

/* x (...,c), gamma (c), beta (c): as group_norm, with the statistics of each row of c values */
static void interp_layer_norm(const Op *op, const Value *in, Value *out)
{
    int64_t channels = shape_channels(&out->shape), rows = shape_count(&out->shape) / channels;
#pragma omp parallel for if (interp_parallel(rows * channels))
    for (int64_t r = 0; r < rows; r++) {
        const double *x = in[0].data + r * channels;
        double mean = 0, variance = 0;
        for (int64_t c = 0; c < channels; c++)
            mean += x[c] / (double)channels;
        for (int64_t c = 0; c < channels; c++)
            variance += (x[c] - mean) * (x[c] - mean) / (double)channels;
        for (int64_t c = 0; c < channels; c++)
            out->data[r * channels + c] =
                (x[c] - mean) / sqrt(variance + op->attr.norm.eps) * in[1].data[c] + in[2].data[c];
    }
}

static void interp_gelu(const Op *op, const Value *in, Value *out) { elementwise(op, in, out); }

/* (...,2c) -> (...,c): first half * gelu(second half) */
static void interp_geglu(const Op *op, const Value *in, Value *out)
{
    Activation act = op_activation(op);
    int64_t channels = shape_channels(&out->shape), rows = shape_count(&out->shape) / channels;
#pragma omp parallel for if (interp_parallel(rows * channels))
    for (int64_t r = 0; r < rows; r++) {
        const double *x = in[0].data + r * 2 * channels, *gate = x + channels;
        for (int64_t c = 0; c < channels; c++)
            out->data[r * channels + c] = x[c] * interp_scalar(act, gate[c]);
    }
}

/* x + y; y has batch b or 1, and is as x or (b,c), the same for all pixels */
static void interp_add(const Op *op, const Value *in, Value *out)
{
    (void)op;
    int64_t batch = out->shape.dim[0], channels = shape_channels(&out->shape);
    int64_t pixels = shape_count(&out->shape) / (batch * channels);
    int64_t y_batch = in[1].shape.dim[0],
            y_pixels = shape_count(&in[1].shape) / (y_batch * channels);
    for (int64_t b = 0; b < batch; b++)
        for (int64_t p = 0; p < pixels; p++)
            for (int64_t c = 0; c < channels; c++) {
                int64_t i = (b * pixels + p) * channels + c;
                int64_t y_row = (y_batch == 1 ? 0 : b) * y_pixels + (y_pixels == 1 ? 0 : p);
                out->data[i] = in[0].data[i] + in[1].data[y_row * channels + c];
            }
}

static void interp_scale(const Op *op, const Value *in, Value *out)
{
    int64_t n = shape_count(&out->shape);
    for (int64_t i = 0; i < n; i++)
        out->data[i] = in[0].data[i] * op->attr.scale.factor + op->attr.scale.shift;
}

/* x (b or 1,...,c1), y (b or 1,...,c2) -> (b,...,c1+c2) */
static void interp_concat(const Op *op, const Value *in, Value *out)
{
    (void)op;
    int64_t c1 = shape_channels(&in[0].shape), c2 = shape_channels(&in[1].shape);
    int64_t rows = shape_count(&out->shape) / (c1 + c2);
    for (int64_t r = 0; r < rows; r++) {
        memcpy(out->data + r * (c1 + c2), interp_row(&in[0], r), (size_t)c1 * sizeof(double));
        memcpy(out->data + r * (c1 + c2) + c1, interp_row(&in[1], r), (size_t)c2 * sizeof(double));
    }
}

/* x (1,...) -> (b,...) */
static void interp_broadcast(const Op *op, const Value *in, Value *out)
{
    int64_t n = shape_count(&in[0].shape);
    for (int64_t b = 0; b < op->attr.broadcast.batch; b++)
        memcpy(out->data + b * n, in[0].data, (size_t)n * sizeof(double));
}

/* x (b,h,w,c) -> (b,2h or 2h-1,2w or 2w-1,c): pixel (y,x) is pixel (y/2,x/2) of the operand */
static void interp_upsample(const Op *op, const Value *in, Value *out)
{
    (void)op;
    int64_t batch = out->shape.dim[0], h = out->shape.dim[1], w = out->shape.dim[2],
            channels = out->shape.dim[3], from_h = in[0].shape.dim[1], from_w = in[0].shape.dim[2];
    for (int64_t b = 0; b < batch; b++)
        for (int64_t y = 0; y < h; y++)
            for (int64_t x = 0; x < w; x++)
                memcpy(out->data + ((b * h + y) * w + x) * channels,
                       in[0].data + ((b * from_h + y / 2) * from_w + x / 2) * channels,
                       (size_t)channels * sizeof(double));
}

/* The same elements in the same order. */
static void interp_reshape(const Op *op, const Value *in, Value *out)
{
    (void)op;
    memcpy(out->data, in[0].data, (size_t)shape_count(&out->shape) * sizeof(double));
}

/* channels begin..end-1 */
static void interp_slice(const Op *op, const Value *in, Value *out)
{
    int64_t channels = shape_channels(&out->shape), from = shape_channels(&in[0].shape);
    int64_t rows = shape_count(&out->shape) / channels;
    for (int64_t r = 0; r < rows; r++)
        memcpy(out->data + r * channels, in[0].data + r * from + op->attr.slice.begin,
               (size_t)channels * sizeof(double));
}

/* ids (b,n), table (v,c) -> (b,n,c): row ids[b,n] of the table */
static void interp_embedding(const Op *op, const Value *in, Value *out)
{
    int64_t n = shape_count(&in[0].shape), vocabulary = in[1].shape.dim[0],
            channels = in[1].shape.dim[1];
    for (int64_t i = 0; i < n; i++) {
        int64_t id = (int64_t)in[0].data[i];
        if (id < 0 || id >= vocabulary)
            err("%s: id %lld at position %lld is outside of the table, expected 0..%lld", op->path,
                (long long)id, (long long)i, (long long)vocabulary - 1);
        memcpy(out->data + i * channels, in[1].data + id * channels,
               (size_t)channels * sizeof(double));
    }
}

/* One head of one batch element. */
typedef struct {
    int64_t b, h;
    const AttnAttr *attr;
} Head;

/* The head's channels of token n of x, whose heads start at channel off. Batch 1 serves all. */
static const double *head_of(const Value *x, int64_t off, const Head *head, int64_t n)
{
    int64_t tokens = shape_rows(&x->shape), channels = shape_channels(&x->shape);
    return x->data + ((x->shape.dim[0] == 1 ? 0 : head->b) * tokens + n) * channels + off +
           head->h * head->attr->head_size;
}

static double dot(const double *x, const double *y, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* scores[j] = q[i] . k[j] * scale for the m keys; -inf for keys after i if causal */
static void score_row(const Value *q, const Value *k, const Head *head, int64_t i, double *scores)
{
    const AttnAttr *attr = head->attr;
    int64_t m = shape_rows(&k->shape);
    for (int64_t j = 0; j < m; j++) {
        double s = dot(head_of(q, attr->q_off, head, i), head_of(k, attr->k_off, head, j),
                       attr->head_size);
        scores[j] = attr->causal && j > i ? -INFINITY : s * attr->scale;
    }
}

/* x[j] = exp(x[j]) / sum of exp(x); the largest is subtracted first, so that nothing overflows */
static void softmax_row(const double *x, int64_t n, double *out)
{
    double largest = -INFINITY, sum = 0;
    for (int64_t j = 0; j < n; j++)
        largest = fmax(largest, x[j]);
    for (int64_t j = 0; j < n; j++)
        sum += out[j] = exp(x[j] - largest);
    for (int64_t j = 0; j < n; j++)
        out[j] /= sum;
}

/* out[0..head_size-1] = sum over j of probabilities[j] * v[j] */
static void average_row(const double *probabilities, const Value *v, const Head *head, double *out)
{
    int64_t m = shape_rows(&v->shape), size = head->attr->head_size;
    memset(out, 0, (size_t)size * sizeof *out);
    for (int64_t j = 0; j < m; j++) {
        const double *value = head_of(v, head->attr->v_off, head, j);
        for (int64_t d = 0; d < size; d++)
            out[d] += probabilities[j] * value[d];
    }
}

/* q (b,n,c), k (b,m,c) -> (b,heads,n,m) */
static void interp_attn_qk(const Op *op, const Value *in, Value *out)
{
    const AttnAttr *attr = &op->attr.attn;
    int64_t heads = out->shape.dim[1], n = out->shape.dim[2], m = out->shape.dim[3];
#pragma omp parallel for if (interp_parallel(shape_count(&out->shape) * attr->head_size))
    for (int64_t row = 0; row < out->shape.dim[0] * heads * n; row++) {
        Head head = {row / n / heads, row / n % heads, attr};
        score_row(&in[0], &in[1], &head, row % n, out->data + row * m);
    }
}

/* over the last axis */
static void interp_softmax(const Op *op, const Value *in, Value *out)
{
    (void)op;
    int64_t m = shape_channels(&out->shape), rows = shape_count(&out->shape) / m;
#pragma omp parallel for if (interp_parallel(rows * m))
    for (int64_t r = 0; r < rows; r++)
        softmax_row(in[0].data + r * m, m, out->data + r * m);
}

/* probabilities (b,heads,n,m), v (b,m,c) -> (b,n,heads*head_size); either may have batch 1 */
static void interp_attn_av(const Op *op, const Value *in, Value *out)
{
    const AttnAttr *attr = &op->attr.attn;
    int64_t heads = in[0].shape.dim[1], n = in[0].shape.dim[2], m = in[0].shape.dim[3];
#pragma omp parallel for if (interp_parallel(shape_count(&out->shape) * m))
    for (int64_t row = 0; row < out->shape.dim[0] * n * heads; row++) {
        Head head = {row / heads / n, row % heads, attr};
        int64_t i = row / heads % n;
        int64_t from = ((in[0].shape.dim[0] == 1 ? 0 : head.b) * heads + head.h) * n + i;
        average_row(in[0].data + from * m, &in[1], &head, out->data + row * attr->head_size);
    }
}

/* x (b,...,c1), gamma (c), beta (c), [x2 (b,...,c2), c = c1+c2] -> (b,2,c): factors a, then
 * summands d, with group_norm(concat(x, x2)) = a * concat(x, x2) + d */
static void interp_group_scale(const Op *op, const Value *in, Value *out)
{
    int64_t batch = out->shape.dim[0], channels = out->shape.dim[2];
    int64_t groups = op->attr.norm.groups, size = channels / groups;
#pragma omp parallel for if (interp_parallel(shape_count(&in[0].shape)))
    for (int64_t bg = 0; bg < batch * groups; bg++) {
        int64_t b = bg / groups, g = bg % groups;
        double *a = out->data + b * 2 * channels, *d = a + channels;
        Moments m = group_moments(&in[0], &in[3], b, g, &op->attr.norm);
        for (int64_t c = g * size; c < (g + 1) * size; c++) {
            a[c] = in[1].data[c] * m.rstd;
            d[c] = in[2].data[c] - m.mean * a[c];
        }
    }
}

/* q (b,n,..), k (b,m,..), v (b,m,..) -> (b,n,heads*head_size): attn_av(softmax(attn_qk(q, k)), v)
 */
static void interp_attention(const Op *op, const Value *in, Value *out)
{
    const AttnAttr *attr = &op->attr.attn;
    int64_t n = shape_rows(&out->shape), m = shape_rows(&in[1].shape), heads = attr->heads;
    Value q = in[0], k = in[1];
    if (attr->quant) {
        q.data = interp_quant_heads(&in[0], attr, attr->q_off, false);
        k.data = interp_quant_heads(&in[1], attr, attr->k_off, true);
    }
#pragma omp parallel for if (interp_parallel(shape_count(&out->shape) * m))
    for (int64_t row = 0; row < out->shape.dim[0] * n * heads; row++) {
        Head head = {row / heads / n, row % heads, attr};
        double *scores = xmalloc((size_t)m * sizeof *scores);
        score_row(&q, &k, &head, row / heads % n, scores);
        softmax_row(scores, m, scores);
        average_row(scores, &in[2], &head, out->data + row * attr->head_size);
        free(scores);
    }
    if (attr->quant) {
        free(q.data);
        free(k.data);
    }
}

InterpOp *const interp_ops[OP_COUNT] = {
#define OP(e, name, ...) [OP_##e] = interp_##name,
#define ELEMENTWISE(e, name, formula) [OP_##e] = elementwise,
#include "ops.def"
};
