/* Whether a picture that is there already is the one that a line of --prompts describes. */
#ifndef LATENTRT_EXISTING_H
#define LATENTRT_EXISTING_H
#include "error.h"

typedef enum {
    LRT_PICTURE_ABSENT, /* no file of that name: it is to be drawn */
    LRT_PICTURE_SAME,
    LRT_PICTURE_OTHER /* with *why */
} lrt_existing;
/* Compares the record in the file with the one that the picture would get (metadata.h). want: NULL
 * where none would be written: the file then must have none. any_seed: the line's seed is random,
 * so every seed is its own. The version of latentc does not count. *why: what the file records,
 * "records other settings". */
lrt_existing lrt_picture_existing(const char *name, const char *want, bool any_seed,
                                  lrt_error *why);
#endif
