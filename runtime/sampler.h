/* The noise schedule and the samplers that walk down it.
 *
 * Units: x is the latent in variance-preserving units, x = sqrt(a) x0 + sqrt(1 - a) noise, a = alphas_cumprod at the
 * timestep. In variance-exploding units y = x / sqrt(a) and sigma = sqrt((1 - a) / a), so y = x0 + sigma noise. Every
 * sampler here is the equation y <- y - alpha (y - x0), with alpha = 1 - sigma'/sigma. */
#ifndef LATENTRT_SAMPLER_H
#define LATENTRT_SAMPLER_H
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "plan.h"

typedef struct {
    int train_steps;
    float *alpha_bar; /* (train_steps): float of the cumulative product in double of 1 - beta */
} lrt_schedule;
/* beta runs linearly from start to end, or (scaled) its square root does. false when memory is short. */
bool lrt_schedule_init(lrt_schedule *s, int train_steps, double beta_start, double beta_end, bool scaled);
void lrt_schedule_free(lrt_schedule *s);
double lrt_schedule_sigma(const lrt_schedule *s, int t);
/* The timestep, a fraction, at which the training schedule has this sigma: log sigma is interpolated, the ends are
 * not passed. */
double lrt_schedule_time(const lrt_schedule *s, double sigma);

/* Sinusoidal embedding of a timestep: out (width) = [cos(t f), sin(t f)], f_j = 10000^(-j / (width/2)); width is
 * even. */
void lrt_timestep_embedding(double t, float *out, int width);

/* What a run of a sampler is made of; filled in by the caller before lrt_sampling_plan. */
typedef struct {
    double t, a, sigma;
} lrt_point;
typedef struct lrt_sampler lrt_sampler;
typedef struct {
    const lrt_sampler *sampler;
    const lrt_schedule *schedule;
    int steps;
    int spacing; /* LRT_SPACING_* */
    double alpha;       /* of relax; NAN: chosen so that the steps span the schedule */
    double final_alpha; /* a after the last step */
    double clip;        /* x0 is clamped to [-clip, clip]; 0: it is not */
    lrt_point
        *point; /* (steps + 1): where step k starts; the last one is where everything ends. From lrt_sampling_plan */
} lrt_sampling;

struct lrt_sampler {
    const char *name, *help;
    bool takes_alpha;
    /* Fills s->point. */
    bool (*plan)(lrt_sampling *s, lrt_error *e);
    /* Step k: x (n) from point k to point k + 1; x0 and noise (n) are the model's estimates at point k. */
    void (*step)(const lrt_sampling *s, int k, int64_t n, float *x, const float *x0, const float *noise);
};
extern const lrt_sampler lrt_samplers[];
extern const int lrt_sampler_count;
const lrt_sampler *lrt_sampler_find(const char *name); /* NULL when there is none of that name */

bool lrt_sampling_plan(lrt_sampling *s, lrt_error *e); /* false: more steps than the schedule has, memory */
void lrt_sampling_free(lrt_sampling *s);
/* Classifier-free guidance: what the prompt adds to the prediction without it, enlarged `scale` times. */
void lrt_guide(int64_t n, double scale, const float *without, const float *with, float *noise);
/* The estimate of the finished picture: x0 (n) from x and the predicted noise at point k. */
void lrt_sampling_estimate(const lrt_sampling *s, int k, int64_t n, const float *x, const float *noise, float *x0);
/* alpha of step k, and rms(y - x0) before it: the deviation that it reduces. */
double lrt_sampling_alpha(const lrt_sampling *s, int k);
double lrt_sampling_deviation(const lrt_sampling *s, int k, int64_t n, const float *x, const float *x0);
#endif
