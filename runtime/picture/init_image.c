/* See init_image.h. */
#include "init_image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "picture_in.h"
#include "utf8.h"

static void free_encoding(lrt_encoding *x)
{
    free(x->latent);
    free(x->moments);
    *x = (lrt_encoding){0};
}

void lrt_init_image_free(lrt_init_image *p)
{
    free(p->rgb);
    free(p->mask);
    free(p->repaint);
    free_encoding(&p->whole);
    free_encoding(&p->masked);
    free(p->noise);
    *p = (lrt_init_image){0};
}

static void note(FILE *notice, const char *path, const lrt_picture_about *a)
{
    if (!*a->notice)
        return;
    lrt_put_plain(notice, path, strlen(path));
    fprintf(notice, ": %s\n", a->notice);
}

static bool read_rgb(lrt_init_image *p, const char *path, lrt_picture_about *about, FILE *notice,
                     lrt_error *e)
{
    const lrt_picture_want want = {LRT_PICTURE_RGB, p->size.width, p->size.height};
    size_t bytes = (size_t)want.width * (size_t)want.height * 3;
    uint8_t *rgb = malloc(bytes);
    if (!rgb)
        return lrt_fail(e, "out of memory");
    if (!lrt_picture_read(path, &want, rgb, about, e)) {
        free(rgb);
        return false;
    }
    bool same = p->rgb && !memcmp(p->rgb, rgb, bytes);
    p->whole.encoded &= same;
    p->masked.encoded &= same;
    free(p->rgb);
    p->rgb = rgb;
    note(notice, path, about);
    return true;
}

/* p->mask -> p->repaint */
static void shrink_mask(lrt_init_image *p)
{
    int w = p->size.width, h = p->size.height, lw = p->size.latent_width,
        lh = p->size.latent_height;
    for (int y = 0; y < lh; y++)
        for (int x = 0; x < lw; x++)
            p->repaint[(int64_t)y * lw + x] =
                p->mask[(int64_t)y * h / lh * w + (int64_t)x * w / lw] != 0;
}

static bool read_mask(lrt_init_image *p, const char *path, lrt_picture_about *about, FILE *notice,
                      lrt_error *e)
{
    const lrt_picture_want want = {LRT_PICTURE_MASK, p->size.width, p->size.height};
    size_t bytes = (size_t)want.width * (size_t)want.height;
    uint8_t *mask = malloc(bytes);
    if (!p->repaint)
        p->repaint = malloc((size_t)p->size.latent_width * (size_t)p->size.latent_height);
    if (!mask || !p->repaint || !lrt_picture_read(path, &want, mask, about, e)) {
        bool short_of = !mask || !p->repaint;
        free(mask);
        return short_of ? lrt_fail(e, "out of memory") : false;
    }
    p->masked.encoded &= p->mask && !memcmp(p->mask, mask, bytes);
    free(p->mask);
    p->mask = mask;
    note(notice, path, about);
    shrink_mask(p);
    return true;
}

static void free_mask(lrt_init_image *p)
{
    free(p->mask);
    free(p->repaint);
    free_encoding(&p->masked);
    p->mask = p->repaint = NULL;
}

static int64_t count(const lrt_init_image *p)
{
    return (int64_t)p->size.latent_width * p->size.latent_height * 4;
}

bool lrt_init_image_read(lrt_init_image *p, const char *path, const char *mask,
                         const lrt_init_image_size *size, FILE *notice, lrt_error *e)
{
    lrt_picture_about about, of_mask;
    if (!path) {
        lrt_init_image_free(p);
        return true;
    }
    p->size = *size;
    size_t n = (size_t)count(p);
    if (!p->whole.latent && !(p->whole.latent = calloc(n, sizeof *p->whole.latent)))
        return lrt_fail(e, "out of memory");
    if (mask && !p->masked.latent && !(p->masked.latent = calloc(n, sizeof *p->masked.latent)))
        return lrt_fail(e, "out of memory");
    if (!p->noise && !(p->noise = calloc(n, sizeof *p->noise)))
        return lrt_fail(e, "out of memory");
    if (!read_rgb(p, path, &about, notice, e))
        return false;
    if (!mask) {
        free_mask(p);
        return true;
    }
    if (!read_mask(p, mask, &of_mask, notice, e))
        return false;
    return (of_mask.width == about.width && of_mask.height == about.height) ||
           lrt_fail(
               e,
               "%.120s: the mask has %lld x %lld pixels, but %.120s has %lld x %lld: they must have the same size",
               mask, (long long)of_mask.width, (long long)of_mask.height, path,
               (long long)about.width, (long long)about.height);
}

int lrt_init_image_first_step(int steps, double strength)
{
    return steps - (int)(steps * strength);
}

void lrt_init_image_pixels(const lrt_init_image *p, bool masked, float *out)
{
    for (int64_t i = 0; i < (int64_t)p->size.width * p->size.height * 3; i++)
        out[i] = masked && p->mask[i / 3] ? 0 : (float)p->rgb[i] / 127.5f - 1;
}

void lrt_encoding_sample(lrt_encoding *x, int64_t n, double scale, const float *noise)
{
    for (int64_t i = 0; i < n; i++) {
        const float *mean = x->moments + i / 4 * 8 + i % 4;
        double log_variance = fmin(fmax(mean[4], -30), 20);
        x->latent[i] = (float)(scale * (*mean + exp(log_variance / 2) * noise[i]));
    }
}

void lrt_init_image_condition(const lrt_init_image *p, float *out)
{
    for (int64_t i = 0; i < count(p) / 4; i++) {
        out[5 * i] = p->repaint[i];
        memcpy(out + 5 * i + 1, p->masked.latent + 4 * i, 4 * sizeof *out);
    }
}

void lrt_init_image_start(lrt_init_image *p, double a, float *x)
{
    double picture = sqrt(a), rest = sqrt(1 - a);
    memcpy(p->noise, x, (size_t)count(p) * sizeof *x);
    for (int64_t i = 0; i < count(p) && !p->pure; i++)
        x[i] = (float)(picture * p->whole.latent[i] + rest * p->noise[i]);
}

void lrt_init_image_restore_latent(const lrt_init_image *p, double a, bool last, double *x)
{
    double picture = last ? 1 : sqrt(a), rest = last ? 0 : sqrt(1 - a);
    for (int64_t i = 0; i < count(p) && p->mask && !p->conditions; i++)
        if (!p->repaint[i / 4])
            x[i] = picture * p->whole.latent[i] + rest * p->noise[i];
}

void lrt_init_image_restore_pixels(const lrt_init_image *p, uint8_t *rgb)
{
    for (int64_t i = 0; i < (int64_t)p->size.width * p->size.height && p->mask && p->keep_pixels;
         i++)
        if (!p->mask[i])
            memcpy(rgb + 3 * i, p->rgb + 3 * i, 3);
}

uint64_t lrt_init_image_hash(const lrt_init_image *p, bool of_mask)
{
    uint64_t n = (uint64_t)p->size.width * (uint64_t)p->size.height;
    return of_mask ? lrt_hash64(p->mask, n) : lrt_hash64(p->rgb, 3 * n);
}
