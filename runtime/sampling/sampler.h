/* The noise schedule and the samplers that walk down it.
 *
 * Units: x is the latent in variance-preserving units, x = sqrt(a) x0 + sqrt(1 - a) noise, a =
 * alphas_cumprod at the timestep. In variance-exploding units y = x / sqrt(a) and sigma = sqrt((1 -
 * a) / a), so y = x0 + sigma noise. x is what the model is given, whatever units a sampler computes
 * in: what diffusers calls scale_model_input is the way from y to x.
 *
 * A step is a step of the user's; a call is one of the model's. Most samplers make one call a step;
 * heun and pndm make more. A sampler's plan lays out all calls before the first; its step function
 * moves x once for every call. docs/samplers.md says what each of them is. */
#ifndef LATENTRT_SAMPLER_H
#define LATENTRT_SAMPLER_H
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "plan.h"
#include "rng.h"
#include "schedule.h"

typedef struct {
    double a, sigma;
} lrt_level; /* of noise */
/* A call of the model, and the move that its answer makes. */
typedef struct {
    double t, a, sigma; /* where the model is asked */
    lrt_level from, to; /* the move; from is another level than a, sigma in some calls of pndm */
    int step;           /* of the user's, from 0 */
    bool noise;         /* the move adds new noise */
} lrt_point;

typedef struct lrt_sampler lrt_sampler;
typedef struct {
    /* what a run is made of; filled in by the caller before lrt_sampling_plan */
    const lrt_sampler *sampler;
    const lrt_schedule *schedule;
    lrt_schedule_config config; /* of the pipeline, with the user's own wishes over it */
    int steps;
    int first;    /* the step to begin with; those before it are left out */
    double alpha; /* of relax; NAN: chosen so that the steps span the schedule */
    double eta;   /* of ddim: how much of the noise that a step takes away is drawn anew, 0 to 1 */
    int64_t n;    /* numbers in a latent */
    /* from lrt_sampling_plan */
    int calls;
    lrt_point *point; /* (calls + 1): the last one is where everything ends */
    double start;     /* noise of unit variance is multiplied with this to be x at point 0 */
    /* the state of a run, (n) each */
    double *x;          /* at the next call */
    double *out;        /* the model's answer, guided */
    double *x0, *eps;   /* what it says of the finished picture and of the noise in x */
    float *noise;       /* new, where point[k].noise; (2 n), see lrt_noise_latent */
    double *history[6]; /* the sampler's own, as many as its row says */
} lrt_sampling;

enum {
    LRT_TAKES_ALPHA = 1,
    LRT_TAKES_ETA = 2,
    LRT_TAKES_SPACING = 4,
    LRT_TAKES_KARRAS = 8,  /* when the user asks for it */
    LRT_OBEYS_KARRAS = 16, /* when the schedule says so */
    LRT_CLIPS = 32,        /* x0 is clipped where the schedule says so */
    LRT_SINGLE = 64,       /* state is rounded to float after every step, as keras-cv does */
    LRT_PLAIN_BETAS =
        128, /* zero_snr of the schedule is left out, as the class in diffusers does not know it */
    LRT_CLIPS_ITSELF = 256 /* within -1 .. 1, where the schedule leaves that to the sampler */
};
struct lrt_sampler {
    const char *name;
    const char
        *title; /* as web interfaces write it into pictures; NULL: they have no such sampler */
    const char *aliases; /* separated by commas; may be NULL */
    const char *help;
    unsigned traits; /* LRT_TAKES_ALPHA, ... */
    int spacing;     /* LRT_SPACING_*: diffusers' default for it */
    int history;     /* arrays */
    /* Sets s->calls and fills s->point and s->start. s->point has room for most_calls(steps) + 1.
     */
    bool (*plan)(lrt_sampling *s, lrt_error *e);
    /* Call k has been answered: s->x moves from where it was to point k + 1. */
    void (*step)(lrt_sampling *s, int k);
};
/* false: steps that the schedule cannot give, settings out of range, memory. */
bool lrt_sampling_plan(lrt_sampling *s, lrt_error *e);
void lrt_sampling_free(lrt_sampling *s);
/* A run: x (n) at point 0, then for every call k lrt_sampling_answer and lrt_sampling_move, then
 * lrt_sampling_get. */
void lrt_sampling_set(lrt_sampling *s, const float *x);
void lrt_sampling_get(const lrt_sampling *s, float *x);
/* The model's answer (n) to x at point k: s->out, s->x0, s->eps. */
void lrt_sampling_answer(lrt_sampling *s, int k, const float *answer);
/* noise is drawn from `noise` where the point says so; it may be NULL where none does. x at point k
 * + 1. */
void lrt_sampling_move(lrt_sampling *s, int k, lrt_noise *noise);

/* Whether call k is the first of its step. */
bool lrt_sampling_begins(const lrt_sampling *s, int k);
/* alpha of the step that call k belongs to, and rms(y - x0) before it: the deviation that it
 * reduces. */
double lrt_sampling_alpha(const lrt_sampling *s, int k);
double lrt_sampling_deviation(const lrt_sampling *s, int k);
#endif
