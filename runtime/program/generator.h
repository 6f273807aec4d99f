/* A generator: the program around the compiled stages. One header for its three files: generator.c
 * (the program), generator_options.c (its command line), denoise.c (prompt to latent to picture).
 */
#ifndef LATENTRT_GENERATOR_H
#define LATENTRT_GENERATOR_H
#include "container.h"
#include "known.h"
#include "options.h"
#include "stage.h"
#include "profile.h"
#include "rng.h"
#include "sampler.h"
#include "tokenizer.h"

#define LRT_VERSION "0.1.0"
#define LRT_STRENGTH 0.75 /* of --init-img, unless --strength says otherwise */
enum { LRT_EXIT_OK = 0, LRT_EXIT_USER = 1, LRT_EXIT_USAGE = 2, LRT_EXIT_BUG = 70 };

/* The whole program; generator_entry.c holds the main() that calls it. */
int lrt_generator_main(int argc, char **argv, const lrt_pipeline *p);

/* What the command line says. */
typedef struct {
    const char *prompt, *negative, *output, *sampler_name, *rng_name, *spacing_name,
        *prediction_name, *latent_in, *save_latent, *trace, *profile, *init_img, *mask, *from_png,
        *prompts, *size_name,
        *weights_file; /* spacing_name, prediction_name: NULL for the schedule's */
    int64_t steps, seed, batch_count, threads, preview_every;
    double cfg_scale, guidance_rescale, alpha, eta,
        strength; /* alpha, strength: NAN when not given */
    bool print_tokens, info, help, version, no_metadata, keep_pixels;
    const lrt_sampler *sampler;
    bool karras; /* sampler_name or spacing_name asks for it */
    const lrt_rng *rng;
    lrt_size size;                /* --size, or the pipeline's first */
    lrt_schedule_config schedule; /* the pipeline's, with --spacing and --prediction over it */
} lrt_settings;
/* generator_options.c. Defaults from the pipeline. false: wrong usage. */
void lrt_settings_default(lrt_settings *s, const lrt_pipeline *p);
/* One setting by its long name; those that only a program has are refused. value must outlive s. */
bool lrt_settings_set(lrt_settings *s, const lrt_pipeline *p, const char *name, const char *value,
                      lrt_error *e);
/* Whether the settings go together. */
bool lrt_settings_check(lrt_settings *s, const lrt_pipeline *p, lrt_error *e);
/* The options as a table whose values are in s. */
enum { LRT_MOST_OPTIONS = 48 };
int lrt_settings_table(lrt_option table[LRT_MOST_OPTIONS], lrt_settings *s, const lrt_pipeline *p);
/* Whether the option of that name shapes the picture; the others say what a program does with it.
 */
bool lrt_setting_shapes(const char *name);
bool lrt_settings_parse(lrt_settings *s, const lrt_pipeline *p, int argc, char **argv,
                        lrt_error *e);
/* With --from-png, after lrt_settings_parse: s becomes what that picture records, and what the
 * command line says beside it. */
struct lrt_recorded;
bool lrt_settings_recall(lrt_settings *s, const lrt_pipeline *p, int argc, char **argv,
                         struct lrt_recorded *r, lrt_error *e);
void lrt_settings_help(const lrt_pipeline *p, const char *program);
/* The name of picture i of n (from 1): a %d (%03d, ...) in pattern becomes i, a %s the seed; with
 * neither, "-i" goes before the extension when n > 1. malloc'd; NULL when memory is short. tag:
 * inserted before the extension, "" for none. */
char *lrt_numbered_name(const char *pattern, int64_t i, int64_t n, int64_t seed, const char *tag);

/* denoise.c: everything that turns ids into pictures. Arrays are NHWC. */
typedef struct {
    const lrt_pipeline *pipeline;
    const void *weights;
    int threads;
    int64_t latent_h, latent_w, latent_n; /* latent_n = h * w * 4 */
    float *context;                       /* (2, tokens, width): unconditional first */
    struct { /* prompts that were encoded: ids (max_text_length) and their context */
        int32_t *ids;
        float *context;
    } * encoded;
    size_t n_encoded, next_encoded; /* when there is no more room, the oldest makes place */
    bool single;                    /* both are the same: steps compute one half */
    lrt_instance *model[2];         /* [1] only without batched guidance */
    float *predicted;               /* (2, h, w, 4) */
    float *x, *x0, *guided;         /* (h, w, 4) */
    float *embeddings;              /* (calls, time_width) of the sampling at hand */
    float *picture;                 /* (height, width, 3) */
    uint8_t *rgb;
    lrt_profile *profile; /* NULL: off; not owned */
    lrt_known *known; /* the picture to start from, of which a part may stay; NULL: there is none;
                         not owned */
} lrt_engine;
bool lrt_engine_init(lrt_engine *g, const lrt_pipeline *p, const void *weights, int threads,
                     lrt_error *e);
void lrt_engine_free(lrt_engine *g);
/* The context of both prompts: ids (2, max_text_length), padded, unconditional first. Sets it as
 * the model's input. Prompts that are equal, or a scale of 1, which needs the second only, are one:
 * it is encoded once, and the steps compute one half. */
bool lrt_engine_encode(lrt_engine *g, const int32_t *ids, double cfg_scale, lrt_error *e);
/* What the image encoder says of known->rgb into known->latent, or where pictures start from a
 * sample of it, known->moments; unless it is there already. */
bool lrt_engine_encode_known(lrt_engine *g, lrt_error *e);
/* Called once a step: after the model's estimate at its first call k, before the sampler moves; x
 * and x0 (h, w, 4). false stops, with *e filled in. */
typedef bool lrt_on_step(void *context, const lrt_sampling *s, int k, const float *x,
                         const float *x0, lrt_error *e);
/* All steps of a planned sampling, in place: x (h, w, 4) at its first point becomes the finished
 * latent. noise: for the samplers that draw some. */
typedef struct {
    double scale, rescale; /* --cfg-scale, --guidance-rescale */
} lrt_guidance;
bool lrt_engine_denoise(lrt_engine *g, lrt_sampling *s, lrt_guidance guidance, lrt_noise *noise,
                        float *x, lrt_on_step *on_step, void *context, lrt_error *e);
/* The picture of a latent into g->rgb (height, width, 3), clip((y + 1) / 2 * 255, 0, 255), rounded
 * as the pipeline says; with keep_pixels, what is known of it and stays is put back. */
bool lrt_engine_decode(lrt_engine *g, const float *x, lrt_error *e);
#endif
