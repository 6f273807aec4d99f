/* See guidance.h. */
#include "guidance.h"

#include <math.h>

bool lrt_guides(double scale) { return scale > 1; }

/* A share of n steps as a whole number of them. */
static int whole_steps(double share, int n) { return (int)floor(share * n + 0.5); }

bool lrt_guides_step(const lrt_guidance *g, int i, int n)
{
    return i >= whole_steps(g->start, n) && i < whole_steps(g->stop, n);
}

bool lrt_guides_any(const lrt_guidance *g, int n)
{
    return lrt_guides(g->scale) && whole_steps(g->start, n) < whole_steps(g->stop, n);
}

void lrt_guide(int64_t n, double scale, const float *without, const float *with, float *noise)
{
    for (int64_t i = 0; i < n; i++)
        noise[i] = (float)(without[i] + scale * ((double)with[i] - without[i]));
}

static double deviation_of(int64_t n, const float *x)
{
    double mean = 0, sum = 0;
    for (int64_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (int64_t i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (double)(n - 1));
}

void lrt_guidance_embedding(double scale, float *out, int width)
{
    int half = width / 2;
    float w = (float)(scale - 1) * 1000.0f, rate = (float)log(10000.0) / (float)(half - 1);
    for (int j = 0; j < half; j++) {
        float f = j ? (float)exp((float)j * -rate) : 1, angle = w * f;
        out[j] = (float)sin(angle);
        out[half + j] = (float)cos(angle);
    }
    if (width % 2)
        out[width - 1] = 0;
}

void lrt_guide_rescale(int64_t n, double phi, const float *with, float *guided)
{
    double factor = 1 - phi + phi * deviation_of(n, with) / deviation_of(n, guided);
    for (int64_t i = 0; i < n; i++)
        guided[i] = (float)(guided[i] * factor);
}
