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

/* The sigma after the last step. */
static double final_sigma(const lrt_sampling *s)
{
    bool least = s->config.final_sigma_least && s->sampler->traits & LRT_OBEYS_FINAL_SIGMA;
    return least ? lrt_schedule_sigma(s->schedule, 0) : 0;
}

/* Fills sigma (n + 1), those of all steps and of the end, and t (n), their timesteps. false, with
 * *e: sigmas do not fall from step to step. */
static bool lay_sigmas(const lrt_sampling *s, double *t, double *sigma, lrt_error *e)
{
    int n = s->steps;
    const lrt_schedule *c = s->schedule;
    bool log_linear = s->config.log_linear && s->sampler->traits & LRT_OBEYS_INTERPOLATION;
    for (int i = 0; i < n; i++)
        sigma[i] = lrt_spaced_sigma(s, t[i]);
    double largest = sigma[0], least = sigma[n - 1];
    sigma[n] = final_sigma(s);
    if (log_linear) { /* n + 1 sigmas; the timesteps stay */
        largest = lrt_schedule_sigma(c, c->train_steps - 1);
        least = lrt_schedule_sigma(c, 0);
        for (int i = 0; i <= n; i++)
            sigma[i] = exp(log(largest) + (double)i / n * (log(least) - log(largest)));
    }
    if (s->config.sigmas != LRT_SIGMAS_TIMESTEPS) {
        lrt_curve_fill(s, largest, least, sigma);
        sigma[n] = final_sigma(s);
        for (int i = 0; i < n; i++)
            t[i] = lrt_schedule_time(c, sigma[i]);
    }
    bool whole = s->config.sigmas == LRT_SIGMAS_KARRAS && s->sampler->traits & LRT_ROUNDS_KARRAS;
    for (int i = 0; whole && i < n; i++)
        t[i] = rint(t[i]);
    for (int i = 1; i < n; i++)
        if (!(sigma[i] < sigma[i - 1]))
            return lrt_steps_unfit(s, e);
    return true;
}

/* With `continuous`, the model gets log(sigma) / 4 (Karras et al., 2022, table 1) as its timestep.
 */
static void continuous_timesteps(lrt_sampling *s)
{
    if (s->config.continuous && s->config.prediction == LRT_PREDICT_V &&
        s->sampler->traits & LRT_OBEYS_INTERPOLATION)
        for (int k = 0; k < s->calls; k++)
            s->point[k].t = log(s->point[k].sigma) / 4;
}

/* x at the start, for unit noise. diffusers starts from noise with standard deviation sigma where
 * the spacing includes the last timestep, else sqrt(1 + sigma^2). */
static double start_of(const lrt_sampling *s, double sigma)
{
    return s->config.spacing == LRT_SPACING_LEADING ? 1 : sigma / sqrt(1 + sigma * sigma);
}

/* From a step's sigma to the next one, `down` of which is where the step goes and `up` the standard
 * deviation of the new noise that leads back up. */
typedef struct {
    double down, up;
} Ancestral;

static Ancestral ancestral(double from, double to)
{
    double up = sqrt(to * to * (from * from - to * to) / (from * from));
    return (Ancestral){sqrt(to * to - up * up), up};
}

/* The second call of a step, except the last one: none; at the end of the step; or in the middle,
 * in log sigma, of the way to where the step goes, without or with new noise. */
typedef enum { ONE_CALL, AT_END, IN_MIDDLE, IN_MIDDLE_ANCESTRAL } SecondCall;

static void add_second_call(lrt_sampling *s, SecondCall second, double end_time, bool noise)
{
    const lrt_point *first = &s->point[s->calls - 1];
    double from = first->sigma, to = first->to.sigma, at = to;
    if (second != AT_END)
        at = sqrt(from * (second == IN_MIDDLE ? to : ancestral(from, to).down));
    double t = second == AT_END ? end_time : lrt_schedule_time(s->schedule, at);
    s->point[s->calls++] = (lrt_point){
        t, lrt_level_of_sigma(at).a, at, first->from, first->to, first->step, noise};
}

/* All calls. noise: the move after the last call of every step adds new noise. */
static bool plan_sigmas(lrt_sampling *s, SecondCall second, bool noise, lrt_error *e)
{
    double *t = lrt_timesteps(s, false, false, e),
           *sigma = t ? calloc((size_t)s->steps + 1, sizeof *sigma) : NULL;
    bool ok = sigma ? lay_sigmas(s, t, sigma, e) : t && lrt_fail(e, "out of memory");
    for (int i = s->first; ok && i < s->steps; i++) {
        lrt_level from = lrt_level_of_sigma(sigma[i]), to = lrt_level_of_sigma(sigma[i + 1]);
        bool two = second != ONE_CALL && i + 1 < s->steps;
        s->point[s->calls++] = (lrt_point){
            t[i], from.a, from.sigma, from, to, i, noise && (second == ONE_CALL)};
        if (two)
            add_second_call(s, second, t[i + 1], noise);
    }
    if (ok) {
        lrt_level end = lrt_level_of_sigma(sigma[s->steps]);
        s->point[s->calls] = (lrt_point){0, end.a, end.sigma, end, end, s->steps, false};
        s->start = start_of(s, sigma[s->first]);
        continuous_timesteps(s);
    }
    free(t);
    free(sigma);
    return ok;
}

bool lrt_plan_euler(lrt_sampling *s, lrt_error *e) { return plan_sigmas(s, ONE_CALL, false, e); }

/* A run that ends above sigma 0 ends with y, as diffusers' pipelines decode it. */
void lrt_step_euler(lrt_sampling *s, int k)
{
    double from = s->point[k].from.sigma, to = s->point[k].to.sigma;
    bool last = k + 1 == s->calls;
    for (int64_t i = 0; i < s->n; i++) {
        double y = y_of(s, from, i);
        y += (y - s->x0[i]) / from * (to - from);
        s->x[i] = last ? y : x_of(y, to);
    }
}

bool lrt_plan_euler_a(lrt_sampling *s, lrt_error *e) { return plan_sigmas(s, ONE_CALL, true, e); }

/* Goes below the next sigma; new noise then brings it back up to it. */
void lrt_step_euler_a(lrt_sampling *s, int k)
{
    double from = s->point[k].from.sigma, to = s->point[k].to.sigma;
    Ancestral a = ancestral(from, to);
    for (int64_t i = 0; i < s->n; i++) {
        double y = y_of(s, from, i);
        y += (y - s->x0[i]) / from * (a.down - from);
        s->x[i] = x_of(y + a.up * s->noise[i], to);
    }
}

bool lrt_plan_heun(lrt_sampling *s, lrt_error *e) { return plan_sigmas(s, AT_END, false, e); }

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

/* ---- dpm2: DPM-Solver-2 (Lu et al., 2022) as k-diffusion and diffusers' KDPM2 have it ---- */

bool lrt_plan_dpm2(lrt_sampling *s, lrt_error *e) { return plan_sigmas(s, IN_MIDDLE, false, e); }

bool lrt_plan_dpm2_a(lrt_sampling *s, lrt_error *e)
{
    return plan_sigmas(s, IN_MIDDLE_ANCESTRAL, true, e);
}

/* The level that x moves to after call k: the second call's, or the end of the step. */
static double arrival(const lrt_sampling *s, int k)
{
    bool second_follows = lrt_sampling_begins(s, k) && !lrt_sampling_begins(s, k + 1);
    return second_follows ? s->point[k + 1].sigma : s->point[k].to.sigma;
}

/* To the middle of the step, then the whole step with the slope there. history: y at the beginning
 * of the step. */
static void step_by_middle(lrt_sampling *s, int k, bool noise)
{
    const lrt_point *p = &s->point[k];
    bool first = lrt_sampling_begins(s, k);
    double from = p->from.sigma, to = arrival(s, k), *begin = s->history[0];
    Ancestral a = {to, 0};
    if (noise && !first)
        a = ancestral(from, to);
    for (int64_t i = 0; i < s->n; i++) {
        double y = y_of(s, p->sigma, i), d = (y - s->x0[i]) / p->sigma;
        begin[i] = first ? y : begin[i];
        y = begin[i] + d * (a.down - from);
        s->x[i] = x_of(a.up > 0 ? y + a.up * s->noise[i] : y, to);
    }
}

void lrt_step_dpm2(lrt_sampling *s, int k) { step_by_middle(s, k, false); }

void lrt_step_dpm2_a(lrt_sampling *s, int k) { step_by_middle(s, k, true); }

/* ---- dpm++2s_a: DPM-Solver++(2S) (Lu et al., 2022) with new noise, as k-diffusion has it ---- */

/* y' = sigma' / sigma y + (1 - sigma' / sigma) x0, the exact solution for a constant x0: first to
 * the middle, then from the beginning with the estimate there. history: y at the beginning. */
void lrt_step_dpm_2s_a(lrt_sampling *s, int k)
{
    const lrt_point *p = &s->point[k];
    bool first = lrt_sampling_begins(s, k);
    double from = p->from.sigma, to = arrival(s, k), *begin = s->history[0];
    Ancestral a = {to, 0};
    if (!first)
        a = ancestral(from, to);
    double keep = a.down / from;
    for (int64_t i = 0; i < s->n; i++) {
        begin[i] = first ? y_of(s, p->sigma, i) : begin[i];
        double y = keep * begin[i] + (1 - keep) * s->x0[i];
        s->x[i] = x_of(a.up > 0 ? y + a.up * s->noise[i] : y, to);
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

/* Moves y along the weighted sum of the last `order` slopes. history: slopes, newest first. */
static void step_along(lrt_sampling *s, int k, int order, const double *weight)
{
    double from = s->point[k].sigma, to = s->point[k].to.sigma, *oldest = s->history[3];
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

/* The weights are integrals of the polynomials above, for which Simpson's rule is exact up to order
 * 4. */
void lrt_step_lms(lrt_sampling *s, int k)
{
    int order = k < 3 ? k + 1 : 4;
    double from = s->point[k].sigma, to = s->point[k].to.sigma, middle = (from + to) / 2,
           weight[4] = {0};
    for (int j = 0; j < order; j++)
        weight[j] = (to - from) / 6 *
                    (basis(s, k, order, j, from) + 4 * basis(s, k, order, j, middle) +
                     basis(s, k, order, j, to));
    step_along(s, k, order, weight);
}

/* ---- ipndm: Zhang and Chen, "Fast sampling of diffusion models with exponential integrator", 2022
 * ---- */

/* Adams and Bashforth's weights of the slopes, newest first, as if all steps were equal. */
void lrt_step_ipndm(lrt_sampling *s, int k)
{
    double from = s->point[k].sigma, to = s->point[k].to.sigma, weight[4];
    int order = k < 3 ? k + 1 : 4;
    for (int j = 0; j < order; j++)
        weight[j] = (to - from) * lrt_adams_bashforth[order - 1][j];
    step_along(s, k, order, weight);
}
