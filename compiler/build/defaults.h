/* Defaults that `latentc build` bakes into a generator. */
#ifndef LATENTC_DEFAULTS_H
#define LATENTC_DEFAULTS_H
#include "flags.h"
#include "pipeline.h"

/* Flags that replace what pipeline file and checkpoint say. */
typedef struct {
    const char *steps, *cfg_scale, *sampler, *size, *prediction; /* NULL: not given */
} DefaultFlags;
/* clang-format off */
/* Their rows: a group of --help with an example. */
#define DEFAULT_FLAGS(f, example) \
    FLAG_GROUP("Defaults of the generator", example), \
    {"steps", 0, FLAG_STRING, &(f)->steps, "N", "default of its --steps, 1 to the number of training timesteps; default: as checkpoint or pipeline file say, like the next two", 0, 0}, \
    {"cfg-scale", 0, FLAG_STRING, &(f)->cfg_scale, "X", "default of its --cfg-scale, -1000 to 1000; at or below 1: without guidance", 0, 0}, \
    {"sampling-method", 0, FLAG_STRING, &(f)->sampler, "NAME", "default of its --sampling-method: euler, lcm, 'DPM++ 2M Karras', ...", 0, 0}, \
    {"size", 0, FLAG_STRING, &(f)->size, "WxH", "default size of its pictures: one of --sizes; without --sizes the only one", 0, 0}, \
    {"prediction", 0, FLAG_STRING, &(f)->prediction, "KIND", "what the diffusion model predicts: epsilon or v; default: as its checkpoint says", 0, 0}
/* clang-format on */

/* ---- defaults.c ---- */

/* The flags as a part of a pipeline file, JSON; NULL: none is given. Not --steps, and --size, which
 * sizes.h reads. usage_err() at a wrong value. */
const char *defaults_over(Arena *a, const DefaultFlags *f);

/* --steps, which may be as many as the pipeline's schedule has timesteps. usage_err() at others. */
void defaults_steps(const DefaultFlags *f, Pipeline *p);

/* err() when the generator could not draw with its defaults: too few or too many steps for its
 * sampler and schedule. usage_err() where flags say so. */
void defaults_check(const DefaultFlags *f, const Pipeline *p);

/* "--steps 25 --cfg-scale 7.5 --sampling-method ddim --size 512x512". */
const char *defaults_text(Arena *a, const Pipeline *p);
#endif
