/* The noise schedule of training, and the embedding of a timestep.
 *
 * a = alphas_cumprod at a timestep, the share of the picture in the variance of x (sampler.h);
 * sigma = sqrt((1 - a) / a). */
#ifndef LATENTRT_SCHEDULE_H
#define LATENTRT_SCHEDULE_H
#include <stdbool.h>

#include "plan.h"

typedef struct lrt_schedule {
    int train_steps;
    /* (train_steps): the product of all 1 - beta so far, computed in double, rounded to float. With
     * zero_snr the last one is 0. */
    float *alpha_bar;
    /* With zero_snr: the same schedule without it, for samplers that do not support it. Else NULL.
     */
    struct lrt_schedule *plain;
} lrt_schedule;
/* Fills s from c; free it with lrt_schedule_free. false when memory is short. */
bool lrt_schedule_init(lrt_schedule *s, const lrt_schedule_config *c);
void lrt_schedule_free(lrt_schedule *s);
/* a at timestep t, 0 <= t < train_steps. At least 2^-24, as in diffusers, also where alpha_bar is
 * 0. */
double lrt_schedule_alpha(const lrt_schedule *s, int t);
/* sigma at timestep t. */
double lrt_schedule_sigma(const lrt_schedule *s, int t);
/* sigma at a fractional timestep: interpolated linearly. t is clamped to the schedule. */
double lrt_schedule_sigma_at(const lrt_schedule *s, double t);
/* The fractional timestep whose sigma this is: log sigma is interpolated linearly. sigma is clamped
 * to the schedule. */
double lrt_schedule_time(const lrt_schedule *s, double sigma);

/* Sinusoidal embedding of a timestep: out (width) = [cos(t f), sin(t f)], f_j = 10000^(-j /
 * (width/2)). width is even. */
void lrt_timestep_embedding(double t, float *out, int width);
#endif
