/* See resize.h. */
#include "resize.h"

#include <math.h>
#include <stdlib.h>

/* One direction: output i is the sum over k < count[i] of weight[i * taps + k] * input[first[i] +
 * k]. */
typedef struct {
    int64_t *first, *count, taps;
    float *weight;
} Axis;

struct lrt_resize {
    int64_t in_width, row;                     /* row: rows of the input so far */
    int64_t begin, end;                        /* the columns that the result needs */
    int out_width, out_height, channels, done; /* done: complete rows of the result */
    Axis x, y;
    /* (out_height): columns begin to end of an incomplete row, scaled vertically; NULL for others
     */
    float **sum;
    /* A row of the input, as floats. */
    float *line;
};

enum { LOBES = 3 };

static double lanczos(double x)
{
    const double pi = 3.14159265358979323846;
    if (fabs(x) >= LOBES)
        return 0;
    return x == 0 ? 1 : LOBES * sin(pi * x) * sin(pi * x / LOBES) / (pi * pi * x * x);
}

/* Plans `out` values from the middle scale * out of the `in` values. The weights of a value add up
 * to 1, also at the edges. */
static bool plan(Axis *a, int64_t in, int out, double scale)
{
    double widen = scale > 1 ? scale : 1, reach = LOBES * widen,
           offset = ((double)in - scale * out) / 2;
    a->taps = (int64_t)(2 * reach) + 2;
    if (a->taps > in)
        a->taps = in;
    a->first = calloc((size_t)out, sizeof *a->first);
    a->count = calloc((size_t)out, sizeof *a->count);
    a->weight = calloc((size_t)(out * a->taps), sizeof *a->weight);
    if (!a->first || !a->count || !a->weight)
        return false;
    for (int i = 0; i < out; i++) {
        double center = offset + (i + 0.5) * scale, sum = 0;
        int64_t begin = (int64_t)floor(center - reach + 0.5),
                end = (int64_t)floor(center + reach + 0.5);
        begin = begin < 0 ? 0 : begin;
        end = end > in ? in : end;
        end = end > begin + a->taps ? begin + a->taps : end;
        for (int64_t k = begin; k < end; k++)
            sum += lanczos(((double)k + 0.5 - center) / widen);
        for (int64_t k = begin; k < end; k++)
            a->weight[i * a->taps + k - begin] =
                (float)(lanczos(((double)k + 0.5 - center) / widen) / sum);
        a->first[i] = begin;
        a->count[i] = end - begin;
    }
    return true;
}

lrt_resize *lrt_resize_new(int64_t in_width, int64_t in_height, int out_width, int out_height,
                           int channels)
{
    lrt_resize *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    double x = (double)in_width / out_width, y = (double)in_height / out_height,
           scale = x < y ? x : y;
    *r = (lrt_resize){.in_width = in_width,
                      .out_width = out_width,
                      .out_height = out_height,
                      .channels = channels};
    if (!plan(&r->x, in_width, out_width, scale) || !plan(&r->y, in_height, out_height, scale)) {
        lrt_resize_free(r);
        return NULL;
    }
    r->begin = r->x.first[0];
    r->end = r->x.first[out_width - 1] + r->x.count[out_width - 1];
    r->line = malloc((size_t)((r->end - r->begin) * channels) * sizeof *r->line);
    r->sum = calloc((size_t)out_height, sizeof *r->sum);
    if (!r->line || !r->sum) {
        lrt_resize_free(r);
        return NULL;
    }
    return r;
}

void lrt_resize_free(lrt_resize *r)
{
    if (!r)
        return;
    Axis *axes[] = {&r->x, &r->y};
    for (int i = 0; i < 2; i++) {
        free(axes[i]->first);
        free(axes[i]->count);
        free(axes[i]->weight);
    }
    for (int i = 0; i < r->out_height && r->sum; i++)
        free(r->sum[i]);
    free(r->sum);
    free(r->line);
    free(r);
}

/* Scales a row that is complete vertically in the other direction, and rounds it. */
static void finish(lrt_resize *r, const float *sum, uint8_t *out)
{
    int channels = r->channels;
    for (int i = 0; i < r->out_width; i++) {
        const float *weight = r->x.weight + i * r->x.taps,
                    *in = sum + (r->x.first[i] - r->begin) * channels;
        for (int c = 0; c < channels; c++) {
            float v = 0.5f;
            for (int64_t k = 0; k < r->x.count[i]; k++)
                v += weight[k] * in[k * channels + c];
            out[i * channels + c] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
    }
}

bool lrt_resize_row(lrt_resize *r, const uint8_t *row, uint8_t *out)
{
    int64_t n = (r->end - r->begin) * r->channels, y = r->row++;
    const uint8_t *in = row + r->begin * r->channels;
    float *line = r->line;
    if (r->done == r->out_height || y < r->y.first[r->done])
        return true;
    for (int64_t i = 0; i < n; i++)
        line[i] = in[i];
    for (int k = r->done; k < r->out_height && r->y.first[k] <= y; k++) {
        float weight = r->y.weight[k * r->y.taps + y - r->y.first[k]], *sum = r->sum[k];
        if (!sum && !(sum = r->sum[k] = calloc((size_t)n, sizeof *sum)))
            return false;
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            sum[i] += weight * line[i];
    }
    for (; r->done < r->out_height && y == r->y.first[r->done] + r->y.count[r->done] - 1;
         r->done++) {
        finish(r, r->sum[r->done], out + (int64_t)r->done * r->out_width * r->channels);
        free(r->sum[r->done]);
        r->sum[r->done] = NULL;
    }
    return true;
}
