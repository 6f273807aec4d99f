/* What samplers in lambda = log(sqrt(a) / sqrt(1 - a)) = -log sigma, half the logarithm of the
 * signal-to-noise ratio, share. There the linear part of the equation has an exact solution. What
 * the papers call alpha = sqrt(a) and sigma = sqrt(1 - a) is `picture` and `rest` here. */
#ifndef LATENTRT_LOG_POINTS_H
#define LATENTRT_LOG_POINTS_H
#include <math.h>

#include "sampler_steps.h"

typedef struct {
    double picture, rest, lambda;
} lrt_log_point;

/* picture = 1 / sqrt(1 + sigma^2) for any sigma; lambda is infinite at sigma 0. */
static inline lrt_log_point lrt_log_point_of(double sigma)
{
    double picture = 1 / sqrt(1 + sigma * sigma);
    return (lrt_log_point){picture, sigma * picture, -log(sigma)};
}

/* That of call k. */
static inline lrt_log_point lrt_log_point_at(const lrt_sampling *s, int k)
{
    return lrt_log_point_of(s->point[k].sigma);
}

/* The order that the schedule asks for: 1 to 3. */
static inline int lrt_solver_order(const lrt_sampling *s)
{
    return s->config.solver_order ? s->config.solver_order : 2;
}

/* Whether the move of call k belongs to one of the last n steps of the run. */
static inline bool lrt_among_last(const lrt_sampling *s, int k, int n)
{
    return s->point[k].step + n >= s->steps;
}

/* A step to sigma 0, where lambda is infinite, goes to x0. */
static inline bool lrt_goes_to_picture(lrt_sampling *s, int k)
{
    if (s->point[k].to.sigma > 0)
        return false;
    for (int64_t i = 0; i < s->n; i++)
        s->x[i] = s->x0[i];
    return true;
}

/* Makes room for a new array at history[0], and returns it; `count` arrays move one place up, the
 * last of them out. */
static inline double *lrt_history_push(lrt_sampling *s, int count)
{
    double *oldest = s->history[count - 1];
    for (int j = count - 1; j > 0; j--)
        s->history[j] = s->history[j - 1];
    return s->history[0] = oldest;
}
#endif
