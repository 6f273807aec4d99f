/* Schedules and plans for tests of sampling. */
#ifndef PLANS_H
#define PLANS_H
#include "samplers.h"

enum { N = 768 }; /* numbers of a latent */

/* Betas from start to end over 1000 timesteps; scaled: their roots are linear. To be freed. */
lrt_schedule schedule(double start, double end, bool scaled);

/* The plan of a sampler over a schedule; spacing is LRT_SPACING_*. To be freed. */
lrt_sampling plan(const char *name, const lrt_schedule *c, int steps, int spacing, double alpha);

#endif
