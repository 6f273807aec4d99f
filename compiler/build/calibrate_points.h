/* What a diffusion model computes in f32 in a sampler's loop: the measure for quantised forms of
 * it.
 */
#ifndef LATENTC_CALIBRATE_POINTS_H
#define LATENTC_CALIBRATE_POINTS_H
#include "calibrate.h"
#include "stage.h"

/* Inputs of a model, in its order, and what it makes of them. */
typedef struct {
    float **inputs;
    float *output;
} Point;

/* Points of one pipeline at its first size. All numbers are in the arena. */
typedef struct {
    Arena *arena;
    Point *list;
    int n, cap;
    int n_inputs;
    int64_t values; /* of the output */
    /* The batch of the model and its inputs: as in pipeline_graph. */
    int batch;
    bool guided;
} Points;

/* The calls of the model in short loops, one for each prompt. err() where the pipeline has no text
 * encoder or no diffusion model, a result is not finite, or memory is short. */
Points points_record(const Calibration *c, char **prompts, int n);
/* Relative rms error of x (a program's only stage, with these weights) over all points. */
double points_error(const Points *p, const lrt_stage *stage, const void *weights);
void points_free(Points *p);
#endif
