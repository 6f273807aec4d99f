/* A stage of a pipeline, compiled in one setting and ready to run. */
#ifndef LATENTC_BENCH_RUN_H
#define LATENTC_BENCH_RUN_H
#include "bench.h"
#include "denoise.h"

/* The loop around a guided model, as generators run it. */
typedef struct {
    lrt_schedule schedule;
    lrt_sampling sampling;
    lrt_noise noise;
    lrt_denoiser denoiser;
    float *start;      /* the latent that every run begins with */
    float *embeddings; /* of all timesteps, one row each */
} Denoise;

enum { MOST_BUFFERS = 64 };
typedef struct {
    Bench *b;
    const Item *item;
    Model model;
    Engine *engine;
    const lrt_stage *stage;
    lrt_instance *x;
    void *buffers[MOST_BUFFERS]; /* inputs, then outputs */
    int calls;         /* of the model in a step: 2 when the two halves are not one batch */
    int64_t time_runs; /* how often the time plan runs for all timesteps */
    bool guided;       /* the batch has both halves of a guided step */
    int latent;        /* index of that input; -1: the model is not in a loop */
    Denoise loop;
} StageRun;

/* ---- bench_run.c ---- */

/* Compiles the stage. *matches: what the passes fused; matches may be NULL. err() when the target
 * does not run here. The caller closes the run. */
StageRun stage_run_open(Bench *b, const Item *item, const Setting *set, Matches *matches);
/* A short step (lrt_run_short_step) of the loop's second call: seconds. It needs a full one before,
 * which stage_run_once makes. */
double stage_run_short(StageRun *r);
void stage_run_close(StageRun *r);

/* Of a stage in a loop, before its first run: opens the sampler and runs the prompt plan and the
 * time plan. Returns the seconds that the plans took. */
double stage_run_prepare(StageRun *r);

/* One run of all that depends on the latent (or, outside of a loop, of the whole stage): seconds.
 * i counts the runs: step i of the loop. */
double stage_run_once(StageRun *r, int64_t i);

/* ---- bench_regions.c ---- */

/* Sums up steps by fused operation. seconds: one number per step, plan after plan. */
void regions_fill(Bench *b, Timing *t, const StageRun *r, const double *seconds);
#endif
