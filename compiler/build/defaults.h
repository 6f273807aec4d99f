/* Defaults that `latentc build` bakes into a generator. */
#ifndef LATENTC_DEFAULTS_H
#define LATENTC_DEFAULTS_H
#include "flags.h"
#include "pipeline.h"

/* Flags that replace what pipeline file and checkpoint say. */
typedef struct {
    int64_t steps; /* 0: not given; so is NULL */
    const char *cfg_scale, *sampler, *size, *prediction;
} DefaultFlags;
/* clang-format off */
/* Their rows: a group of --help with an example. */
#define DEFAULT_FLAGS(f, example) \
    FLAG_GROUP("Defaults of the generator", example), \
    {"steps", 0, FLAG_INT, &(f)->steps, "N", "default of its --steps; default: as checkpoint or pipeline file say, like the next two", 1, 100000}, \
    {"cfg-scale", 0, FLAG_STRING, &(f)->cfg_scale, "X", "default of its --cfg-scale, -1000 to 1000; at or below 1: without guidance", 0, 0}, \
    {"sampling-method", 0, FLAG_STRING, &(f)->sampler, "NAME", "default of its --sampling-method: euler, lcm, 'DPM++ 2M Karras', ...", 0, 0}, \
    {"size", 0, FLAG_STRING, &(f)->size, "WxH", "default size of its pictures: one of --sizes; without --sizes the only one", 0, 0}, \
    {"prediction", 0, FLAG_STRING, &(f)->prediction, "KIND", "what the diffusion model predicts: epsilon or v; default: as its checkpoint says", 0, 0}
/* clang-format on */

/* ---- defaults.c ---- */

/* The flags as a part of a pipeline file, JSON; NULL: none is given. usage_err() at a wrong value.
 */
const char *defaults_over(Arena *a, const DefaultFlags *f);

/* The size at the start of text, WIDTHxHEIGHT in pixels: how many characters it has; 0: none. */
size_t size_scan(const char *text, lrt_size *size);

/* usage_err() unless both sides are multiples of 8. flag: where the size stands. */
void size_check(const char *flag, const lrt_size *size);

/* The list for --sizes with --size in front; NULL: neither is given. usage_err() when size is no
 * size or not among sizes. */
const char *defaults_sizes(Arena *a, const DefaultFlags *f, const char *sizes);

/* err() when the generator could not draw with its defaults: too few or too many steps for its
 * sampler and schedule. */
void defaults_check(const Pipeline *p);

/* "--steps 25 --cfg-scale 7.5 --sampling-method ddim --size 512x512". */
const char *defaults_text(Arena *a, const Pipeline *p);
#endif
