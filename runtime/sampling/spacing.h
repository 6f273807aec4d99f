/* Which timesteps a run of n steps takes. */
#ifndef LATENTRT_SPACING_H
#define LATENTRT_SPACING_H
#include "sampler.h"

/* A row per spacing; the index is LRT_SPACING_*. */
typedef struct {
    const char *name, *help;
    /* Whether the last of n timesteps is the end of the run. Then dpm++2m and unipc lay out n + 1
     * and drop the last one. */
    bool ends;
    /* Fills t (n) from noise to picture; fractions where a timestep is between two of training. */
    void (*fill)(int train_steps, int n, int offset, double *t);
} lrt_spacing;
extern const lrt_spacing lrt_spacings[];
extern const int lrt_spacing_count;
/* LRT_SPACING_* of that name; -1 when there is none. */
int lrt_spacing_find(const char *name);

/* Fills sigma (n) from the largest down to the least, evenly spaced in sigma^(1/7) (Karras et al.,
 * 2022, equation 5). */
void lrt_karras(double largest, double least, int n, double *sigma);
/* The timesteps of all s->steps steps, from noise to picture, as s->config.spacing says. rounded:
 * to whole timesteps. before_end: where the spacing `ends`, without its last timestep. malloc'd;
 * NULL, with *e, when the steps do not fit the schedule or memory is short. */
double *lrt_timesteps(const lrt_sampling *s, bool before_end, bool rounded, lrt_error *e);
/* Fills *e: the steps of s do not fit the schedule. Always false. */
bool lrt_steps_unfit(const lrt_sampling *s, lrt_error *e);
#endif
