/* Which timesteps and sigmas a run of n steps takes. */
#ifndef LATENTRT_SPACING_H
#define LATENTRT_SPACING_H
#include "sampler.h"

/* A row per spacing; the index is LRT_SPACING_*. */
typedef struct {
    const char *name, *help;
    /* Whether the last of n timesteps is the end of the run. Then samplers in log sigma lay out n +
     * 1 and drop the last one. */
    bool ends;
    /* Whether timesteps are fractions for every sampler that works in sigma, and log sigma is
     * interpolated between timesteps. Else samplers in log sigma take whole timesteps, and sigma is
     * interpolated. */
    bool fractions;
    /* Fills t (n) from noise to picture; fractions where a timestep is between two of training. */
    void (*fill)(int train_steps, int n, int offset, double *t);
} lrt_spacing;
extern const lrt_spacing lrt_spacings[];
extern const int lrt_spacing_count;
/* LRT_SPACING_* of that name; -1 when there is none. */
int lrt_spacing_find(const char *name);

/* A row per curve of sigmas; the index is LRT_SIGMAS_*. */
typedef struct {
    const char *name;
    /* What --info says after the spacing; "" for LRT_SIGMAS_TIMESTEPS. */
    const char *about;
    /* Traits of samplers that take it from --spacing, and of those that obey a schedule that has
     * it. */
    unsigned takes, obeys;
    /* sigma number i of n, from the largest down to the least. NULL for LRT_SIGMAS_TIMESTEPS. */
    double (*at)(double largest, double least, int i, int n);
} lrt_curve;
extern const lrt_curve lrt_curves[];
extern const int lrt_curve_count;
/* LRT_SIGMAS_* of that name, except LRT_SIGMAS_TIMESTEPS; -1 when there is none. */
int lrt_curve_find(const char *name);
/* Fills sigma (n) from the largest down to the least, or between the ends that the schedule's
 * sigma_min and sigma_max say. s->config.sigmas is not LRT_SIGMAS_TIMESTEPS. */
void lrt_curve_fill(const lrt_sampling *s, double largest, double least, double *sigma);

/* The timesteps of all s->steps steps, from noise to picture, as s->config.spacing says. rounded:
 * to whole timesteps. before_end: where the spacing `ends`, without its last timestep. malloc'd;
 * NULL, with *e, when the steps do not fit the schedule or memory is short. */
double *lrt_timesteps(const lrt_sampling *s, bool before_end, bool rounded, lrt_error *e);
/* sigma at timestep t of the run: interpolated as the spacing says. */
double lrt_spaced_sigma(const lrt_sampling *s, double t);
/* Fills *e: the steps of s do not fit the schedule. Always false. */
bool lrt_steps_unfit(const lrt_sampling *s, lrt_error *e);
#endif
