/* Plan and step functions of the samplers, rows of lrt_samplers. lrt_sampler in sampler.h says what
 * plan and step do. A plan returns false with a message in *e. Equations: in the files that define
 * the functions. Noise levels too. */
#ifndef LATENTRT_SAMPLER_STEPS_H
#define LATENTRT_SAMPLER_STEPS_H
#include <math.h>

#include "sampler.h"

/* ---- samplers_alpha.c: from timestep to timestep ---- */

/* Denoising diffusion: implicit models (ddim), and the reverse of training (ddpm). */
bool lrt_plan_ddim(lrt_sampling *s, lrt_error *e);
void lrt_step_ddim(lrt_sampling *s, int k);
bool lrt_plan_ddpm(lrt_sampling *s, lrt_error *e);
void lrt_step_ddpm(lrt_sampling *s, int k);

/* Pseudo numerical methods: as the checkpoint says (pndm), linear multistep (plms). */
bool lrt_plan_pndm(lrt_sampling *s, lrt_error *e);
void lrt_step_pndm(lrt_sampling *s, int k);
bool lrt_plan_plms(lrt_sampling *s, lrt_error *e);
void lrt_step_plms(lrt_sampling *s, int k);

/* The same with Runge-Kutta steps at the beginning. */
bool lrt_plan_pndm_prk(lrt_sampling *s, lrt_error *e);
void lrt_step_pndm_prk(lrt_sampling *s, int k);

/* Trajectory consistency distillation. */
bool lrt_plan_tcd(lrt_sampling *s, lrt_error *e);
void lrt_step_tcd(lrt_sampling *s, int k);

/* Latent consistency models (lcm); damped iteration with a constant --alpha (relax). */
bool lrt_plan_lcm(lrt_sampling *s, lrt_error *e);
void lrt_step_lcm(lrt_sampling *s, int k);
bool lrt_plan_relax(lrt_sampling *s, lrt_error *e);
void lrt_step_relax(lrt_sampling *s, int k);

/* ---- samplers_sigma.c: from sigma to sigma ---- */

/* Euler's method, without and with new noise. */
bool lrt_plan_euler(lrt_sampling *s, lrt_error *e);
void lrt_step_euler(lrt_sampling *s, int k);
bool lrt_plan_euler_a(lrt_sampling *s, lrt_error *e);
void lrt_step_euler_a(lrt_sampling *s, int k);

/* Heun's method; linear multistep (lms), which is planned as euler is. */
bool lrt_plan_heun(lrt_sampling *s, lrt_error *e);
void lrt_step_heun(lrt_sampling *s, int k);
void lrt_step_lms(lrt_sampling *s, int k);

/* The same without regard to the lengths of steps (ipndm), which is planned as euler is. */
void lrt_step_ipndm(lrt_sampling *s, int k);

/* DPM-Solver-2, without and with new noise. */
bool lrt_plan_dpm2(lrt_sampling *s, lrt_error *e);
void lrt_step_dpm2(lrt_sampling *s, int k);
bool lrt_plan_dpm2_a(lrt_sampling *s, lrt_error *e);
void lrt_step_dpm2_a(lrt_sampling *s, int k);

/* DPM-Solver++(2S) with new noise, which is planned as dpm2_a is. */
void lrt_step_dpm_2s_a(lrt_sampling *s, int k);

/* ---- samplers_log.c, samplers_unipc.c: by log sigma ---- */

/* DPM-Solver++, multistep, without and with new noise. */
bool lrt_plan_dpm(lrt_sampling *s, lrt_error *e);
void lrt_step_dpm(lrt_sampling *s, int k);
bool lrt_plan_dpm_sde(lrt_sampling *s, lrt_error *e);
void lrt_step_dpm_sde(lrt_sampling *s, int k);

/* DPM-Solver++, singlestep; DEIS; UniPC. All three are planned as dpm is. */
void lrt_step_dpm_2s(lrt_sampling *s, int k);
void lrt_step_deis(lrt_sampling *s, int k);
void lrt_step_unipc(lrt_sampling *s, int k);

/* ---- weights ---- */

/* Adams and Bashforth's: row n - 1 has those of the last n slopes, newest first. */
extern const double lrt_adams_bashforth[4][4];

/* ---- noise levels ---- */

/* The level whose squared share of the picture is a; sigma stays finite where a is 0. */
static inline lrt_level lrt_level_of_alpha(double a)
{
    double some = a > 0 ? a : 0x1p-24; /* as lrt_schedule_alpha */
    return (lrt_level){a, sqrt((1 - some) / some)};
}

/* The level with this sigma. */
static inline lrt_level lrt_level_of_sigma(double sigma)
{
    return (lrt_level){1 / (1 + sigma * sigma), sigma};
}

/* The level of a point of the run. */
static inline lrt_level lrt_level_of_point(const lrt_point *p)
{
    return (lrt_level){p->a, p->sigma};
}
#endif
