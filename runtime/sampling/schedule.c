/* See schedule.h. */
#include "schedule.h"

#include <math.h>
#include <stdlib.h>

/* Zero terminal SNR (Lin et al., 2023, algorithm 1): sqrt(a) is shifted so that the last one is 0,
 * and scaled so that the first one stays. */
static double rescaled(double a, double first, double last)
{
    double root = (sqrt(a) - sqrt(last)) * sqrt(first) / (sqrt(first) - sqrt(last));
    return root * root;
}

/* 1 - beta of timestep i (Nichol and Dhariwal, "Improved denoising diffusion probabilistic models",
 * 2021, equation 17); beta is at most 0.999. */
static double cosine_alpha(int i, int n)
{
    const double half_pi = 1.57079632679489661923;
    double from = cos(((double)i / n + 0.008) / 1.008 * half_pi),
           to = cos(((double)(i + 1) / n + 0.008) / 1.008 * half_pi);
    double beta = 1 - to * to / (from * from);
    return 1 - (beta < 0.999 ? beta : 0.999);
}

/* Adds the schedule without zero_snr. */
static bool add_plain(lrt_schedule *s, const lrt_schedule_config *c)
{
    lrt_schedule_config plain = *c;
    plain.zero_snr = 0;
    s->plain = malloc(sizeof *s->plain);
    if (s->plain && lrt_schedule_init(s->plain, &plain))
        return true;
    free(s->plain);
    s->plain = NULL;
    return false;
}

bool lrt_schedule_init(lrt_schedule *s, const lrt_schedule_config *c)
{
    int n = s->train_steps = c->train_steps;
    bool scaled = c->beta_schedule == LRT_BETAS_SCALED_LINEAR,
         cosine = c->beta_schedule == LRT_BETAS_COSINE;
    double *a = malloc((size_t)n * sizeof *a);
    s->plain = NULL;
    s->alpha_bar = malloc((size_t)n * sizeof *s->alpha_bar);
    if (!a || !s->alpha_bar || (c->zero_snr && !add_plain(s, c))) {
        free(a);
        lrt_schedule_free(s);
        return false;
    }
    double first = scaled ? sqrt(c->beta_start) : c->beta_start,
           last = scaled ? sqrt(c->beta_end) : c->beta_end;
    double step = n > 1 ? (last - first) / (n - 1) : 0, product = 1;
    for (int i = 0; i < n; i++) {
        double v = i == n - 1 && i > 0 ? last : first + i * step;
        product *= cosine ? cosine_alpha(i, n) : 1 - (scaled ? v * v : v);
        a[i] = product;
    }
    for (int i = 0; i < n; i++)
        s->alpha_bar[i] = (float)(c->zero_snr ? rescaled(a[i], a[0], a[n - 1]) : a[i]);
    free(a);
    return true;
}

void lrt_schedule_free(lrt_schedule *s)
{
    free(s->alpha_bar);
    s->alpha_bar = NULL;
    if (s->plain)
        lrt_schedule_free(s->plain);
    free(s->plain);
    s->plain = NULL;
}

double lrt_schedule_alpha(const lrt_schedule *s, int t)
{
    return s->alpha_bar[t] > 0 ? s->alpha_bar[t] : 0x1p-24;
}

double lrt_schedule_sigma(const lrt_schedule *s, int t)
{
    double a = lrt_schedule_alpha(s, t);
    return sqrt((1 - a) / a);
}

double lrt_schedule_sigma_at(const lrt_schedule *s, double t)
{
    int last = s->train_steps - 1, below = t <= 0 ? 0 : t >= last ? last : (int)t;
    double part = t - below, sigma = lrt_schedule_sigma(s, below);
    return below < last && part > 0 ? sigma + part * (lrt_schedule_sigma(s, below + 1) - sigma)
                                    : sigma;
}

double lrt_schedule_time(const lrt_schedule *s, double sigma)
{
    int lo = 0, hi = s->train_steps - 1;
    if (sigma <= lrt_schedule_sigma(s, lo) *
                     (1 + 1e-12)) /* rounding on the way there gives no timestep of its own */
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
