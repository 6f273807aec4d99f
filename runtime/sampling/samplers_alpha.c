/* Samplers that move from timestep to timestep, in terms of a = alphas_cumprod. Units: sampler.h.
 * Equation numbers are those of the papers. */
#include <stdlib.h>

#include "sampler_steps.h"
#include "spacing.h"

static lrt_level level_at(const lrt_sampling *s, double t)
{
    return lrt_level_of_alpha(s->schedule->alpha_bar[(int)t]);
}

/* The level at timestep t; for t < 0, the level after the last step of ddim and pndm. */
static lrt_level level_or_end(const lrt_sampling *s, double t)
{
    return t >= 0 ? level_at(s, t)
                  : lrt_level_of_alpha(s->config.final_alpha > 0 ? s->config.final_alpha
                                                                 : s->schedule->alpha_bar[0]);
}

/* Where the step from t[i] ends: at the next timestep of the run, or a whole stride lower. The two
 * differ where the spacing was rounded. Below 0: the end of the run. */
static double previous(const lrt_sampling *s, const double *t, int i)
{
    if (s->config.previous == LRT_PREVIOUS_RATIO)
        return t[i] - s->schedule->train_steps / s->steps;
    return i + 1 < s->steps ? t[i + 1] : -1;
}

static void add_call(lrt_sampling *s, double t, lrt_level from, lrt_level to, int step)
{
    lrt_level at = level_at(s, t);
    s->point[s->calls++] = (lrt_point){t, at.a, at.sigma, from, to, step, false};
}

/* pndm divides by a. The limit is that of lrt_schedule_alpha. */
static void keep_above_zero(lrt_sampling *s)
{
    for (int k = 0; k < s->calls; k++) {
        double *a[] = {&s->point[k].a, &s->point[k].from.a, &s->point[k].to.a};
        for (int i = 0; i < 3; i++)
            *a[i] = *a[i] > 0 ? *a[i] : 0x1p-24;
    }
}

static void end_at(lrt_sampling *s, lrt_level end)
{
    s->point[s->calls] = (lrt_point){0, end.a, end.sigma, end, end, s->steps, false};
}

/* One call per step, from its timestep to the level that `next` returns. */
static bool plan_calls(lrt_sampling *s,
                       lrt_level (*next)(const lrt_sampling *s, const double *t, int i),
                       lrt_error *e)
{
    double *t = lrt_timesteps(s, false, true, e);
    if (!t)
        return false;
    for (int i = s->first; i < s->steps; i++)
        add_call(s, t[i], level_at(s, t[i]), next(s, t, i), i);
    end_at(s, s->point[s->calls - 1].to);
    free(t);
    return true;
}

/* ---- ddim: Song et al., "Denoising diffusion implicit models", 2020 ---- */

static lrt_level next_ddim(const lrt_sampling *s, const double *t, int i)
{
    return level_or_end(s, previous(s, t, i));
}

bool lrt_plan_ddim(lrt_sampling *s, lrt_error *e)
{
    if (!plan_calls(s, next_ddim, e))
        return false;
    for (int k = 0; k < s->calls; k++)
        s->point[k].noise = s->eta > 0;
    return true;
}

/* Combines x0 and the noise again, with less noise (12). With eta, a part of that noise is new
 * (16).
 */
void lrt_step_ddim(lrt_sampling *s, int k)
{
    double a = s->point[k].a, to = s->point[k].to.a, fresh = 0;
    if (s->eta > 0)
        fresh = s->eta * sqrt((1 - to) / (1 - a) * (1 - a / to));
    double picture = sqrt(to), rest = sqrt(1 - to - fresh * fresh);
    for (int64_t i = 0; i < s->n; i++)
        s->x[i] = picture * s->x0[i] + rest * s->eps[i];
    for (int64_t i = 0; fresh > 0 && i < s->n; i++)
        s->x[i] += fresh * s->noise[i];
}

/* ---- ddpm: Ho et al., "Denoising diffusion probabilistic models", 2020 ---- */

static lrt_level next_ddpm(const lrt_sampling *s, const double *t, int i)
{
    return i + 1 < s->steps ? level_at(s, t[i + 1]) : lrt_level_of_alpha(1);
}

bool lrt_plan_ddpm(lrt_sampling *s, lrt_error *e)
{
    if (!plan_calls(s, next_ddpm, e))
        return false;
    for (int k = 0; k < s->calls; k++)
        s->point[k].noise = s->point[k].t > 0;
    return true;
}

/* The mean of the posterior (7), and the smaller or the larger of its two variances. */
void lrt_step_ddpm(lrt_sampling *s, int k)
{
    const lrt_point *p = &s->point[k];
    double a = p->a, to = p->to.a, alpha = a / to;
    double picture = sqrt(to) * (1 - alpha) / (1 - a), keep = sqrt(alpha) * (1 - to) / (1 - a);
    double variance = s->config.variance == LRT_VARIANCE_LARGE ? 1 - alpha
                                                               : (1 - to) / (1 - a) * (1 - alpha),
           fresh = p->noise ? sqrt(variance > 1e-20 ? variance : 1e-20) : 0;
    for (int64_t i = 0; i < s->n; i++)
        s->x[i] = picture * s->x0[i] + keep * s->x[i] + (p->noise ? fresh * s->noise[i] : 0);
}

/* ---- pndm: Liu et al., "Pseudo numerical methods for diffusion models on manifolds", 2022 ---- */

/* Moves x along the prediction m (9, with the factors of x and of the noise written out). A v
 * prediction is first converted to noise, with the x that moves. */
static void transfer(lrt_sampling *s, int k, const double *x, const double *m)
{
    double a = s->point[k].from.a, to = s->point[k].to.a, picture = sqrt(a), rest = sqrt(1 - a);
    double keep = sqrt(to / a), along = (to - a) / (a * sqrt(1 - to) + sqrt(a * (1 - a) * to));
    bool v = s->config.prediction == LRT_PREDICT_V;
    for (int64_t i = 0; i < s->n; i++) {
        double noise = v ? picture * m[i] + rest * x[i] : m[i];
        s->x[i] = keep * x[i] - along * noise;
    }
}

/* clang-format off */
const double lrt_adams_bashforth[4][4] = {
    {1}, {3 / 2., -1 / 2.}, {23 / 12., -16 / 12., 5 / 12.}, {55 / 24., -59 / 24., 37 / 24., -9 / 24.}};
/* clang-format on */

/* The linear multistep method (12): history 0 to 3 are the last predictions, newest first, and
 * combine sets m to their weighted sum. */
static void remember(lrt_sampling *s)
{
    double *oldest = s->history[3];
    for (int j = 3; j > 0; j--)
        s->history[j] = s->history[j - 1];
    s->history[0] = oldest;
    for (int64_t i = 0; i < s->n; i++)
        oldest[i] = s->out[i];
}

static void combine(const lrt_sampling *s, int known, double *m)
{
    const double *w = lrt_adams_bashforth[(known < 4 ? known : 4) - 1];
    double *const *h = s->history;
    for (int64_t i = 0; i < s->n; i++)
        m[i] = w[0] * h[0][i] + w[1] * h[1][i] + w[2] * h[2][i] + w[3] * h[3][i];
}

/* The first step is made twice: to the second timestep, and again with the mean of the predictions
 * at both. diffusers lays out all calls, with the second timestep twice. A run that starts later
 * skips calls, not timesteps, so it starts one timestep higher. */
bool lrt_plan_plms(lrt_sampling *s, lrt_error *e)
{
    double *t = lrt_timesteps(s, false, true, e);
    if (!t)
        return false;
    bool ratio = s->config.previous == LRT_PREVIOUS_RATIO;
    for (int i = s->first; i < s->steps; i++) {
        int at = ratio && i == s->first && i > 1 ? i - 1 : i,
            second = at < i || (ratio && i == 1) ? i : i + 1;
        add_call(s, t[at], level_at(s, t[at]), level_or_end(s, previous(s, t, at)), i);
        if (i > s->first || second == s->steps)
            continue;
        double again = ratio ? t[second] + s->schedule->train_steps / s->steps : t[at];
        add_call(s, t[second], level_at(s, again), level_at(s, t[second]), i);
    }
    end_at(s, s->point[s->calls - 1].to);
    keep_above_zero(s);
    free(t);
    return true;
}

void lrt_step_plms(lrt_sampling *s, int k)
{
    double *start = s->history[4];
    if (k == 1) {
        for (int64_t i = 0; i < s->n; i++)
            s->out[i] = (s->out[i] + s->history[0][i]) / 2;
        transfer(s, k, start, s->out);
        return;
    }
    for (int64_t i = 0; k == 0 && i < s->n; i++)
        start[i] = s->x[i];
    remember(s);
    combine(s, k == 0 ? 1 : k, s->out);
    transfer(s, k, s->x, s->out);
}

enum { PRK_STEPS = 3, PRK_CALLS = 4 * PRK_STEPS };

/* Three Runge-Kutta steps (13) of four calls: at the start, twice in the middle, at the end. */
bool lrt_plan_pndm_prk(lrt_sampling *s, lrt_error *e)
{
    int stride = s->schedule->train_steps / s->steps;
    if (s->steps - s->first <= PRK_STEPS)
        return lrt_fail(e, "steps: %s needs at least %d, found %d", s->sampler->name, PRK_STEPS + 1,
                        s->steps - s->first);
    double *t = lrt_timesteps(s, false, true, e);
    if (!t)
        return false;
    for (int i = s->first; i < s->steps; i++) {
        lrt_level from = level_at(s, t[i]);
        if (i >= s->first + PRK_STEPS) {
            add_call(s, t[i], from, level_or_end(s, previous(s, t, i)), i);
            continue;
        }
        double half = t[i + 1] + stride / 2;
        add_call(s, t[i], from, level_at(s, t[i] - stride / 2), i);
        add_call(s, half, from, level_at(s, half), i);
        add_call(s, half, from, level_at(s, half - stride / 2), i);
        add_call(s, t[i + 1], from, level_at(s, t[i + 1]), i);
    }
    end_at(s, s->point[s->calls - 1].to);
    keep_above_zero(s);
    free(t);
    return true;
}

void lrt_step_pndm_prk(lrt_sampling *s, int k)
{
    static const double weights[4] = {1 / 6., 1 / 3., 1 / 3., 1 / 6.};
    double *start = s->history[4], *sum = s->history[5];
    if (k >= PRK_CALLS) {
        remember(s);
        combine(s, PRK_STEPS + 1, s->out);
        transfer(s, k, s->x, s->out);
        return;
    }
    if (k % 4 == 0)
        remember(s);
    for (int64_t i = 0; i < s->n; i++) {
        if (k % 4 == 0)
            start[i] = s->x[i];
        sum[i] = (k % 4 ? sum[i] : 0) + weights[k % 4] * s->out[i];
    }
    transfer(s, k, start, k % 4 == 3 ? sum : s->out);
}

/* As diffusers' skip_prk_steps says. */
bool lrt_plan_pndm(lrt_sampling *s, lrt_error *e)
{
    return (s->config.prk_steps ? lrt_plan_pndm_prk : lrt_plan_plms)(s, e);
}

void lrt_step_pndm(lrt_sampling *s, int k)
{
    (s->config.prk_steps ? lrt_step_pndm_prk : lrt_step_plms)(s, k);
}

/* ---- lcm: Luo et al., "Latent consistency models", 2023 ---- */

/* Steps of the solver that such models are distilled with; the timesteps are taken from those. */
static int original_steps(const lrt_sampling *s)
{
    return s->config.original_steps ? s->config.original_steps : 50;
}

/* Timestep number i of the run. */
static double distilled_timestep(const lrt_sampling *s, int i)
{
    int original = original_steps(s), stride = s->schedule->train_steps / original;
    return (original - (int)floor(i * ((double)original / s->steps))) * stride - 1;
}

/* Each step ends at the next timestep, the last one at level `end`. */
static bool plan_distilled(lrt_sampling *s, lrt_level end, bool noise, lrt_error *e)
{
    int original = original_steps(s);
    if (s->steps > original || s->schedule->train_steps < original)
        return lrt_fail(
            e, "steps: %s takes 1 to %d, and a model with at least as many timesteps; found %d",
            s->sampler->name, original, s->steps);
    for (int i = s->first; i < s->steps; i++) {
        bool last = i + 1 == s->steps;
        double t = distilled_timestep(s, i);
        add_call(s, t, level_at(s, t), last ? end : level_at(s, distilled_timestep(s, i + 1)), i);
        s->point[s->calls - 1].noise = noise && !last;
    }
    end_at(s, end);
    return true;
}

bool lrt_plan_lcm(lrt_sampling *s, lrt_error *e)
{
    return plan_distilled(s, lrt_level_of_alpha(1), true, e);
}

/* The consistency function (section 3): c_out x0 + c_skip x, then noise up to the next level. */
void lrt_step_lcm(lrt_sampling *s, int k)
{
    const lrt_point *p = &s->point[k];
    const double data = 0.5;
    double scaling = s->config.timestep_scaling > 0 ? s->config.timestep_scaling : 10;
    double t = p->t * scaling, out = t / sqrt(t * t + data * data),
           skip = data * data / (t * t + data * data);
    double picture = p->noise ? sqrt(p->to.a) : 1, fresh = p->noise ? sqrt(1 - p->to.a) : 0;
    for (int64_t i = 0; i < s->n; i++)
        s->x[i] = picture * (out * s->x0[i] + skip * s->x[i]) +
                  (p->noise ? fresh * s->noise[i] : 0);
}

/* ---- tcd: Zheng et al., "Trajectory consistency distillation", 2024 ---- */

/* The last step ends at timestep 0. */
bool lrt_plan_tcd(lrt_sampling *s, lrt_error *e)
{
    return plan_distilled(s, level_at(s, 0), s->eta > 0, e);
}

/* To the share 1 - eta of the next timestep, then back up to it with new noise (algorithm 4; eta is
 * its gamma). */
void lrt_step_tcd(lrt_sampling *s, int k)
{
    const lrt_point *p = &s->point[k];
    double low = level_at(s, floor((1 - s->eta) * s->point[k + 1].t)).a;
    double picture = sqrt(low), rest = sqrt(1 - low), keep = p->noise ? sqrt(p->to.a / low) : 1,
           fresh = p->noise ? sqrt(1 - p->to.a / low) : 0;
    for (int64_t i = 0; i < s->n; i++)
        s->x[i] = keep * (picture * s->x0[i] + rest * s->eps[i]) +
                  (p->noise ? fresh * s->noise[i] : 0);
}

/* ---- relax: the equation that this project is built on ---- */

/* sigma shrinks by the same factor in every step; the last step goes to the estimate itself. */
bool lrt_plan_relax(lrt_sampling *s, lrt_error *e)
{
    const lrt_schedule *c = s->schedule;
    double sigma = lrt_schedule_sigma(c, c->train_steps - 1), least = lrt_schedule_sigma(c, 0);
    double alpha = s->alpha;
    if (isnan(alpha))
        alpha = s->steps > 1 ? 1 - pow(least / sigma, 1.0 / (s->steps - 1)) : 1;
    if (!(alpha > 0 && alpha <= 1))
        return lrt_fail(e, "alpha must be above 0 and at most 1, found %g", alpha);
    for (int i = 0; i < s->steps; i++) {
        bool last = i + 1 == s->steps;
        lrt_level from = lrt_level_of_sigma(sigma),
                  to = last ? lrt_level_of_sigma(0) : lrt_level_of_sigma(sigma * (1 - alpha));
        if (i >= s->first)
            s->point[s->calls++] = (lrt_point){
                lrt_schedule_time(c, sigma), from.a, from.sigma, from, to, i, false};
        sigma *= 1 - alpha;
    }
    end_at(s, lrt_level_of_sigma(0));
    return true;
}

/* The equation itself: I(t+1) = I(t) - alpha (I(t) - desired state). */
void lrt_step_relax(lrt_sampling *s, int k)
{
    double alpha = lrt_sampling_alpha(s, k), to_y = 1 / sqrt(s->point[k].a),
           to_x = sqrt(s->point[k].to.a);
    for (int64_t i = 0; i < s->n; i++) {
        double y = s->x[i] * to_y;
        y -= alpha * (y - s->x0[i]);
        s->x[i] = y * to_x;
    }
}
