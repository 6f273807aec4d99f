/* Samplers that work in log sigma (log_points.h): dpm++2m and dpm++2s (Lu et al., "DPM-Solver++",
 * 2022, and "DPM-Solver", 2022), deis (Zhang and Chen, "Fast sampling of diffusion models with
 * exponential integrator", 2022). They have order 1 to 3 and interpolate x0 or the noise. */
#include <stdlib.h>

#include "log_points.h"
#include "spacing.h"

/* The sigma after the last step; n is the number of steps, sigma those before it. */
static double final_sigma(const lrt_sampling *s, const double *sigma, int n)
{
    unsigned traits = s->sampler->traits;
    if (!(traits & LRT_ENDS_LEAST) && !s->config.final_sigma_least)
        return 0;
    bool curve = s->config.sigmas != LRT_SIGMAS_TIMESTEPS;
    return curve && traits & LRT_REPEATS_CURVE_END ? sigma[n - 1]
                                                   : lrt_schedule_sigma(s->schedule, 0);
}

/* The timestep whose sigma this is, rounded down, as diffusers has it. There the logarithms of the
 * schedule's sigmas are floats, and Stable Diffusion's largest one is rounded up: so a curve begins
 * at timestep 998, not 999. */
static double time_below(const lrt_schedule *c, double sigma)
{
    double exact = lrt_schedule_time(c, sigma), whole = rint(exact);
    return whole > 0 && fabs(exact - whole) < 1e-4 ? whole - 1 : floor(exact);
}

/* Fills sigma (steps + 1) and t (steps). Curves span all of training. Their timesteps are whole:
 * rounded to the nearest, or, as in diffusers, down where it leaves the rounding to PyTorch. */
static void lay_logs(const lrt_sampling *s, double *t, double *sigma)
{
    const lrt_schedule *c = s->schedule;
    int curve = s->config.sigmas, n = s->steps;
    bool down = curve == LRT_SIGMAS_EXPONENTIAL ||
                (s->config.beta_schedule == LRT_BETAS_COSINE && s->sampler->traits & LRT_OBEYS_LU);
    for (int i = 0; i < n; i++)
        sigma[i] = lrt_spaced_sigma(s, t[i]);
    if (curve != LRT_SIGMAS_TIMESTEPS) {
        lrt_curve_fill(s, lrt_schedule_sigma(c, c->train_steps - 1), lrt_schedule_sigma(c, 0),
                       sigma);
        for (int i = 0; i < n; i++) {
            t[i] = down ? time_below(c, sigma[i]) : rint(lrt_schedule_time(c, sigma[i]));
        }
    }
    sigma[n] = final_sigma(s, sigma, n);
}

/* The steps end above the end of the spacing. */
static bool plan_logs(lrt_sampling *s, bool noise, lrt_error *e)
{
    bool whole = !lrt_spacings[s->config.spacing].fractions;
    double *t = lrt_timesteps(s, true, whole, e),
           *sigma = t ? calloc((size_t)s->steps + 1, sizeof *sigma) : NULL;
    bool ok = sigma || (t && lrt_fail(e, "out of memory"));
    if (ok)
        lay_logs(s, t, sigma);
    for (int i = s->first; ok && i < s->steps; i++) {
        lrt_level from = lrt_level_of_sigma(sigma[i]), to = lrt_level_of_sigma(sigma[i + 1]);
        s->point[s->calls++] = (lrt_point){t[i], from.a, from.sigma, from, to, i, noise};
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

/* ---- dpm++2m, dpm++2s ---- */

/* A step from y to x: x = keep y + d0 D0 + d1 D1 + d2 D2 + fresh noise. D0 is an estimate, D1 and
 * D2 are its first and second difference over the step. */
typedef struct {
    double keep, d0, d1, d2, fresh;
} Move;

enum { MIDPOINT, HEUN }; /* what D1 counts: half of D0, or the integral of a straight line */

/* The coefficients of a step between two points. With x0 (DPM-Solver++) and with the noise
 * (DPM-Solver) they are integrals of e^g, g = -h or h, h the step in lambda; with new noise, g is
 * twice as large. A step of length 0, the last one of a curve that ends at the least sigma, stays
 * where it is. With new noise, d2 has the sign of diffusers, which differs from the integral's.
 */
static Move move_between(const lrt_sampling *s, lrt_log_point from, lrt_log_point to, bool sde,
                         int rule)
{
    double h = to.lambda - from.lambda;
    bool noise = s->config.noise_solver;
    if (h == 0)
        return (Move){.keep = 1};
    double g = (noise ? h : -h) * (sde && !noise ? 2 : 1),
           scale = noise ? to.rest * (sde ? 2 : 1) : to.picture, grown = expm1(g);
    Move m = {.keep = noise ? to.picture / from.picture : to.rest / from.rest * (sde ? exp(-h) : 1),
              .d0 = -scale * grown};
    m.d1 = rule == MIDPOINT ? m.d0 / 2 : -scale * (grown / g - 1);
    m.d2 = -scale * ((grown - g) / (g * g) + (sde ? 0.5 : -0.5));
    if (sde)
        m.fresh = to.rest * sqrt(noise ? expm1(2 * h) : -expm1(-2 * h));
    return m;
}

static const double *estimate(const lrt_sampling *s)
{
    return s->config.noise_solver ? s->eps : s->x0;
}

/* With dynamic thresholding, the noise follows from the new x0. */
static void refresh_noise(lrt_sampling *s, int k)
{
    if (!s->sorted)
        return;
    lrt_log_point at = lrt_log_point_at(s, k);
    for (int64_t i = 0; i < s->n; i++)
        s->eps[i] = (s->x[i] - at.picture * s->x0[i]) / at.rest;
}

/* The order of call k of dpm++2m: as many estimates as there are, and less at the end of a short
 * run and in a step to sigma 0. */
static int multistep_order(const lrt_sampling *s, int k, bool euler_at_final)
{
    bool brief = s->steps < 15 && !s->config.full_order_last;
    int order = lrt_solver_order(s);
    if (lrt_among_last(s, k, 1) && (brief || euler_at_final || s->point[k].to.sigma == 0))
        order = 1;
    else if (lrt_among_last(s, k, 2) && brief && order > 2)
        order = 2;
    return order < k + 1 ? order : k + 1;
}

/* history 0 and 1: the estimates before, newest first. */
static void step_multistep(lrt_sampling *s, int k, bool sde)
{
    lrt_log_point from = lrt_log_point_at(s, k), to = lrt_log_point_of(s->point[k].to.sigma);
    int order = multistep_order(s, k, s->config.euler_at_final);
    double h = to.lambda - from.lambda, r0 = 1, r1 = 1;
    refresh_noise(s, k);
    if (lrt_goes_to_picture(s, k))
        return;
    if (h == 0)
        order = 1;
    if (order > 1)
        r0 = (from.lambda - lrt_log_point_at(s, k - 1).lambda) / h;
    if (order > 2)
        r1 = (lrt_log_point_at(s, k - 1).lambda - lrt_log_point_at(s, k - 2).lambda) / h;
    bool heun = s->config.solver_type == LRT_SOLVER_HEUN || order > 2;
    Move m = move_between(s, from, to, sde, heun ? HEUN : MIDPOINT);
    const double *now = estimate(s);
    for (int64_t i = 0; i < s->n; i++) {
        double d1 = 0, d2 = 0;
        if (order > 1)
            d1 = (now[i] - s->history[0][i]) / r0;
        if (order > 2) {
            double older = (s->history[0][i] - s->history[1][i]) / r1;
            d2 = (d1 - older) / (r0 + r1);
            d1 += r0 * d2;
        }
        s->x[i] = m.keep * s->x[i] + m.d0 * now[i] + m.d1 * d1 + m.d2 * d2 +
                  (sde ? m.fresh * s->noise[i] : 0);
    }
    double *newest = lrt_history_push(s, 2);
    for (int64_t i = 0; i < s->n; i++)
        newest[i] = now[i];
}

void lrt_step_dpm(lrt_sampling *s, int k) { step_multistep(s, k, false); }

void lrt_step_dpm_sde(lrt_sampling *s, int k) { step_multistep(s, k, true); }

/* The order of step i of dpm++2s: 1, 2, .. solver_order, again and again; a run that does not end
 * with a whole group, or that ends at sigma 0, ends with a step of order 1. */
static int planned_order(const lrt_sampling *s, int i)
{
    int order = lrt_solver_order(s), n = s->steps;
    bool lower = !s->config.full_order_last || n % order || !s->config.final_sigma_least;
    if (i == n - 1 && !s->config.final_sigma_least)
        return 1;
    if (lower && n % order == 0 && i >= n - order && order > 1)
        return order == 3 && i == n - 2 ? 2 : 1;
    return i % order + 1;
}

/* history 0 and 1: the estimates before, newest first; 2: x at the beginning of the group, from
 * where all its steps go. */
void lrt_step_dpm_2s(lrt_sampling *s, int k)
{
    int order = planned_order(s, s->point[k].step);
    if (order > k + 1)
        order = k + 1;
    double *begin = s->history[2];
    refresh_noise(s, k);
    for (int64_t i = 0; order == 1 && i < s->n; i++)
        begin[i] = s->x[i];
    if (lrt_goes_to_picture(s, k))
        return;
    lrt_log_point to = lrt_log_point_of(s->point[k].to.sigma),
                  from = lrt_log_point_at(s, k - order + 1);
    double h = to.lambda - from.lambda, near = (lrt_log_point_at(s, k).lambda - from.lambda) / h,
           middle = order > 2 ? (lrt_log_point_at(s, k - 1).lambda - from.lambda) / h : 0;
    bool heun = s->config.solver_type == LRT_SOLVER_HEUN;
    Move m = move_between(s, from, to, false, heun || order > 2 ? HEUN : MIDPOINT);
    const double *now = estimate(s);
    for (int64_t i = 0; i < s->n; i++) {
        double first = order == 1 ? now[i] : s->history[order - 2][i], d1 = 0, d2 = 0;
        if (order > 1)
            d1 = (now[i] - first) / near;
        if (order > 2 && heun) {
            double older = (s->history[0][i] - first) / middle;
            d2 = 2 * (d1 - older) / (near - middle);
            d1 = (near * older - middle * d1) / (near - middle);
        }
        s->x[i] = m.keep * begin[i] + m.d0 * first + m.d1 * d1 + m.d2 * d2;
    }
    double *newest = s->history[1];
    s->history[1] = s->history[0];
    s->history[0] = newest;
    for (int64_t i = 0; i < s->n; i++)
        newest[i] = now[i];
}

/* ---- deis ---- */

/* Indefinite integrals over rho = sigma of the polynomial in log rho that is 1 at b and 0 at c, or
 * at c and d, at rho = t. */
static double integral2(double t, double b, double c)
{
    return t * (log(t) - log(c) - 1) / (log(b) - log(c));
}

static double integral3(double t, double b, double c, double d)
{
    double l = log(t), lc = log(c), ld = log(d);
    return t * (lc * (ld - l + 1) - ld * l + ld + l * l - 2 * l + 2) /
           ((log(b) - lc) * (log(b) - ld));
}

/* The weights of `order` estimates of the noise, newest first, in the step of call k. */
static void deis_weights(const lrt_sampling *s, int k, int order, double weight[3])
{
    double t = s->point[k].to.sigma, r[3] = {s->point[k].sigma, 0, 0};
    for (int j = 1; j < order; j++)
        r[j] = s->point[k - j].sigma;
    for (int j = 0; j < order; j++) {
        double b = r[j], c = r[(j + 1) % order], d = r[(j + 2) % order];
        weight[j] = order == 1   ? t - b
                    : order == 2 ? integral2(t, b, c) - integral2(r[0], b, c)
                                 : integral3(t, b, c, d) - integral3(r[0], b, c, d);
    }
}

/* y moves along the integral of the noise's interpolation in log sigma. history 0 and 1: the noise
 * of the calls before, newest first. */
void lrt_step_deis(lrt_sampling *s, int k)
{
    lrt_log_point from = lrt_log_point_at(s, k), to = lrt_log_point_of(s->point[k].to.sigma);
    int order = multistep_order(s, k, false);
    double weight[3];
    deis_weights(s, k, order, weight);
    refresh_noise(s, k);
    for (int64_t i = 0; i < s->n; i++) {
        double y = s->x[i] / from.picture + weight[0] * s->eps[i];
        for (int j = 1; j < order; j++)
            y += weight[j] * s->history[j - 1][i];
        s->x[i] = to.picture * y;
    }
    double *newest = lrt_history_push(s, 2);
    for (int64_t i = 0; i < s->n; i++)
        newest[i] = s->eps[i];
}
