/* What sampler.c and the files of samplers share: plans and steps by name, and helpers of plans. */
#ifndef LATENTRT_SAMPLERS_H
#define LATENTRT_SAMPLERS_H
#include <math.h>

#include "sampler.h"

/* samplers_alpha.c: those that go from timestep to timestep. */
bool lrt_plan_ddim(lrt_sampling *s, lrt_error *e);
void lrt_step_ddim(lrt_sampling *s, int k);
bool lrt_plan_ddpm(lrt_sampling *s, lrt_error *e);
void lrt_step_ddpm(lrt_sampling *s, int k);
bool lrt_plan_pndm(lrt_sampling *s, lrt_error *e);
void lrt_step_pndm(lrt_sampling *s, int k);
bool lrt_plan_plms(lrt_sampling *s, lrt_error *e);
void lrt_step_plms(lrt_sampling *s, int k);
bool lrt_plan_pndm_prk(lrt_sampling *s, lrt_error *e);
void lrt_step_pndm_prk(lrt_sampling *s, int k);
bool lrt_plan_lcm(lrt_sampling *s, lrt_error *e);
void lrt_step_lcm(lrt_sampling *s, int k);
bool lrt_plan_relax(lrt_sampling *s, lrt_error *e);
void lrt_step_relax(lrt_sampling *s, int k);
/* samplers_sigma.c: those that go from sigma to sigma. */
bool lrt_plan_euler(lrt_sampling *s, lrt_error *e);
void lrt_step_euler(lrt_sampling *s, int k);
bool lrt_plan_euler_a(lrt_sampling *s, lrt_error *e);
void lrt_step_euler_a(lrt_sampling *s, int k);
bool lrt_plan_heun(lrt_sampling *s, lrt_error *e);
void lrt_step_heun(lrt_sampling *s, int k);
void lrt_step_lms(lrt_sampling *s, int k);
/* samplers_log.c: those that go by log sigma. */
bool lrt_plan_dpm(lrt_sampling *s, lrt_error *e);
void lrt_step_dpm(lrt_sampling *s, int k);
bool lrt_plan_dpm_sde(lrt_sampling *s, lrt_error *e);
void lrt_step_dpm_sde(lrt_sampling *s, int k);
void lrt_step_unipc(lrt_sampling *s, int k);

/* spacing.c. The timesteps of s->steps steps, from noise to picture: rounded to those of training,
 * or not. before_end: where the spacing has the end of the run as a point of its own, the steps end
 * above it. malloc'd; NULL, with *e filled in, where they do not fit or memory is short. */
double *lrt_timesteps(const lrt_sampling *s, bool before_end, bool rounded, lrt_error *e);
bool lrt_steps_unfit(const lrt_sampling *s, lrt_error *e); /* says so; false */

static inline lrt_level lrt_level_of_alpha(double a)
{
    double some = a > 0x1p-24 ? a : 0x1p-24; /* as lrt_schedule_alpha */
    return (lrt_level){a, sqrt((1 - some) / some)};
}
static inline lrt_level lrt_level_of_sigma(double sigma)
{
    return (lrt_level){1 / (1 + sigma * sigma), sigma};
}
static inline lrt_level lrt_level_of_point(const lrt_point *p)
{
    return (lrt_level){p->a, p->sigma};
}
#endif
