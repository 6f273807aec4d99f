/* Samplers that move from sigma to sigma: solvers of dy/dsigma = (y - x0) / sigma (Karras et al.,
 * "Elucidating the design space of diffusion-based generative models", 2022), which k-diffusion
 * made popular. y = x sqrt(1 + sigma^2); see sampler.h. */
#include <stdlib.h>

#include "sampler_steps.h"
#include "spacing.h"

static double y_of(const lrt_sampling *s, double sigma, int64_t i)
{
    return s->x[i] * sqrt(1 + sigma * sigma);
}

static double x_of(double y, double sigma) { return y / sqrt(1 + sigma * sigma); }

/* Fills sigma (n + 1), those of all steps and of the end, and t (n), their timesteps. false, with
 * *e: sigmas do not fall from step to step. */
static bool lay_sigmas(const lrt_sampling *s, double *t, double *sigma, lrt_error *e)
{
    int n = s->steps;
    const lrt_schedule *c = s->schedule;
    for (int i = 0; i < n; i++)
        sigma[i] = lrt_schedule_sigma_at(c, t[i]);
    if (s->config.karras)
        lrt_karras(sigma[0], sigma[n - 1], n, sigma);
    for (int i = 0; s->config.karras && i < n; i++)
        t[i] = lrt_schedule_time(c, sigma[i]);
    sigma[n] = s->config.final_sigma_least ? lrt_schedule_sigma(c, 0) : 0;
    for (int i = 1; i < n; i++)
        if (!(sigma[i] < sigma[i - 1]))
            return lrt_steps_unfit(s, e);
    return true;
}

/* x at the start, for unit noise. diffusers starts from noise with standard deviation sigma where
 * the spacing includes the last timestep, else sqrt(1 + sigma^2). */
static double start_of(const lrt_sampling *s, double sigma)
{
    return s->config.spacing == LRT_SPACING_LEADING ? 1 : sigma / sqrt(1 + sigma * sigma);
}

/* `calls` per step, the second one at the end of the step; only one in the last step. */
static bool plan_sigmas(lrt_sampling *s, int calls, bool noise, lrt_error *e)
{
    double *t = lrt_timesteps(s, false, false, e),
           *sigma = t ? calloc((size_t)s->steps + 1, sizeof *sigma) : NULL;
    bool ok = sigma ? lay_sigmas(s, t, sigma, e) : t && lrt_fail(e, "out of memory");
    for (int i = s->first; ok && i < s->steps; i++) {
        lrt_level from = lrt_level_of_sigma(sigma[i]), to = lrt_level_of_sigma(sigma[i + 1]);
        s->point[s->calls++] = (lrt_point){t[i], from.a, from.sigma, from, to, i, noise};
        if (calls > 1 && i + 1 < s->steps)
            s->point[s->calls++] = (lrt_point){t[i + 1], to.a, to.sigma, from, to, i, noise};
    }
    if (ok) {
        lrt_level end = lrt_level_of_sigma(sigma[s->steps]);
        s->point[s->calls] = (lrt_point){0, end.a, end.sigma, end, end, s->steps, false};
        s->start = start_of(s, sigma[s->first]);
    }
    free(t);
    free(sigma);
    return ok;
}

bool lrt_plan_euler(lrt_sampling *s, lrt_error *e) { return plan_sigmas(s, 1, false, e); }

void lrt_step_euler(lrt_sampling *s, int k)
{
    double from = s->point[k].from.sigma, to = s->point[k].to.sigma;
    for (int64_t i = 0; i < s->n; i++) {
        double y = y_of(s, from, i);
        s->x[i] = x_of(y + (y - s->x0[i]) / from * (to - from), to);
    }
}

bool lrt_plan_euler_a(lrt_sampling *s, lrt_error *e) { return plan_sigmas(s, 1, true, e); }

/* Goes below the next sigma; new noise then brings it back up to it. */
void lrt_step_euler_a(lrt_sampling *s, int k)
{
    double from = s->point[k].from.sigma, to = s->point[k].to.sigma;
    double up = sqrt(to * to * (from * from - to * to) / (from * from)),
           down = sqrt(to * to - up * up);
    for (int64_t i = 0; i < s->n; i++) {
        double y = y_of(s, from, i);
        y += (y - s->x0[i]) / from * (down - from);
        s->x[i] = x_of(y + up * s->noise[i], to);
    }
}

bool lrt_plan_heun(lrt_sampling *s, lrt_error *e) { return plan_sigmas(s, 2, false, e); }

/* Euler's step, then the same step with the mean of the slopes at its ends. history: y and its
 * slope at the beginning of the step. */
void lrt_step_heun(lrt_sampling *s, int k)
{
    double from = s->point[k].from.sigma, to = s->point[k].to.sigma, *begin = s->history[0],
           *slope = s->history[1];
    bool first = lrt_sampling_begins(s, k);
    double at = first ? from : to;
    for (int64_t i = 0; i < s->n; i++) {
        double y = y_of(s, at, i), d = (y - s->x0[i]) / at;
        begin[i] = first ? y : begin[i];
        d = first ? d : (slope[i] + d) / 2;
        slope[i] = d;
        s->x[i] = x_of(begin[i] + d * (to - from), to);
    }
}

/* ---- lms: a linear multistep method over four slopes ---- */

/* The polynomial of degree `order` - 1 that is 1 at call k - j and 0 at the other calls. */
static double basis(const lrt_sampling *s, int k, int order, int j, double sigma)
{
    double product = 1;
    for (int i = 0; i < order; i++)
        if (i != j)
            product *= (sigma - s->point[k - i].sigma) /
                       (s->point[k - j].sigma - s->point[k - i].sigma);
    return product;
}

/* history: slopes, newest first. Their weights are integrals of the polynomials above, for which
 * Simpson's rule is exact up to order 4. */
void lrt_step_lms(lrt_sampling *s, int k)
{
    int order = k < 3 ? k + 1 : 4;
    double from = s->point[k].sigma, to = s->point[k].to.sigma, middle = (from + to) / 2,
           weight[4] = {0};
    double *oldest = s->history[3];
    for (int j = 0; j < order; j++)
        weight[j] = (to - from) / 6 *
                    (basis(s, k, order, j, from) + 4 * basis(s, k, order, j, middle) +
                     basis(s, k, order, j, to));
    for (int j = 3; j > 0; j--)
        s->history[j] = s->history[j - 1];
    s->history[0] = oldest;
    for (int64_t i = 0; i < s->n; i++) {
        double y = y_of(s, from, i), sum = 0;
        s->history[0][i] = (y - s->x0[i]) / from;
        for (int j = 0; j < order; j++)
            sum += weight[j] * s->history[j][i];
        s->x[i] = x_of(y + sum, to);
    }
}
