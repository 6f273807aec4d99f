/* See sampler.h. */
#include "sampler.h"

#include <math.h>
#include <stdlib.h>

/* Samplers with a second call make two per step, pndm_prk four in the first three steps. */
static size_t most_calls(int steps) { return 2 * (size_t)steps + 16; }

static bool thresholds(const lrt_sampling *s)
{
    return s->config.threshold_ratio > 0 && s->sampler->traits & LRT_THRESHOLDS;
}

static bool allocate(lrt_sampling *s)
{
    double **state[] = {&s->x, &s->out, &s->x0, &s->eps};
    bool ok = (s->noise = calloc(2 * (size_t)s->n, sizeof *s->noise)) &&
              (s->point = calloc(most_calls(s->steps) + 1, sizeof *s->point));
    for (size_t i = 0; i < sizeof state / sizeof *state; i++)
        ok = ok && (*state[i] = calloc((size_t)s->n, sizeof(double)));
    for (int i = 0; i < s->sampler->history; i++)
        ok = ok && (s->history[i] = calloc((size_t)s->n, sizeof(double)));
    if (thresholds(s))
        ok = ok && (s->sorted = calloc((size_t)s->n, sizeof(double)));
    return ok;
}

bool lrt_sampling_plan(lrt_sampling *s, lrt_error *e)
{
    int most = s->schedule->train_steps;
    if (s->steps < 1 || s->steps > most)
        return lrt_fail(e, "steps: expected 1 to %d (the timesteps of training), found %d", most,
                        s->steps);
    if (!(s->eta >= 0 && s->eta <= 1))
        return lrt_fail(e, "eta: expected 0 to 1, found %g", s->eta);
    if (s->config.zero_snr && s->config.prediction == LRT_PREDICT_EPSILON)
        return lrt_fail(
            e,
            "prediction: this model's steps start from pure noise, where epsilon carries no information: expected v");
    if (s->config.spacing == LRT_SPACING_SAMPLER || !(s->sampler->traits & LRT_TAKES_SPACING))
        s->config.spacing = s->sampler->spacing;
    if (s->schedule->plain && s->sampler->traits & LRT_PLAIN_BETAS)
        s->schedule = s->schedule->plain;
    s->start = 1;
    s->calls = 0;
    if ((allocate(s) || lrt_fail(e, "out of memory")) && s->sampler->plan(s, e))
        return true;
    lrt_sampling_free(s);
    return false;
}

void lrt_sampling_free(lrt_sampling *s)
{
    double **state[] = {&s->x, &s->out, &s->x0, &s->eps, &s->sorted};
    for (size_t i = 0; i < sizeof state / sizeof *state; i++) {
        free(*state[i]);
        *state[i] = NULL;
    }
    for (size_t i = 0; i < sizeof s->history / sizeof *s->history; i++) {
        free(s->history[i]);
        s->history[i] = NULL;
    }
    free(s->noise);
    free(s->point);
    s->noise = NULL;
    s->point = NULL;
}

void lrt_sampling_set(lrt_sampling *s, const float *x)
{
    for (int64_t i = 0; i < s->n; i++)
        s->x[i] = x[i];
}

void lrt_sampling_get(const lrt_sampling *s, float *x)
{
    for (int64_t i = 0; i < s->n; i++)
        x[i] = (float)s->x[i];
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Dynamic thresholding (Saharia et al., "Photorealistic text-to-image diffusion models", 2022,
 * section 2.3): x0 is clipped to a quantile of its absolute values, but at least 1 and at most
 * threshold_most, and divided by it. The quantile is interpolated linearly, as torch.quantile does.
 */
static void threshold(lrt_sampling *s)
{
    for (int64_t i = 0; i < s->n; i++)
        s->sorted[i] = fabs(s->x0[i]);
    qsort(s->sorted, (size_t)s->n, sizeof *s->sorted, ascending);
    double at = s->config.threshold_ratio * (double)(s->n - 1);
    int64_t below = (int64_t)at, above = below + 1 < s->n ? below + 1 : below;
    double limit = s->sorted[below] + (at - (double)below) * (s->sorted[above] - s->sorted[below]);
    limit = fmin(fmax(limit, 1), s->config.threshold_most);
    for (int64_t i = 0; i < s->n; i++)
        s->x0[i] = fmin(fmax(s->x0[i], -limit), limit) / limit;
}

static double clip_of(const lrt_sampling *s)
{
    if (thresholds(s))
        return 0;
    if (s->config.clip == LRT_CLIP_SAMPLER)
        return s->sampler->traits & LRT_CLIPS_ITSELF ? 1 : 0;
    return s->sampler->traits & LRT_CLIPS ? s->config.clip : 0;
}

void lrt_sampling_answer(lrt_sampling *s, int k, const float *answer)
{
    double a = s->point[k].a, rest = sqrt(1 - a), picture = sqrt(a), scale = 1 / picture,
           clip = clip_of(s);
    bool v = s->config.prediction == LRT_PREDICT_V, single = s->sampler->traits & LRT_SINGLE;
    for (int64_t i = 0; i < s->n; i++) {
        double m = answer[i], x0 = v ? picture * s->x[i] - rest * m : (s->x[i] - rest * m) * scale;
        double eps = v ? picture * m + rest * s->x[i] : m;
        if (clip > 0)
            x0 = x0 > clip ? clip : x0 < -clip ? -clip : x0;
        s->out[i] = m;
        s->x0[i] = single ? (float)x0 : x0;
        s->eps[i] = single ? (float)eps : eps;
    }
    if (thresholds(s))
        threshold(s);
}

void lrt_sampling_move(lrt_sampling *s, int k, lrt_noise *noise)
{
    if (s->point[k].noise)
        lrt_noise_latent(noise, s->noise, s->n);
    s->sampler->step(s, k);
    for (int64_t i = 0; s->sampler->traits & LRT_SINGLE && i < s->n; i++)
        s->x[i] = (float)s->x[i];
}

bool lrt_sampling_begins(const lrt_sampling *s, int k)
{
    return k == 0 || s->point[k].step != s->point[k - 1].step;
}

bool lrt_sampling_full(const lrt_sampling *s, int k)
{
    int last = 0;
    for (int i = 1; i <= k && s->cache_interval > 1; i++)
        if (lrt_sampling_begins(s, i) && i - last >= s->cache_interval)
            last = i;
    return s->cache_interval <= 1 || last == k;
}

double lrt_sampling_alpha(const lrt_sampling *s, int k)
{
    int last = k;
    while (last + 1 < s->calls && s->point[last + 1].step == s->point[k].step)
        last++;
    return s->point[k].sigma > 0 ? 1 - s->point[last].to.sigma / s->point[k].sigma : 1;
}

double lrt_sampling_deviation(const lrt_sampling *s, int k)
{
    double a = s->point[k].a, to_y = 1 / sqrt(a > 0x1p-24 ? a : 0x1p-24), sum = 0;
    for (int64_t i = 0; i < s->n; i++) {
        double d = s->x[i] * to_y - s->x0[i];
        sum += d * d;
    }
    return sqrt(sum / (double)s->n);
}
