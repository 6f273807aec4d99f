/* Which family of models a checkpoint is of: SD-Turbo, an LCM, plain Stable Diffusion 1.x or 2.
 * The rows of families.def say how it is recognised, and which defaults of a generator follow. */
#ifndef LATENTC_FAMILIES_H
#define LATENTC_FAMILIES_H
#include "checkpoint_settings.h"

/* Notes a name of the model, and where it stands, for family_decide: "unet/config.json:
 * _name_or_path". The first MOST_NAMES are noted. */
void family_name(Settings *s, const char *name, const char *where);

/* Notes the _name_or_path of a config, if it has one. */
void family_config(Settings *s, Json config);

/* Notes the form of a scheduler's config. */
void family_scheduler(Settings *s, Json config);

/* Finds the family by what was noted, and sets the members of s->json that follow: `defaults`,
 * where nothing else has set them the schedule's spacing and the picture's size, and "family", an
 * object with the family's "name" and "why" it is recognised. To be called when everything else
 * is set. */
void family_decide(Settings *s);

/* "sd-turbo: unet/config.json: ..." from settings that family_decide has filled; NULL: the
 * checkpoint is of no diffusion model. Lives as long as the settings. */
const char *family_text(Arena *a, Json settings);

/* The family's name where defaults of its own follow from it; NULL: none do. Lives as long as the
 * settings. */
const char *family_with_defaults(Json settings);
#endif
