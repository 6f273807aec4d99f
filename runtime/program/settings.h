/* A generator's settings, and its command line that sets them. */
#ifndef LATENTRT_SETTINGS_H
#define LATENTRT_SETTINGS_H
#include "options.h"
#include "plan.h"
#include "rng.h"
#include "samplers.h"

#define LRT_VERSION "0.1.0"
#define LRT_STRENGTH 0.75 /* of --init-img, unless --strength says otherwise */

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
/* Defaults from the pipeline. */
void lrt_settings_default(lrt_settings *s, const lrt_pipeline *p);
/* One setting by its long name; those that only a program has are refused. value must outlive s. */
bool lrt_settings_set(lrt_settings *s, const lrt_pipeline *p, const char *name, const char *value,
                      lrt_error *e);
/* Whether the settings go together. */
bool lrt_settings_check(lrt_settings *s, const lrt_pipeline *p, lrt_error *e);
/* Fills in s->sampler and s->karras from s->sampler_name. false: there is no such sampler. */
bool lrt_settings_find_sampler(lrt_settings *s, lrt_error *e);
/* lrt_settings_check, and whether the settings say what to draw; fills in the default of --profile.
 */
bool lrt_settings_complete(lrt_settings *s, const lrt_pipeline *p, lrt_error *e);
/* The options as a table whose values are in s. */
enum { LRT_MOST_OPTIONS = 48 };
int lrt_settings_table(lrt_option table[LRT_MOST_OPTIONS], lrt_settings *s, const lrt_pipeline *p);
/* Whether the option of that name shapes the picture; the others say what a program does with it.
 */
bool lrt_setting_shapes(const char *name);
bool lrt_settings_parse(lrt_settings *s, const lrt_pipeline *p, int argc, char **argv,
                        lrt_error *e);
void lrt_settings_help(const lrt_pipeline *p, const char *program);
/* The name of picture i of n (from 1): a %d (%03d, ...) in pattern becomes i, a %s the seed; with
 * neither, "-i" goes before the extension when n > 1. malloc'd; NULL when memory is short. tag:
 * inserted before the extension, "" for none. */
char *lrt_numbered_name(const char *pattern, int64_t i, int64_t n, int64_t seed, const char *tag);
#endif
