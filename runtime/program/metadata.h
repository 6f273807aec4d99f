/* The record of a picture, which says how it was drawn: the text chunk "parameters" of a PNG, the
 * Exif comment of a JPEG, in the form that web interfaces show and read,
 *
 *     a red circle
 *     Negative prompt: blue
 *     Steps: 25, Sampler: DDIM, CFG scale: 7.5, Seed: 42, Size: 512x512, Model: sd2, RNG: NV,
 * Version: latentc 0.1.0
 *
 * After those fields, every other setting that shapes the picture and differs from the program's
 * default, by its long name; with --cache-interval also the cache level that the program was built
 * with. Numbers are read back exactly. */
#ifndef LATENTRT_METADATA_H
#define LATENTRT_METADATA_H
#include "init_image.h"
#include "settings.h"

/* What a picture was drawn with. */
typedef struct {
    const lrt_settings *settings;     /* checked */
    uint64_t seed;                    /* the picture's own */
    const lrt_init_image *init_image; /* NULL without one */
    const float *latent_in;           /* (latent_n), the tensor of --latent-in; NULL without it */
    int64_t latent_n;
} lrt_picture_record;
/* The text chunk of that picture: malloc'd, NULL when memory is short. */
char *lrt_metadata_text(const lrt_pipeline *p, const lrt_picture_record *r);

/* What a record said. */
typedef struct lrt_recorded {
    char **texts; /* owned; settings point to them */
    size_t n_texts;
    bool from_picture, with_mask, from_latent; /* files that it was drawn with */
    uint64_t picture, mask;                    /* their lrt_init_image_hash */
    int cache_level; /* of the program that drew it with short steps; 0: not recorded */
    char *notice;    /* a line for each thing that is not used or differs; "" for nothing */
} lrt_recorded;
/* Reads the record of a PNG or JPEG into s, over its values. What is unknown or has a value that
 * does not fit is left out and named in the notice. false, with *e: no record, or a size that the
 * program does not draw. */
bool lrt_metadata_read(const char *path, const lrt_pipeline *p, lrt_settings *s, lrt_recorded *r,
                       lrt_error *e);
/* Adds a line to the notice, as lrt_plain shows it. false: memory is short. */
bool lrt_recorded_say(lrt_recorded *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same from the text; path is for messages. */
bool lrt_metadata_parse(const char *text, const char *path, const lrt_pipeline *p, lrt_settings *s,
                        lrt_recorded *r, lrt_error *e);
/* Whether s names the files that the picture was drawn with; if not, *e names the missing option.
 */
bool lrt_recorded_complete(const lrt_recorded *r, const char *path, const lrt_settings *s,
                           lrt_error *e);
/* Sets recorded settings back to their defaults that do not go with the others, which the notice
 * says: an eta beside another sampler, a strength without an init image, a sampler that the program
 * does not have. table: of s, whose `given` rows stay. false, with *e: a given one does not fit. */
bool lrt_recorded_fit(lrt_recorded *r, const char *path, const lrt_pipeline *p, lrt_settings *s,
                      const lrt_option *table, lrt_error *e);
/* With --from-png, after lrt_settings_parse: s becomes what that picture records, and over it what
 * the command line says. r receives what was read. */
bool lrt_settings_recall(lrt_settings *s, const lrt_pipeline *p, int argc, char **argv,
                         lrt_recorded *r, lrt_error *e);
void lrt_recorded_free(lrt_recorded *r);
#endif
