/* The way from settings to a picture, for the generator's program and for the library.
 *
 * Call lrt_session_open once. For new settings call lrt_session_read and lrt_session_prepare; for
 * each picture then lrt_session_start, lrt_session_denoise and lrt_engine_decode. */
#ifndef LATENTRT_SESSION_H
#define LATENTRT_SESSION_H
#include "container.h"
#include "engine.h"
#include "settings.h"
#include "tokenizer.h"

typedef struct {
    const lrt_pipeline *pipeline; /* the program's; after lrt_session_read: `sized` */
    lrt_pipeline sized;           /* the program's, with the size that the settings chose */
    lrt_settings set;             /* the caller's, who may change it before lrt_session_read */
    /* The file with the weights: the program's own, unless weights_path is set. */
    lrt_container container;
    /* The caller's: lrt_container_check_code has checked the program's file. */
    bool code_checked;
    /* With weights_path: the program's own file, where the vocabulary is in it. */
    lrt_container own;
    /* For messages, the caller's: how to name another file of weights, "--weights-file FILE". */
    const char *elsewhere;
    /* The file of packed weights, its name in messages, and what to do when it is not usable. NULL
     * when the program holds its weights. */
    char *weights_path, *weights_what, *weights_remedy;
    lrt_vocab vocab;
    lrt_profile *profile;     /* NULL: off; not owned */
    const lrt_halves *halves; /* NULL: this process draws alone; not owned */
    lrt_engine engine;
    lrt_schedule schedule;
    lrt_sampling sampling;
    int left; /* how many steps run: all, or with --init-img the share --strength */
    lrt_init_image init_image; /* of --init-img and --mask */
    lrt_noise noise;           /* of the current picture */
    float *x;                  /* the latent, (h, w, 4) */
    int32_t *ids;              /* (2, max_text_length): the prompt's, then the negative prompt's */
    /* For the user: what was cut from long prompts, and how pictures were changed, a line each.
     * NULL or "": nothing. */
    char *notice;
    lrt_error fewer_threads; /* for the user: why there are fewer than set.threads said; "" */
    /* The ids that the model's context was computed for, and whether for both, so that it is not
     * computed again for the same ones; the scale of a model that takes it as an input, else 0. */
    int32_t *encoded;
    bool encoded_guided;
    double encoded_scale;
} lrt_session;
/* Opens the files, maps `sections` (LRT_MAP_*) and chooses the number of threads. program: the file
 * that holds the code. weights: the file that holds the weights; NULL: the one that the pipeline
 * names. When the weights are mapped, the CPU is checked, and AMX is enabled, before any code that
 * was compiled for the target runs. The hash of the weights is not checked here, since that would
 * delay the first step: call lrt_container_check after it. */
bool lrt_session_open(lrt_session *s, const char *program, const char *weights, unsigned sections,
                      lrt_error *e);
void lrt_session_close(lrt_session *s);
/* Reads what the settings name: ids of the prompts, cut (which the notice says) or padded, and
 * pictures. */
bool lrt_session_read(lrt_session *s, lrt_error *e);
/* Prepares memory, schedule, the init image's latent, and the prompts' contexts. */
bool lrt_session_prepare(lrt_session *s, lrt_error *e);
/* Makes the first latent of a picture, s->x: noise of that seed, or --latent-in; with --init-img,
 * mixed with that picture's latent. */
bool lrt_session_start(lrt_session *s, uint64_t seed, lrt_error *e);
/* Runs the loop: s->x becomes the finished latent. */
bool lrt_session_denoise(lrt_session *s, lrt_on_step *on_step, void *context, lrt_error *e);
#endif
