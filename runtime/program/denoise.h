/* The denoising loop: the model, guidance and the sampler, one call of the model after the other.
 * Generators run it, and `latentc bench` times it. */
#ifndef LATENTRT_DENOISE_H
#define LATENTRT_DENOISE_H
#include "guidance.h"
#include "init_image.h"
#include "profile.h"
#include "sampler.h"
#include "stage.h"

/* Called once a step: after the model's estimate at its first call k, before the sampler moves x.
 * x0: the estimate, (h, w, 4). false stops the loop, with *e filled in. */
typedef bool lrt_on_step(void *context, const lrt_sampling *s, int k, const float *x0,
                         lrt_error *e);

/* Two processes share the guided calls of a picture: each computes one half, by the same kernels.
 */
typedef struct {
    int half; /* 0: the prediction with the prompt; 1: without it */
    /* Sends n numbers to the other process, unless `mine` is NULL, and receives n of it, unless
     * `theirs` is NULL. false, with *e: the other one has given up. */
    bool (*exchange)(void *context, const float *mine, float *theirs, int64_t n, lrt_error *e);
    void *context;
} lrt_halves;

/* What a call needs. The caller fills it in and owns everything. n: numbers in the latent. */
typedef struct {
    /* What runs at each call: one instance, or two (with the prompt, then without it), which may be
     * the same. The prompt plan, and the time plan of all calls, have run. A call that is not
     * guided runs the first instance, for the first batch element alone. */
    lrt_instance *model[2];
    int models;
    bool single;    /* no call is guided: only one prediction is made */
    int64_t n;      /* of one latent; several pictures are one long latent here */
    int64_t copies; /* of x in the model's input "latent": 1 where it uses x for both predictions */
    float *x;       /* (copies, n) */
    float *predicted; /* (2, n): with the prompt, then without it; (1, n) with `single` */
    float *guided;    /* (n) */
    float *x0;        /* (n), for on_step */
    /* (calls, width), the input "timestep_embedding" of models without a time plan. NULL: that
     * input stays as it is. */
    const float *embeddings;
    int embedding_width;
    lrt_guidance guidance;
    lrt_noise *noise;           /* for samplers that add some; may be NULL for others */
    lrt_on_step *on_step;       /* NULL: nothing is called */
    void *context;              /* of on_step */
    lrt_profile *profile;       /* NULL: off */
    lrt_init_image *init_image; /* NULL without one */
    /* Set by each call, before on_step: it was a short step. */
    bool shorter;
    const lrt_halves *halves; /* NULL: this process computes both */
    int cached; /* with halves: how many of them the last full step computed; 0: there was none */
} lrt_denoiser;
/* Whether call k computes both halves, because its step is guided: all calls of a step are, or
 * none.
 */
bool lrt_denoise_guides(const lrt_denoiser *d, const lrt_sampling *s, int k);
/* Call k of a planned sampling: the model at s->x, guidance, and the move to point k + 1. false
 * when on_step stopped it; x has moved then, too. */
bool lrt_denoise_call(lrt_denoiser *d, lrt_sampling *s, int k, lrt_error *e);
#endif
