/* The table of samplers, and look-ups by name. */
#ifndef LATENTRT_SAMPLERS_H
#define LATENTRT_SAMPLERS_H
#include "sampler.h"

extern const lrt_sampler lrt_samplers[];
extern const int lrt_sampler_count;
/* Whether two names are the same when case, spaces, '_' and '-' are ignored. */
bool lrt_same_name(const char *a, const char *b);
/* By name, title or alias; case, spaces, '_' and '-' are ignored. NULL when there is none. */
const lrt_sampler *lrt_sampler_find(const char *name);
/* The same for a name that may end in the name of a curve of sigmas, as older web interfaces
 * ("DPM++ 2M Karras", "DPM++ 2M SDE Exponential") and stable-diffusion.cpp ("euler_a karras") write
 * it. *curve: LRT_SIGMAS_* of that curve; LRT_SIGMAS_TIMESTEPS without one. */
const lrt_sampler *lrt_sampler_find_spaced(const char *name, int *curve);
#endif
