/* A run of a sampler: from noise, call by call of the model, to the finished latent.
 *
 * Units: x is the latent in variance-preserving units, x = sqrt(a) x0 + sqrt(1 - a) noise, where a
 * = alphas_cumprod at the timestep. In variance-exploding units y = x / sqrt(a) and sigma = sqrt((1
 * - a) / a), so y = x0 + sigma noise. The model always gets x, whatever units a sampler computes
 * in. (diffusers calls the conversion from y to x scale_model_input.)
 *
 * The user counts steps; a call is one evaluation of the model. Most samplers make one call per
 * step; heun and pndm make more. A sampler's plan lays out all calls before the first one. Its step
 * function then moves x once per call. docs/samplers.md describes each sampler. */
#ifndef LATENTRT_SAMPLER_H
#define LATENTRT_SAMPLER_H
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "plan.h"
#include "rng.h"
#include "schedule.h"

/* A level of noise. */
typedef struct {
    double a, sigma;
} lrt_level;
/* A call of the model, and the move of x after it. */
typedef struct {
    double t, a, sigma; /* timestep and level of the call */
    lrt_level from, to; /* the move; in some calls of pndm, `from` differs from a, sigma */
    int step;           /* the user's step, from 0 */
    bool noise;         /* the move adds new noise */
} lrt_point;

typedef struct lrt_sampler lrt_sampler;
typedef struct {
    /* filled in by the caller before lrt_sampling_plan */
    const lrt_sampler *sampler;
    const lrt_schedule *schedule;
    lrt_schedule_config config; /* the pipeline's, with the user's settings over it */
    int steps;
    int first;    /* the step to start with; earlier ones are skipped */
    double alpha; /* relax; NAN: chosen so that the steps span the schedule */
    double eta;   /* ddim, tcd: the share, 0 to 1, of a step's removed noise that is drawn anew */
    int64_t n;    /* numbers in a latent */
    /* Step caching: calls of the model from one full one to the next; 0 and 1: all are full. */
    int cache_interval;
    /* from lrt_sampling_plan */
    int calls;
    lrt_point *point; /* (calls + 1): the last one is the end of the run */
    double start;     /* x at point 0 is unit noise times this */
    /* the state of a run, (n) each */
    double *x;          /* at the next call */
    double *out;        /* the guided prediction */
    double *x0, *eps;   /* its estimates of the finished latent and of the noise in x */
    float *noise;       /* new noise where point[k].noise; (2 n), see lrt_noise_latent */
    double *history[6]; /* the sampler's own; as many as its row says */
    double *sorted;     /* scratch of dynamic thresholding; NULL without it */
} lrt_sampling;

enum {
    LRT_TAKES_ALPHA = 1,
    LRT_TAKES_ETA = 2,
    LRT_TAKES_SPACING = 4,
    LRT_TAKES_CURVES = 8,  /* accepts --spacing karras and exponential */
    LRT_OBEYS_CURVES = 16, /* uses these sigmas when the schedule says so */
    LRT_CLIPS = 32,        /* clips x0 where the schedule says so */
    LRT_SINGLE = 64,       /* rounds its state to float after every step, as keras-cv does */
    /* ignores zero_snr of the schedule, as its class in diffusers does */
    LRT_PLAIN_BETAS = 128,
    /* clips x0 to -1 .. 1 where the schedule says nothing about clipping */
    LRT_CLIPS_ITSELF = 256,
    /* What its class in diffusers knows of a schedule. Members of the schedule that a step function
     * reads alone need no trait. */
    LRT_THRESHOLDS = 512,           /* dynamic thresholding of x0 */
    LRT_OBEYS_FINAL_SIGMA = 1024,   /* final_sigma_least */
    LRT_OBEYS_LU = 2048,            /* sigmas that are LRT_SIGMAS_LU */
    LRT_OBEYS_INTERPOLATION = 4096, /* log_linear and continuous */
    LRT_CLIPS_SIGMA = 8192,         /* sigma_clipped */
    LRT_OWN_KARRAS_ENDS = 16384,    /* ignores sigma_min and sigma_max for Karras' sigmas */
    LRT_ENDS_LEAST = 32768,        /* its last sigma is the least one, whatever the schedule says */
    LRT_REPEATS_CURVE_END = 65536, /* a curve's own last sigma, where the least one ends the run */
    LRT_ROUNDS_KARRAS = 131072     /* whole timesteps for Karras' sigmas */
};
struct lrt_sampler {
    const char *name;
    /* The name that web interfaces write into pictures; NULL: they have no such sampler. */
    const char *title;
    /* Other names, separated by commas; may be NULL. */
    const char *aliases;
    const char *help;
    /* LRT_TAKES_ALPHA, ... */
    unsigned traits;
    /* LRT_SPACING_*: diffusers' default for it. */
    int spacing;
    /* How many arrays of n numbers it stores from earlier calls. */
    int history;
    /* Sets s->calls and fills s->point and s->start. s->point has room for most_calls(steps) + 1.
     */
    bool (*plan)(lrt_sampling *s, lrt_error *e);
    /* After call k: moves s->x to point k + 1. */
    void (*step)(lrt_sampling *s, int k);
};

/* Lays out all calls and allocates the state, which lrt_sampling_free frees. false, with *e: the
 * schedule does not have so many steps, a setting is out of range, or memory is short. */
bool lrt_sampling_plan(lrt_sampling *s, lrt_error *e);
void lrt_sampling_free(lrt_sampling *s);
/* A run: lrt_sampling_set with x (n) at point 0; lrt_sampling_answer and lrt_sampling_move for
 * every call k; lrt_sampling_get. */
void lrt_sampling_set(lrt_sampling *s, const float *x);
void lrt_sampling_get(const lrt_sampling *s, float *x);
/* Takes the guided prediction (n) for x at point k: sets s->out, s->x0 and s->eps. */
void lrt_sampling_answer(lrt_sampling *s, int k, const float *answer);
/* Moves x to point k + 1. New noise is drawn from `noise` where the point says so; `noise` may be
 * NULL when no point does. */
void lrt_sampling_move(lrt_sampling *s, int k, lrt_noise *noise);

/* Whether call k is the first of its step. */
bool lrt_sampling_begins(const lrt_sampling *s, int k);
/* Whether call k runs the whole model: always without step caching. Otherwise in the first call,
 * and then where a step begins and the last full call is cache_interval calls back. So all calls of
 * a step reuse the same values, which the first of them may have made. */
bool lrt_sampling_full(const lrt_sampling *s, int k);
/* For --trace, before the move of call k: alpha of its step, the share of the way to x0, and rms(y
 * - x0), the deviation that the step reduces. */
double lrt_sampling_alpha(const lrt_sampling *s, int k);
double lrt_sampling_deviation(const lrt_sampling *s, int k);
#endif
