/* The samplers: one row and one step function each. See sampler.h for the units. */
#include "sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double sigma_of(double a)
{
    return sqrt((1 - a) / a);
}

/* Timesteps of the training schedule, evenly spaced, from noise to picture. linspace (keras-cv): 0 .. T-1, both ends
 * included; the spacing is rounded to double before it is multiplied, which decides ties. leading (diffusers):
 * multiples of T / steps. */
static bool plan_timesteps(lrt_sampling *s, lrt_error *e)
{
    int train = s->schedule->train_steps, n = s->steps;
    (void)e;
    for (int i = 0; i < n; i++) {
        double spacing = n > 1 ? (double)(train - 1) / (n - 1) : 0;
        double t = s->spacing == LRT_SPACING_LEADING ? (double)i * (train / n) : rint(i * spacing);
        double a = s->schedule->alpha_bar[(int)t];
        s->point[n - 1 - i] = (lrt_point){t, a, sigma_of(a)};
    }
    s->point[n] = (lrt_point){0, s->final_alpha, sigma_of(s->final_alpha)};
    return true;
}

/* x0 and noise are put together again with less noise. */
static void ddim_step(const lrt_sampling *s, int k, int64_t n, float *x, const float *x0, const float *noise)
{
    double a = s->point[k + 1].a, picture = sqrt(a), rest = sqrt(1 - a);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(picture * x0[i] + rest * noise[i]);
}

/* sigma shrinks by the same factor every step; the last step goes to the estimate itself. */
static bool plan_relax(lrt_sampling *s, lrt_error *e)
{
    const lrt_schedule *c = s->schedule;
    double sigma = lrt_schedule_sigma(c, c->train_steps - 1), least = lrt_schedule_sigma(c, 0);
    double alpha = s->alpha;
    if (isnan(alpha))
        alpha = s->steps > 1 ? 1 - pow(least / sigma, 1.0 / (s->steps - 1)) : 1;
    if (!(alpha > 0 && alpha <= 1))
        return lrt_fail(e, "alpha must be above 0 and at most 1, found %g", alpha);
    for (int k = 0; k < s->steps; k++) {
        s->point[k] = (lrt_point){lrt_schedule_time(c, sigma), 1 / (1 + sigma * sigma), sigma};
        sigma *= 1 - alpha;
    }
    s->point[s->steps] = (lrt_point){0, 1, 0};
    return true;
}

/* The equation itself: I(t+1) = I(t) - alpha (I(t) - desired state). */
static void relax_step(const lrt_sampling *s, int k, int64_t n, float *x, const float *x0, const float *noise)
{
    (void)noise;
    double alpha = lrt_sampling_alpha(s, k), to_y = 1 / sqrt(s->point[k].a), to_x = sqrt(s->point[k + 1].a);
    for (int64_t i = 0; i < n; i++) {
        double y = x[i] * to_y;
        y -= alpha * (y - x0[i]);
        x[i] = (float)(y * to_x);
    }
}

const lrt_sampler lrt_samplers[] = {
    {"ddim", "evenly spaced timesteps; each step removes the share of noise that the training schedule says", false,
     plan_timesteps, ddim_step},
    {"relax",
     "I <- I - alpha (I - estimate of the finished picture), the same alpha every step (--alpha), 1 in the last",
     true, plan_relax, relax_step},
};
const int lrt_sampler_count = sizeof lrt_samplers / sizeof *lrt_samplers;

const lrt_sampler *lrt_sampler_find(const char *name)
{
    for (int i = 0; i < lrt_sampler_count; i++)
        if (!strcmp(lrt_samplers[i].name, name))
            return &lrt_samplers[i];
    return NULL;
}

bool lrt_sampling_plan(lrt_sampling *s, lrt_error *e)
{
    if (s->steps < 1 || s->steps > s->schedule->train_steps)
        return lrt_fail(e, "steps: expected 1 to %d (the timesteps of training), found %d", s->schedule->train_steps,
                        s->steps);
    s->point = malloc((size_t)(s->steps + 1) * sizeof *s->point);
    if (!s->point)
        return lrt_fail(e, "out of memory");
    if (s->sampler->plan(s, e))
        return true;
    lrt_sampling_free(s);
    return false;
}

void lrt_sampling_free(lrt_sampling *s)
{
    free(s->point);
    s->point = NULL;
}

void lrt_guide(int64_t n, double scale, const float *without, const float *with, float *noise)
{
    for (int64_t i = 0; i < n; i++)
        noise[i] = (float)(without[i] + scale * ((double)with[i] - without[i]));
}

void lrt_sampling_estimate(const lrt_sampling *s, int k, int64_t n, const float *x, const float *noise, float *x0)
{
    double a = s->point[k].a, rest = sqrt(1 - a), scale = 1 / sqrt(a);
    for (int64_t i = 0; i < n; i++) {
        double v = (x[i] - rest * noise[i]) * scale;
        if (s->clip > 0)
            v = v > s->clip ? s->clip : v < -s->clip ? -s->clip : v;
        x0[i] = (float)v;
    }
}

double lrt_sampling_alpha(const lrt_sampling *s, int k)
{
    return s->point[k].sigma > 0 ? 1 - s->point[k + 1].sigma / s->point[k].sigma : 1;
}

double lrt_sampling_deviation(const lrt_sampling *s, int k, int64_t n, const float *x, const float *x0)
{
    double to_y = 1 / sqrt(s->point[k].a), sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = x[i] * to_y - x0[i];
        sum += d * d;
    }
    return sqrt(sum / (double)n);
}
