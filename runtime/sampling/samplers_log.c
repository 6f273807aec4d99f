/* Samplers that work in lambda = log(sqrt(a) / sqrt(1 - a)) = -log sigma, half the logarithm of the
 * signal-to-noise ratio, where the linear part of the equation has an exact solution: dpm++2m (Lu
 * et al., "DPM-Solver++", 2022) and unipc (Zhao et al., "UniPC", 2023). Both have order 2 and
 * interpolate x0. What the papers call alpha = sqrt(a) and sigma = sqrt(1 - a) is `picture` and
 * `rest` here. */
#include <stdlib.h>

#include "sampler_steps.h"
#include "spacing.h"

typedef struct {
    double picture, rest, lambda;
} Point;

/* picture = 1 / sqrt(1 + sigma^2) for any sigma; lambda is infinite at sigma 0. */
static Point point_of(lrt_level l)
{
    double picture = 1 / sqrt(1 + l.sigma * l.sigma);
    return (Point){picture, l.sigma * picture, -log(l.sigma)};
}

static Point at_call(const lrt_sampling *s, int k)
{
    return point_of(lrt_level_of_point(&s->point[k]));
}

/* The steps end above the end of the spacing. Karras' sigmas span all of training, and their
 * timesteps are rounded. */
static bool plan_logs(lrt_sampling *s, bool noise, lrt_error *e)
{
    const lrt_schedule *c = s->schedule;
    double *t = lrt_timesteps(s, true, true, e),
           *sigma = t ? calloc((size_t)s->steps + 1, sizeof *sigma) : NULL;
    bool ok = sigma || (t && lrt_fail(e, "out of memory"));
    for (int i = 0; ok && i < s->steps; i++)
        sigma[i] = lrt_schedule_sigma(c, (int)t[i]);
    if (ok && s->config.karras)
        lrt_karras(lrt_schedule_sigma(c, c->train_steps - 1), lrt_schedule_sigma(c, 0), s->steps,
                   sigma);
    if (ok)
        sigma[s->steps] = s->config.final_sigma_least ? lrt_schedule_sigma(c, 0) : 0;
    for (int i = s->first; ok && i < s->steps; i++) {
        lrt_level from = lrt_level_of_sigma(sigma[i]), to = lrt_level_of_sigma(sigma[i + 1]);
        double timestep = s->config.karras ? rint(lrt_schedule_time(c, sigma[i])) : t[i];
        s->point[s->calls++] = (lrt_point){timestep, from.a, from.sigma, from, to, i, noise};
    }
    if (ok) {
        lrt_level end = lrt_level_of_sigma(sigma[s->steps]);
        s->point[s->calls] = (lrt_point){0, end.a, end.sigma, end, end, s->steps, false};
    }
    free(t);
    free(sigma);
    return ok;
}

bool lrt_plan_dpm(lrt_sampling *s, lrt_error *e) { return plan_logs(s, false, e); }

bool lrt_plan_dpm_sde(lrt_sampling *s, lrt_error *e) { return plan_logs(s, true, e); }

/* Whether call k must not use earlier estimates: at the first call, in the last step of a short
 * run, and in a step to sigma 0, where lambda is infinite. */
static bool alone(const lrt_sampling *s, int k)
{
    bool last = s->point[k].step + 1 == s->steps,
         brief = s->steps < 15 && !s->config.full_order_last;
    return k == 0 || (last && (brief || s->point[k].to.sigma == 0));
}

/* Extrapolates x0 over the step: s->out = x0 + (x0 - previous x0) / (2 r), where r is the ratio of
 * the last step to this one. history[0]: the previous x0. */
static void extrapolate(lrt_sampling *s, int k, double h)
{
    double *before = s->history[0], factor = 0;
    if (!alone(s, k))
        factor = 0.5 * h / (at_call(s, k).lambda - at_call(s, k - 1).lambda);
    for (int64_t i = 0; i < s->n; i++) {
        s->out[i] = s->x0[i] + (factor != 0 ? factor * (s->x0[i] - before[i]) : 0);
        before[i] = s->x0[i];
    }
}

/* dpm++2m in its midpoint form. */
void lrt_step_dpm(lrt_sampling *s, int k)
{
    Point from = at_call(s, k), to = point_of(s->point[k].to);
    double h = to.lambda - from.lambda, keep = to.rest / from.rest, gain = -to.picture * expm1(-h);
    extrapolate(s, k, h);
    for (int64_t i = 0; i < s->n; i++)
        s->x[i] = keep * s->x[i] + gain * s->out[i];
}

/* The same for the stochastic equation. */
void lrt_step_dpm_sde(lrt_sampling *s, int k)
{
    Point from = at_call(s, k), to = point_of(s->point[k].to);
    double h = to.lambda - from.lambda, keep = to.rest / from.rest * exp(-h),
           gain = -to.picture * expm1(-2 * h);
    double fresh = to.rest * sqrt(-expm1(-2 * h));
    extrapolate(s, k, h);
    for (int64_t i = 0; i < s->n; i++)
        s->x[i] = keep * s->x[i] + gain * s->out[i] + fresh * s->noise[i];
}

/* ---- unipc, the variant with B(h) = e^h - 1 ---- */

/* Order of the step of call k: 2 when there are two estimates, except at the end. */
static int order_of(const lrt_sampling *s, int k)
{
    bool last = s->point[k].step + 1 == s->steps;
    return k == 0 || (last && (!s->config.full_order_last || s->point[k].to.sigma == 0)) ? 1 : 2;
}

/* Repeats the step to call k with the estimate at call k. history 0 and 1: the earlier estimates,
 * newest first; 2: the corrected x at call k - 1. */
static void correct(lrt_sampling *s, int k)
{
    Point from = at_call(s, k - 1), to = at_call(s, k);
    double hh = from.lambda - to.lambda, grown = expm1(hh), keep = to.rest / from.rest, older = 0;
    double phi = grown / hh - 1, b0 = phi / grown, b1 = (phi / hh - 0.5) * 2 / grown, newer = 0.5;
    if (order_of(s, k - 1) == 2) {
        double r = (at_call(s, k - 2).lambda - from.lambda) / -hh;
        older = (b0 - b1) / (1 - r);
        newer = b0 - older;
        older /= r;
    }
    for (int64_t i = 0; i < s->n; i++) {
        double m = s->history[0][i],
               change = newer * (s->x0[i] - m) + (older != 0 ? older * (s->history[1][i] - m) : 0);
        s->x[i] = keep * s->history[2][i] - to.picture * grown * (m + change);
    }
}

/* The estimate at call k first corrects the step to call k. The next step then starts from the
 * corrected x. */
void lrt_step_unipc(lrt_sampling *s, int k)
{
    if (k > 0)
        correct(s, k);
    double *oldest = s->history[1];
    s->history[1] = s->history[0];
    s->history[0] = oldest;
    Point from = at_call(s, k), to = point_of(s->point[k].to);
    double hh = from.lambda - to.lambda, grown = expm1(hh), keep = to.rest / from.rest, factor = 0;
    if (order_of(s, k) == 2)
        factor = 0.5 * -hh / (at_call(s, k - 1).lambda - from.lambda);
    for (int64_t i = 0; i < s->n; i++) {
        double m = s->x0[i];
        s->history[0][i] = m;
        s->history[2][i] = s->x[i];
        double d = factor != 0 ? factor * (s->history[1][i] - m) : 0;
        s->x[i] = keep * s->x[i] - to.picture * grown * (m + d);
    }
}
