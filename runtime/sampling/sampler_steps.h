/* Plan and step functions of the samplers (see lrt_sampler), and noise levels. */
#ifndef LATENTRT_SAMPLER_STEPS_H
#define LATENTRT_SAMPLER_STEPS_H
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
