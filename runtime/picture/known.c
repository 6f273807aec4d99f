/* See known.h. */
#include "known.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "picture_in.h"

void lrt_known_free(lrt_known *k)
{
    free(k->rgb);
    free(k->mask);
    free(k->repaint);
    free(k->latent);
    free(k->moments);
    free(k->noise);
    *k = (lrt_known){0};
}

/* Says what was done to a file. */
static void note(FILE *notice, const char *path, const lrt_picture_about *a)
{
    if (*a->notice)
        fprintf(notice, "%s: %s\n", path, a->notice);
}

static bool read_picture(lrt_known *k, const char *path, lrt_picture_about *about, FILE *notice,
                         lrt_error *e)
{
    size_t bytes = (size_t)k->width * (size_t)k->height * 3;
    uint8_t *rgb = malloc(bytes);
    if (!rgb)
        return lrt_fail(e, "out of memory");
    if (!lrt_picture_read(path, LRT_PICTURE_RGB, k->width, k->height, rgb, about, e)) {
        free(rgb);
        return false;
    }
    k->encoded = k->encoded && k->rgb && !memcmp(k->rgb, rgb, bytes);
    free(k->rgb);
    k->rgb = rgb;
    note(notice, path, about);
    return true;
}

static bool read_mask(lrt_known *k, const char *path, const char *picture_path,
                      const lrt_picture_about *picture, FILE *notice, lrt_error *e)
{
    lrt_picture_about about;
    int w = k->width, h = k->height, lw = k->latent_width, lh = k->latent_height;
    if (!k->mask)
        k->mask = malloc((size_t)w * (size_t)h);
    if (!k->repaint)
        k->repaint = malloc((size_t)lw * (size_t)lh);
    if (!k->mask || !k->repaint)
        return lrt_fail(e, "out of memory");
    if (!lrt_picture_read(path, LRT_PICTURE_MASK, w, h, k->mask, &about, e))
        return false;
    if (about.width != picture->width || about.height != picture->height)
        return lrt_fail(
            e,
            "%.120s: the mask has %lld x %lld pixels, but %.120s has %lld x %lld: they must be of one size",
            path, (long long)about.width, (long long)about.height, picture_path,
            (long long)picture->width, (long long)picture->height);
    note(notice, path, &about);
    for (int y = 0; y < lh; y++)
        for (int x = 0; x < lw; x++)
            k->repaint[(int64_t)y * lw + x] =
                k->mask[(int64_t)y * h / lh * w + (int64_t)x * w / lw] != 0;
    return true;
}

bool lrt_known_read(lrt_known *k, const char *init_img, const char *mask, int width, int height,
                    int latent_width, int latent_height, FILE *notice, lrt_error *e)
{
    size_t n = (size_t)latent_width * (size_t)latent_height * 4;
    lrt_picture_about about;
    if (!init_img) {
        lrt_known_free(k);
        return true;
    }
    k->width = width;
    k->height = height;
    k->latent_width = latent_width;
    k->latent_height = latent_height;
    if (!k->latent && !(k->latent = calloc(n, sizeof *k->latent)))
        return lrt_fail(e, "out of memory");
    if (!k->noise && !(k->noise = calloc(n, sizeof *k->noise)))
        return lrt_fail(e, "out of memory");
    if (!read_picture(k, init_img, &about, notice, e))
        return false;
    if (mask)
        return read_mask(k, mask, init_img, &about, notice, e);
    free(k->mask);
    free(k->repaint);
    k->mask = k->repaint = NULL;
    return true;
}

int lrt_known_first(int steps, double strength) { return steps - (int)(steps * strength); }

static int64_t count(const lrt_known *k) { return (int64_t)k->latent_width * k->latent_height * 4; }

void lrt_known_sample(lrt_known *k, double scale, const float *noise)
{
    for (int64_t i = 0; i < count(k); i++) {
        const float *mean = k->moments + i / 4 * 8 + i % 4;
        double log_variance = fmin(fmax(mean[4], -30), 20);
        k->latent[i] = (float)(scale * (*mean + exp(log_variance / 2) * noise[i]));
    }
}

void lrt_known_start(lrt_known *k, double a, bool pure, float *x)
{
    double picture = sqrt(a), rest = sqrt(1 - a);
    memcpy(k->noise, x, (size_t)count(k) * sizeof *x);
    for (int64_t i = 0; i < count(k) && !pure; i++)
        x[i] = (float)(picture * k->latent[i] + rest * k->noise[i]);
}

void lrt_known_keep(const lrt_known *k, double a, bool last, double *x)
{
    double picture = last ? 1 : sqrt(a), rest = last ? 0 : sqrt(1 - a);
    for (int64_t i = 0; i < count(k) && k->mask; i++)
        if (!k->repaint[i / 4])
            x[i] = picture * k->latent[i] + rest * k->noise[i];
}

void lrt_known_restore(const lrt_known *k, uint8_t *rgb)
{
    for (int64_t i = 0; i < (int64_t)k->width * k->height && k->mask && k->keep_pixels; i++)
        if (!k->mask[i])
            memcpy(rgb + 3 * i, k->rgb + 3 * i, 3);
}

uint64_t lrt_known_hash(const lrt_known *k, bool of_mask)
{
    uint64_t n = (uint64_t)k->width * (uint64_t)k->height;
    return of_mask ? lrt_hash64(k->mask, n) : lrt_hash64(k->rgb, 3 * n);
}
