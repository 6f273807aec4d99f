/* See spacing.h. */
#include "spacing.h"

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

/* clang-format off */
const lrt_spacing lrt_spacings[] = {
    [LRT_SPACING_LINSPACE] = {"linspace", "from the last timestep of training to the first", true, linspace},
    [LRT_SPACING_LEADING] = {"leading", "multiples of a whole stride, from the schedule's offset on", true, leading},
    [LRT_SPACING_TRAILING] = {"trailing", "whole strides down from the last timestep", false, trailing},
};
/* clang-format on */
const int lrt_spacing_count = sizeof lrt_spacings / sizeof *lrt_spacings;
_Static_assert(sizeof lrt_spacings / sizeof *lrt_spacings == LRT_SPACING_SAMPLER,
               "a row for every number before the sampler's own");

int lrt_spacing_find(const char *name)
{
    for (int i = 0; i < lrt_spacing_count; i++)
        if (!strcmp(lrt_spacings[i].name, name))
            return i;
    return -1;
}

void lrt_karras(double largest, double least, int n, double *sigma)
{
    const double rho = 7;
    double from = pow(largest, 1 / rho), to = pow(least, 1 / rho);
    for (int i = 0; i < n; i++)
        sigma[i] = pow(from + (n > 1 ? (double)i / (n - 1) : 0) * (to - from), rho);
}

bool lrt_steps_unfit(const lrt_sampling *s, lrt_error *e)
{
    return lrt_fail(
        e, "steps: %d steps of %s do not fit into %d timesteps spaced %s%s", s->steps,
        s->sampler->name, s->schedule->train_steps, lrt_spacings[s->config.spacing].name,
        s->config.spacing == LRT_SPACING_LEADING && s->config.steps_offset ? " with an offset"
                                                                           : "");
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
    row->fill(s->schedule->train_steps, n, s->config.steps_offset, t);
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
