/* A picture that one starts from (img2img), and the part of it that stays as it is (inpainting). */
#ifndef LATENTRT_KNOWN_H
#define LATENTRT_KNOWN_H
#include <stdint.h>
#include <stdio.h>

#include "error.h"

/* The rules are those of diffusers' img2img, and of its inpainting with a model that has no
 * channels for masks. Arrays are NHWC; latents are in the units of sampler.h. */
typedef struct {
    int width, height, latent_width, latent_height;
    uint8_t *rgb;  /* (height, width, 3), made to fit; NULL: there is no such picture, and the rest
                      is not used */
    uint8_t *mask; /* (height, width): 255 what is repainted, 0 what stays; NULL: everything is */
    uint8_t *repaint; /* (latent_height, latent_width): 1 where its upper left pixel is repainted;
                         NULL with mask */
    float *latent;    /* (latent_height, latent_width, 4): of rgb; filled in by the caller, who sets
                         encoded */
    float *moments; /* (latent_height, latent_width, 8), mean and logarithm of the variance: latent
                       is a sample for each picture; NULL: the same for all */
    float *noise;   /* the same: the noise of the picture in the making */
    bool keep_pixels; /* the finished picture has the given one's pixels where mask has 0; the
                         caller's choice */
    bool encoded;     /* latent, or moments, is that of rgb */
} lrt_known;
/* Reads them, made to fit; mask may be NULL. What was done to them goes to notice, a line each. A
 * picture that is the same as the one before stays encoded. Pictures of two sizes are a mistake. */
bool lrt_known_read(lrt_known *k, const char *init_img, const char *mask, int width, int height,
                    int latent_width, int latent_height, FILE *notice, lrt_error *e);
void lrt_known_free(lrt_known *k);
/* The first of n steps: those before it are left out, int(n * strength) are done; strength is 0
 * to 1. */
int lrt_known_first(int steps, double strength);
/* The latent becomes a sample of the moments, times scale; noise: as many normal values. The
 * variance is kept within exp(-30) and exp(20), as in diffusers. */
void lrt_known_sample(lrt_known *k, double scale, const float *noise);
/* x: noise becomes the start, the latent with the noise of the point whose alpha is a; pure: the
 * noise alone (diffusers inpaints so at strength 1). */
void lrt_known_start(lrt_known *k, double a, bool pure, float *x);
/* What stays of x is put back, with the noise of the point whose alpha is a, or (last) without. */
void lrt_known_keep(const lrt_known *k, double a, bool last, double *x);
/* With keep_pixels and a mask, the pixels that stay are put back into a picture, (height, width,
 * 3). */
void lrt_known_restore(const lrt_known *k, uint8_t *rgb);
/* Of the picture and of the mask as they are used: to know them again. */
uint64_t lrt_known_hash(const lrt_known *k, bool of_mask);
#endif
