/* The picture that a run starts from (img2img), and the mask of the region to repaint (inpainting).
 *
 * The rules are those of diffusers' img2img, and of its inpainting with a model that has no
 * channels for masks. Arrays are NHWC; latents are in the units of sampling/sampler.h. */
#ifndef LATENTRT_INIT_IMAGE_H
#define LATENTRT_INIT_IMAGE_H
#include <stdint.h>
#include <stdio.h>

#include "error.h"

typedef struct {
    int width, height;               /* pixels */
    int latent_width, latent_height; /* of the latent; its pixels have 4 numbers */
} lrt_init_image_size;
typedef struct {
    lrt_init_image_size size;
    /* (height, width, 3), scaled and cropped. NULL: there is no init image, and the rest is unused.
     */
    uint8_t *rgb;
    /* (height, width): 255 where the picture is repainted, 0 where it stays. NULL: all is
     * repainted.
     */
    uint8_t *mask;
    /* (latent_height, latent_width): 1 where the mask's upper left pixel is repainted; NULL with
     * mask */
    uint8_t *repaint;
    /* (latent_height, latent_width, 4): of rgb, in the scale of the loop. The caller fills it in
     * (or moments), and sets encoded. */
    float *latent;
    /* (latent_height, latent_width, 8): mean and log variance of the latent, which is then a sample
     * for each picture. NULL: latent is the same for all pictures. */
    float *moments;
    float *noise;     /* (latent_height, latent_width, 4): of the current picture */
    bool keep_pixels; /* set by the caller: the result has rgb's pixels where mask is 0 */
    bool encoded;     /* latent, or moments, belongs to rgb */
    int encoder;      /* the caller's: which encoder made it */
} lrt_init_image;

/* Reads both files, scaled and cropped to p's new size; mask may be NULL. `path` NULL: no init
 * image, everything is freed. An unchanged picture stays encoded. notice receives a line for each
 * file that was changed. false, with *e: a file cannot be read, or the two have different sizes. */
bool lrt_init_image_read(lrt_init_image *p, const char *path, const char *mask,
                         const lrt_init_image_size *size, FILE *notice, lrt_error *e);
void lrt_init_image_free(lrt_init_image *p);
/* The first step of a run of n steps that starts from an init image: int(n * strength) steps are
 * left, strength from 0 to 1. */
int lrt_init_image_first_step(int steps, double strength);
/* latent = scale (mean + deviation * noise), from the moments. noise: as many standard normal
 * values as latent has. The variance is clamped to exp(-30) .. exp(20), as in diffusers. */
void lrt_init_image_sample(lrt_init_image *p, double scale, const float *noise);
/* x, the run's noise, is stored in p->noise and becomes the start: the latent with that noise at
 * alpha a. pure: x stays noise (as diffusers inpaints at strength 1). */
void lrt_init_image_start(lrt_init_image *p, double a, bool pure, float *x);
/* Where the mask says that the picture stays, x becomes the latent again: with the noise of alpha
 * a, or (last) without. Does nothing without a mask. */
void lrt_init_image_restore_latent(const lrt_init_image *p, double a, bool last, double *x);
/* With keep_pixels and a mask: copies the pixels that stay into rgb (height, width, 3). */
void lrt_init_image_restore_pixels(const lrt_init_image *p, uint8_t *rgb);
/* The hash (hash.h) of rgb, or of the mask, to recognise them. */
uint64_t lrt_init_image_hash(const lrt_init_image *p, bool of_mask);
#endif
