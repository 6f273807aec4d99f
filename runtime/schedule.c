/* The noise schedule of training and the embedding of a timestep. See sampler.h. */
#include <math.h>
#include <stdlib.h>

#include "sampler.h"

bool lrt_schedule_init(lrt_schedule *s, int train_steps, double beta_start, double beta_end, bool scaled)
{
    s->train_steps = train_steps;
    s->alpha_bar = malloc((size_t)train_steps * sizeof *s->alpha_bar);
    if (!s->alpha_bar)
        return false;
    double first = scaled ? sqrt(beta_start) : beta_start, last = scaled ? sqrt(beta_end) : beta_end;
    double step = train_steps > 1 ? (last - first) / (train_steps - 1) : 0, product = 1;
    for (int i = 0; i < train_steps; i++) {
        double v = i == train_steps - 1 && i > 0 ? last : first + i * step;
        product *= 1 - (scaled ? v * v : v);
        s->alpha_bar[i] = (float)product;
    }
    return true;
}

void lrt_schedule_free(lrt_schedule *s)
{
    free(s->alpha_bar);
    s->alpha_bar = NULL;
}

double lrt_schedule_sigma(const lrt_schedule *s, int t)
{
    double a = s->alpha_bar[t];
    return sqrt((1 - a) / a);
}

double lrt_schedule_time(const lrt_schedule *s, double sigma)
{
    int lo = 0, hi = s->train_steps - 1;
    if (sigma <= lrt_schedule_sigma(s, lo) * (1 + 1e-12)) /* rounding on the way there gives no timestep of its own */
        return lo;
    if (sigma >= lrt_schedule_sigma(s, hi))
        return hi;
    while (hi - lo > 1) {
        int mid = (lo + hi) / 2;
        if (lrt_schedule_sigma(s, mid) <= sigma)
            lo = mid;
        else
            hi = mid;
    }
    double below = log(lrt_schedule_sigma(s, lo)), above = log(lrt_schedule_sigma(s, hi));
    return above > below ? lo + (log(sigma) - below) / (above - below) : lo;
}

void lrt_timestep_embedding(double t, float *out, int width)
{
    int half = width / 2;
    for (int j = 0; j < half; j++) {
        double f = exp(-log(10000.0) * j / half);
        out[j] = (float)cos(t * f);
        out[half + j] = (float)sin(t * f);
    }
}
