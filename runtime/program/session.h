/* What lies between settings and a picture, for the generator's program and for the library alike.
 */
#ifndef LATENTRT_SESSION_H
#define LATENTRT_SESSION_H
#include "container.h"
#include "engine.h"
#include "settings.h"
#include "tokenizer.h"

typedef struct {
    const lrt_pipeline *pipeline; /* the program's; from lrt_session_read on `sized` */
    lrt_pipeline sized; /* the same, with the size of the settings in place of its first */
    lrt_settings set;   /* the caller's, who may change it before lrt_session_read */
    lrt_container
        container; /* where the weights are; the program's own file unless weights_path is set */
    lrt_container own;     /* the program's own file where that is another and has the vocabulary */
    const char *elsewhere; /* the caller's: how its user names another file of weights,
                              "--weights-file FILE" */
    char *weights_path, *weights_what, *weights_mend; /* of weights in a file of their own, and for
                                                         messages about it; NULL: they are not */
    lrt_vocab vocab;
    lrt_profile *profile; /* NULL: off; not owned */
    lrt_engine engine;
    lrt_schedule schedule;
    lrt_sampling sampling;
    int left; /* steps that are done: all, but with --init-img the share that --strength says */
    lrt_init_image init_image; /* of --init-img and --mask */
    lrt_noise noise;           /* of the picture at hand */
    float *x;                  /* the latent, (h, w, 4) */
    int32_t *ids;              /* (2, max_text_length): unconditional first */
    char *notice; /* what was cut of prompts that are too long, what was done to pictures to make
                     them fit, a line each; NULL: nothing */
    /* of what engine.model holds the context: it is not computed again for the same */
    int32_t *encoded;
    double encoded_scale;
} lrt_session;
/* program: the file that the code is from. weights: the file that holds the weights; NULL: what the
 * pipeline says. sections: those that are needed (LRT_MAP_*); with the weights, the CPU must have
 * what the code needs, and what the system grants on request is asked for: nothing that was
 * compiled for the target runs before. Chooses the number of threads. The weights are mapped, but
 * checked only in the first step (lrt_container_check): not before, so that it need not wait for
 * that. */
bool lrt_session_open(lrt_session *s, const char *program, const char *weights, unsigned sections,
                      lrt_error *e);
void lrt_session_close(lrt_session *s);
/* A negative seed becomes a random one. Whether it was. */
bool lrt_seed_choose(int64_t *seed);
/* What the settings name: the prompts' ids, cut, which the notice says, or padded; the pictures. */
bool lrt_session_read(lrt_session *s, lrt_error *e);
/* After that: memory, schedule, the picture's latent, the prompts' contexts. */
bool lrt_session_prepare(lrt_session *s, lrt_error *e);
/* The first latent of a picture: noise of that seed, or --latent-in; with --init-img in that
 * picture's. */
bool lrt_session_start(lrt_session *s, int64_t seed, lrt_error *e);
/* From there to the finished latent, s->x. */
bool lrt_session_denoise(lrt_session *s, lrt_on_step *on_step, void *context, lrt_error *e);
#endif
