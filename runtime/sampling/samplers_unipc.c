/* unipc (Zhao et al., "UniPC", 2023): a predictor of order 1 to 3 in log sigma (log_points.h), and
 * a corrector that repeats the step with the estimate at its end. */
#include "log_points.h"

enum { MOST_ORDER = 3 };

/* A step between two points, over estimates at other points. hh is the step in lambda, negative
 * where x0 is interpolated; base is B(hh) of the paper: hh (bh1) or e^hh - 1 (bh2). */
typedef struct {
    int order;
    double keep, scale, hh, grown, base;
    /* Per estimate: where it lies, as a share of the step (rk); the last is the end of the step. */
    double place[MOST_ORDER];
} Step;

/* The order of the step of call k: as many estimates as there are, and less at the end. */
static int order_of(const lrt_sampling *s, int k)
{
    int order = lrt_solver_order(s), left = s->steps - s->point[k].step;
    if (!s->config.full_order_last && left < order)
        order = left;
    if (s->point[k].to.sigma == 0)
        order = 1;
    return order < k + 1 ? order : k + 1;
}

/* The step of call k, that is from its sigma to `to`. */
static Step step_of(const lrt_sampling *s, int k, double to_sigma)
{
    lrt_log_point from = lrt_log_point_at(s, k), to = lrt_log_point_of(to_sigma);
    bool noise = s->config.noise_unipc;
    double h = to.lambda - from.lambda;
    Step u = {.order = order_of(s, k),
              .keep = noise ? to.picture / from.picture : to.rest / from.rest,
              .scale = noise ? to.rest : to.picture,
              .hh = noise ? h : -h};
    u.grown = expm1(u.hh);
    u.base = s->config.solver_type == LRT_SOLVER_BH1 ? u.hh : u.grown;
    for (int j = 1; j < u.order; j++)
        u.place[j - 1] = (lrt_log_point_at(s, k - j).lambda - from.lambda) / h;
    u.place[u.order - 1] = 1;
    return u;
}

/* Solves sum_j weight[j] place[j]^i = b[i], i from 0, for n weights: Gaussian elimination. */
static void solve(int n, const double *place, const double *b, double *weight)
{
    double m[MOST_ORDER][MOST_ORDER + 1];
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++)
            m[i][j] = i ? m[i - 1][j] * place[j] : 1;
        m[i][n] = b[i];
    }
    for (int i = 0; i < n; i++)
        for (int row = i + 1; row < n; row++) {
            double f = m[row][i] / m[i][i];
            for (int j = i; j <= n; j++)
                m[row][j] -= f * m[i][j];
        }
    for (int i = n - 1; i >= 0; i--) {
        weight[i] = m[i][n];
        for (int j = i + 1; j < n; j++)
            weight[i] -= m[i][j] * weight[j];
        weight[i] /= m[i][i];
    }
}

/* Weights of the first n differences: the paper's R and b (its equation 11). */
static void weights_of(const Step *u, int n, double *weight)
{
    double b[MOST_ORDER], phi = u->grown / u->hh - 1, factorial = 1;
    for (int i = 0; i < n; i++) {
        b[i] = phi * factorial / u->base;
        factorial *= i + 2;
        phi = phi / u->hh - 1 / factorial;
    }
    solve(n, u->place, b, weight);
}

/* x after the step u that began at `begin`, where the estimate was m. older: further estimates,
 * newest first; end: the estimate at the end of the step, or NULL, with its weight. */
static void take(lrt_sampling *s, const Step *u, const double *weight, const double *begin,
                 double *const *older, const double *end)
{
    const double *m = older[-1];
    for (int64_t i = 0; i < s->n; i++) {
        double change = end ? weight[u->order - 1] * (end[i] - m[i]) : 0;
        for (int j = 0; j < u->order - 1; j++)
            change += weight[j] * (older[j][i] - m[i]) / u->place[j];
        s->x[i] = u->keep * begin[i] - u->scale * (u->grown * m[i] + u->base * change);
    }
}

/* Repeats the step to call k with the estimate there. history 0 to 2: the estimates before, newest
 * first; 3: x at the last call, corrected. */
static void correct(lrt_sampling *s, int k, const double *now)
{
    Step u = step_of(s, k - 1, s->point[k].sigma);
    double weight[MOST_ORDER] = {0.5};
    if (u.order > 1)
        weights_of(&u, u.order, weight);
    take(s, &u, weight, s->history[3], s->history + 1, now);
}

/* The last step to sigma 0, where lambda is infinite, from the corrected x. */
static void to_picture(lrt_sampling *s, int k)
{
    lrt_log_point at = lrt_log_point_at(s, k);
    for (int64_t i = 0; i < s->n; i++)
        s->x[i] = s->config.noise_unipc ? (s->x[i] - at.rest * s->eps[i]) / at.picture : s->x0[i];
}

/* The estimate at call k first corrects the step to call k. The next step then starts from the
 * corrected x. */
void lrt_step_unipc(lrt_sampling *s, int k)
{
    const double *now = s->config.noise_unipc ? s->eps : s->x0;
    int before = s->point[k].step - 1;
    bool off = before >= 0 && before < 63 && s->config.no_corrector >> before & 1;
    if (k > 0 && !off)
        correct(s, k, now);
    double *oldest = s->history[2], *begin = s->history[3];
    s->history[2] = s->history[1];
    s->history[1] = s->history[0];
    s->history[0] = oldest;
    for (int64_t i = 0; i < s->n; i++) {
        oldest[i] = now[i];
        begin[i] = s->x[i];
    }
    if (s->point[k].to.sigma == 0) {
        to_picture(s, k);
        return;
    }
    Step u = step_of(s, k, s->point[k].to.sigma);
    double weight[MOST_ORDER] = {0.5};
    if (u.order > 2)
        weights_of(&u, u.order - 1, weight);
    take(s, &u, weight, begin, s->history + 1, NULL);
}
