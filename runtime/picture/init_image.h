/* The picture that a run starts from (img2img), and the mask of the region to repaint (inpainting).
 *
 * The rules are those of diffusers' img2img, and of its inpainting: with a model that has no
 * channels for masks (what stays is put back after every step), and with one that has (it reads
 * mask and masked picture in every step, and nothing is put back). Arrays are NHWC; latents are in
 * the units of sampling/sampler.h. */
#ifndef LATENTRT_INIT_IMAGE_H
#define LATENTRT_INIT_IMAGE_H
#include <stdint.h>
#include <stdio.h>

#include "error.h"

typedef struct {
    int width, height;               /* pixels */
    int latent_width, latent_height; /* of the latent; its pixels have 4 numbers */
} lrt_init_image_size;
/* What an image encoder says about a picture. The caller fills it in, and sets encoded. */
typedef struct {
    float *latent; /* (latent_height, latent_width, 4), in the scale of the loop */
    /* (latent_height, latent_width, 8): mean and log variance of the latent, which is then a sample
     * for each picture. NULL: latent is the same for all pictures. */
    float *moments;
    bool encoded; /* latent, or moments, belongs to the picture */
    int encoder;  /* the caller's: which encoder made it */
} lrt_encoding;
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
    /* Of rgb, and of rgb with 0 (gray) where it is repainted; the second without a mask: NULL. */
    lrt_encoding whole, masked;
    float *noise; /* (latent_height, latent_width, 4): of the current picture */
    /* Set by the caller. keep_pixels: the result has rgb's pixels where mask is 0. pure: the run
     * starts from noise alone, as diffusers inpaints at strength 1. conditions: the model reads the
     * mask, so nothing of the latent is put back. */
    bool keep_pixels, pure, conditions;
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
/* What an image encoder reads, (height, width, 3), -1 to 1. masked: 0 where the mask says
 * that the picture is repainted. */
void lrt_init_image_pixels(const lrt_init_image *p, bool masked, float *out);
/* latent = scale (mean + deviation * noise), from the moments. noise: n standard normal values, as
 * many as latent has. The variance is clamped to exp(-30) .. exp(20), as in diffusers. */
void lrt_encoding_sample(lrt_encoding *x, int64_t n, double scale, const float *noise);
/* What a model with channels for masks reads, (latent_height, latent_width, 5): 1 where the mask
 * is repainted, else 0; then the latent of the masked picture. */
void lrt_init_image_condition(const lrt_init_image *p, float *out);
/* x, the run's noise, is stored in p->noise and becomes the start: the latent with that noise at
 * alpha a, or (p->pure) the noise. */
void lrt_init_image_start(lrt_init_image *p, double a, float *x);
/* Where the mask says that the picture stays, x becomes the latent again: with the noise of alpha
 * a, or (last) without. Does nothing without a mask, or where the model reads it. */
void lrt_init_image_restore_latent(const lrt_init_image *p, double a, bool last, double *x);
/* With keep_pixels and a mask: copies the pixels that stay into rgb (height, width, 3). */
void lrt_init_image_restore_pixels(const lrt_init_image *p, uint8_t *rgb);
/* The hash (hash.h) of rgb, or of the mask, to recognise them. */
uint64_t lrt_init_image_hash(const lrt_init_image *p, bool of_mask);
#endif
