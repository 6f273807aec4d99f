/* Classifier-free guidance. All arrays have n numbers, in the order of the latent. */
#ifndef LATENTRT_GUIDANCE_H
#define LATENTRT_GUIDANCE_H
#include <stdbool.h>
#include <stdint.h>

/* --cfg-scale goes from -LRT_MOST_CFG_SCALE to this, wherever it is given: diffusers has no limits,
 * and no guidance at or below 1. */
#define LRT_MOST_CFG_SCALE 1000

typedef struct {
    double scale, rescale; /* --cfg-scale, --guidance-rescale */
    double start, stop;    /* --guidance-start, --guidance-stop: shares of the steps */
} lrt_guidance;
/* Whether a scale asks for guidance: one above 1, as in diffusers. At or below 1 the prediction
 * with the prompt is taken as it is. */
bool lrt_guides(double scale);
/* Whether step i, from 0, of the n that run lies where guidance is on: from start n to stop n, both
 * rounded to the nearest whole step. Does not look at the scale. */
bool lrt_guides_step(const lrt_guidance *g, int i, int n);
/* Whether any of n steps is guided. */
bool lrt_guides_any(const lrt_guidance *g, int n);
/* guided = without + scale (with - without): what the prompt adds to the prediction, `scale` times.
 * guided may be one of the inputs. */
void lrt_guide(int64_t n, double scale, const float *without, const float *with, float *guided);
/* Guidance makes predictions larger than they were in training. This scales `guided` to the
 * standard deviation of `with` and mixes the result with `guided`; phi, 0 to 1, is the share of the
 * scaled one (Lin et al., "Common diffusion noise schedules and sample steps are flawed", 2023,
 * section 3.4). */
void lrt_guide_rescale(int64_t n, double phi, const float *with, float *guided);
/* The embedding of a guidance scale, which guidance-distilled models take as an input (latent
 * consistency models): out (width) = [sin(w f), cos(w f)], and 0 where width is odd, with w = 1000
 * (scale - 1), f_j = 10000^(-j / (half - 1)), half = width / 2, rounded down. It is that of
 * diffusers' get_guidance_scale_embedding: every operation is rounded to float there, and angles
 * have thousands of radians, so here, too. */
void lrt_guidance_embedding(double scale, float *out, int width);
#endif
