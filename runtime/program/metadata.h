/* What a picture records of how it was drawn: the text chunk "parameters", in the form that web
 * interfaces show and read back,
 *
 *     a red circle
 *     Negative prompt: blue
 *     Steps: 25, Sampler: DDIM, CFG scale: 7.5, Seed: 42, Size: 512x512, Model: sd2, RNG: NV,
 * Version: latentc 0.1.0
 *
 * and, behind those, every setting that shapes the picture and is not the program's default, by its
 * long name. Numbers read back exactly. */
#ifndef LATENTRT_METADATA_H
#define LATENTRT_METADATA_H
#include "init_image.h"
#include "settings.h"

/* What a picture was drawn with. */
typedef struct {
    const lrt_settings *settings;     /* checked */
    int64_t seed;                     /* the picture's own */
    const lrt_init_image *init_image; /* NULL without one */
    const float *latent_in;           /* (latent_n), the tensor of --latent-in; NULL without it */
    int64_t latent_n;
} lrt_picture_record;
/* The text chunk of that picture: malloc'd, NULL when memory is short. */
char *lrt_metadata_text(const lrt_pipeline *p, const lrt_picture_record *r);

/* What was read. */
typedef struct lrt_recorded {
    char **texts; /* owned: settings point to them */
    size_t n_texts;
    bool from_picture, with_mask, from_latent; /* what --from-png cannot bring back: the files */
    uint64_t picture, mask;                    /* lrt_init_image_hash */
    char *notice; /* a line each for what is not used or differs; "" for nothing */
} lrt_recorded;
/* Into s, over what is there. What is not known here is named in the notice; a picture of another
 * size is a mistake. */
bool lrt_metadata_read(const char *path, const lrt_pipeline *p, lrt_settings *s, lrt_recorded *r,
                       lrt_error *e);
/* The same from the chunk's text; path is for messages. */
bool lrt_metadata_parse(const char *text, const char *path, const lrt_pipeline *p, lrt_settings *s,
                        lrt_recorded *r, lrt_error *e);
/* Whether the files that the recorded picture was drawn with are named in s. */
bool lrt_recorded_complete(const lrt_recorded *r, const char *path, const lrt_settings *s,
                           lrt_error *e);
/* With --from-png, after lrt_settings_parse: s becomes what that picture records, and over it what
 * the command line says. r receives what was read. */
bool lrt_settings_recall(lrt_settings *s, const lrt_pipeline *p, int argc, char **argv,
                         lrt_recorded *r, lrt_error *e);
void lrt_recorded_free(lrt_recorded *r);
#endif
