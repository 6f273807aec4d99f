/* See spacing.h. */
#include "spacing.h"
#include "samplers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* From the last timestep of training to the first, evenly. The stride is rounded to double before
 * it is multiplied; this decides ties when the result is rounded. It is the rule of keras-cv, and
 * of NumPy's linspace, which diffusers uses. */
static void linspace(int train, int n, int offset, double *t)
{
    double stride = n > 1 ? (double)(train - 1) / (n - 1) : 0;
    (void)offset;
    for (int i = 0; i < n; i++)
        t[n - 1 - i] = i * stride;
}

/* Multiples of train / n, rounded down, from 0. A model that was never trained at timestep 0 needs
 * an offset of 1. */
static void leading(int train, int n, int offset, double *t)
{
    for (int i = 0; i < n; i++)
        t[n - 1 - i] = (double)i * (train / n) + offset;
}

/* Down from the last timestep. NumPy's arange, which diffusers uses, takes the difference of its
 * first two values as the stride. For some n (61, 103, ... of 1000) train / (train / n) rounds to
 * more than n, and arange gives one more value, -1; it is dropped here. */
static void trailing(int train, int n, int offset, double *t)
{
    double second = train - (double)train / n, stride = second - train;
    (void)offset;
    for (int i = 0; i < n; i++)
        t[i] = rint(train + i * stride) - 1;
}

/* From the last timestep on, n + 1 even steps to timestep 0, which is left out: as the samplers of
 * Stability AI's generative-models space them. */
static void sgm_uniform(int train, int n, int offset, double *t)
{
    (void)offset;
    for (int i = 0; i < n; i++)
        t[i] = (train - 1) * (1 - (double)i / n);
}

/* Every (train / n)th timestep, rounded, down from the last one. In float, as in
 * stable-diffusion.cpp; where i * train / n is whole, this may be one timestep above the rule in
 * double. */
static void simple(int train, int n, int offset, double *t)
{
    (void)offset;
    for (int i = 0; i < n; i++)
        t[i] = train - 1 - floorf((float)i * ((float)train / (float)n));
}

/* clang-format off */
const lrt_spacing lrt_spacings[] = {
    [LRT_SPACING_LINSPACE] = {"linspace", "from the last timestep of training to the first", true, false, linspace},
    [LRT_SPACING_LEADING] = {"leading", "multiples of a whole stride, from the schedule's offset on", true, false, leading},
    [LRT_SPACING_TRAILING] = {"trailing", "whole strides down from the last timestep", false, false, trailing},
    [LRT_SPACING_SGM_UNIFORM] = {"sgm_uniform", "even steps from the last timestep to the first, which is left out", false, true, sgm_uniform},
    [LRT_SPACING_SIMPLE] = {"simple", "every so many timesteps down from the last one, rounded", false, true, simple},
};
/* clang-format on */
const int lrt_spacing_count = sizeof lrt_spacings / sizeof *lrt_spacings;
_Static_assert(sizeof lrt_spacings / sizeof *lrt_spacings == LRT_SPACING_SAMPLER,
               "a row for every number before the sampler's own");

int lrt_spacing_find(const char *name)
{
    for (int i = 0; i < lrt_spacing_count; i++)
        if (lrt_same_name(lrt_spacings[i].name, name))
            return i;
    return -1;
}

/* ---- curves ---- */

/* i of n as a share of the way. */
static double share(int i, int n) { return n > 1 ? (double)i / (n - 1) : 0; }

/* Evenly spaced in sigma^(1/7) (Karras et al., 2022, equation 5). */
static double karras(double largest, double least, int i, int n)
{
    const double rho = 7;
    double from = pow(largest, 1 / rho), to = pow(least, 1 / rho);
    return pow(from + share(i, n) * (to - from), rho);
}

/* Evenly spaced in log sigma. */
static double exponential(double largest, double least, int i, int n)
{
    return exp(log(largest) + share(i, n) * (log(least) - log(largest)));
}

/* clang-format off */
const lrt_curve lrt_curves[] = {
    [LRT_SIGMAS_TIMESTEPS] = {"timesteps", "", 0, 0, NULL},
    [LRT_SIGMAS_KARRAS] = {"karras", ", with Karras' sigmas", LRT_TAKES_CURVES, LRT_OBEYS_CURVES, karras},
    [LRT_SIGMAS_EXPONENTIAL] = {"exponential", ", with sigmas spaced in log sigma", LRT_TAKES_CURVES, LRT_OBEYS_CURVES, exponential},
    /* Lu et al., "DPM-Solver", 2022: even in lambda = -log sigma */
    [LRT_SIGMAS_LU] = {"lu", ", with Lu's sigmas", LRT_OBEYS_LU, LRT_OBEYS_LU, exponential},
};
/* clang-format on */
const int lrt_curve_count = sizeof lrt_curves / sizeof *lrt_curves;

int lrt_curve_find(const char *name)
{
    for (int i = LRT_SIGMAS_TIMESTEPS + 1; i < lrt_curve_count; i++)
        if (lrt_same_name(lrt_curves[i].name, name))
            return i;
    return -1;
}

void lrt_curve_fill(const lrt_sampling *s, double largest, double least, double *sigma)
{
    const lrt_schedule_config *c = &s->config;
    bool own = c->sigmas == LRT_SIGMAS_LU ||
               (c->sigmas == LRT_SIGMAS_KARRAS && s->sampler->traits & LRT_OWN_KARRAS_ENDS);
    if (!own && c->sigma_max > 0)
        largest = c->sigma_max;
    if (!own && c->sigma_min > 0)
        least = c->sigma_min;
    for (int i = 0; i < s->steps; i++)
        sigma[i] = lrt_curves[c->sigmas].at(largest, least, i, s->steps);
}

/* ---- timesteps ---- */

bool lrt_steps_unfit(const lrt_sampling *s, lrt_error *e)
{
    return lrt_fail(
        e, "steps: %d steps of %s do not fit into %d timesteps spaced %s%s", s->steps,
        s->sampler->name, s->schedule->train_steps, lrt_spacings[s->config.spacing].name,
        s->config.spacing == LRT_SPACING_LEADING && s->config.steps_offset ? " with an offset"
                                                                           : "");
}

/* How many timesteps of training a run may use: those above sigma_clipped are left out by samplers
 * that know it. */
static int usable_timesteps(const lrt_sampling *s)
{
    int n = s->schedule->train_steps;
    if (s->config.sigma_clipped > 0 && s->sampler->traits & LRT_CLIPS_SIGMA)
        while (n > 1 && lrt_schedule_sigma(s->schedule, n - 1) > s->config.sigma_clipped)
            n--;
    return n;
}

double *lrt_timesteps(const lrt_sampling *s, bool before_end, bool rounded, lrt_error *e)
{
    const lrt_spacing *row = &lrt_spacings[s->config.spacing];
    int n = s->steps + (before_end && row->ends);
    double *t = calloc((size_t)n, sizeof *t);
    if (!t) {
        lrt_fail(e, "out of memory");
        return NULL;
    }
    row->fill(usable_timesteps(s), n, s->config.steps_offset, t);
    bool fit = true;
    for (int i = 0; i < s->steps; i++) {
        t[i] = rounded ? rint(t[i]) : t[i];
        fit = fit && t[i] >= 0 && t[i] < s->schedule->train_steps && (i == 0 || t[i] < t[i - 1]);
    }
    if (fit)
        return t;
    free(t);
    lrt_steps_unfit(s, e);
    return NULL;
}

double lrt_spaced_sigma(const lrt_sampling *s, double t)
{
    const lrt_schedule *c = s->schedule;
    int below = (int)t;
    if (!lrt_spacings[s->config.spacing].fractions || t <= below)
        return lrt_schedule_sigma_at(c, t);
    double from = log(lrt_schedule_sigma(c, below)), to = log(lrt_schedule_sigma(c, below + 1));
    return exp(from + (t - below) * (to - from));
}
