/* The picture to start from: its first step, its mask, the sample of its latent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init_image.h"
#include "made_pixels.h"
#include "picture_out.h"
#include "rng.h"

/* diffusers: init_timestep = min(int(num_inference_steps * strength), num_inference_steps); the
 * first is num_inference_steps - init_timestep. In Python as here 50 * 0.58 is less than 29. */
static void test_first_step(void **state)
{
    static const struct {
        int steps;
        double strength;
        int first;
    } want[] = {{25, 0.75, 7},  {25, 0.8, 5},   {25, 1, 0},   {25, 0, 25},
                {50, 0.58, 22}, {20, 0.04, 20}, {1, 0.99, 1}, {30, 0.3, 21}};
    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_int_equal(lrt_init_image_first_step(want[i].steps, want[i].strength), want[i].first);
}

static void write_gray(const char *path, const uint8_t *gray, int n)
{
    uint8_t *rgb = malloc((size_t)n * 3);
    lrt_error e;
    for (int i = 0; i < n * 3; i++)
        rgb[i] = gray[i / 3];
    assert_true(
        lrt_picture_write(path, &(lrt_picture_out){rgb, W, H, NULL, 90, LRT_PNG_QUICK}, &e));
    free(rgb);
}

/* What a model with channels for masks reads: the mask, then the latent of the picture without the
 * part that is repainted, where the encoder reads 0. */
static void check_condition(lrt_init_image *k)
{
    enum { CELLS = W / 8 * (H / 8) };
    float pixels[W * H * 3], condition[CELLS * 5];
    for (int masked = 0; masked < 2; masked++) {
        lrt_init_image_pixels(k, masked, pixels);
        for (int i = 0; i < W * H * 3; i++)
            assert_float_equal(
                pixels[i], masked && k->mask[i / 3] ? 0 : (float)noise(i / 3) / 127.5f - 1, 1e-6);
    }
    for (int i = 0; i < CELLS * 4; i++)
        k->masked.latent[i] = (float)(100 + i);
    lrt_init_image_condition(k, condition);
    for (int i = 0; i < CELLS; i++)
        for (int c = 0; c < 5; c++)
            assert_true(condition[5 * i + c] == (c ? (float)(99 + 4 * i + c) : k->repaint[i]));
}

/* A cell of the latent is repainted when its upper left pixel is white, a pixel of the picture when
 * it is itself; everything else is put back with the noise of the step. */
static void test_init_image(void **state)
{
    enum { LW = W / 8, LH = H / 8 };
    const lrt_init_image_size size = {W, H, LW, LH};
    char picture[] = "/tmp/latentc-init-image-XXXXXX", mask[] = "/tmp/latentc-mask-XXXXXX";
    uint8_t gray[W * H], rgb[W * H * 3] = {0};
    float x[LW * LH * 4];
    double moved[LW * LH * 4];
    lrt_init_image k = {0};
    lrt_error e;
    (void)state;
    close(mkstemp(picture));
    close(mkstemp(mask));
    for (int i = 0; i < W * H; i++)
        gray[i] = noise(i);
    write_gray(picture, gray, W * H);
    memset(gray, 0, sizeof gray);
    gray[8 * W + 8] = 255;  /* the first of the cell in row 1, column 1 */
    gray[9 * W + 17] = 255; /* of the next one */
    write_gray(mask, gray, W * H);
    assert_true(lrt_init_image_read(&k, picture, mask, &size, stderr, &e));
    for (int i = 0; i < LW * LH; i++)
        assert_int_equal(k.repaint[i], i == LW + 1);
    for (int i = 0; i < LW * LH * 4; i++) {
        k.whole.latent[i] = (float)i;
        x[i] = 1;
    }
    k.whole.encoded = k.masked.encoded = true;
    lrt_init_image_start(&k, 0.36, x);
    for (int i = 0; i < LW * LH * 4; i++)
        assert_float_equal(x[i], 0.6 * i + 0.8, 1e-5);
    for (int last = 0; last < 2; last++) {
        for (int i = 0; i < LW * LH * 4; i++)
            moved[i] = 7;
        lrt_init_image_restore_latent(&k, 0.64, last, moved);
        for (int i = 0; i < LW * LH * 4; i++)
            assert_float_equal(moved[i], (i / 4 == LW + 1 ? 7 : last ? i : 0.8 * i + 0.6), 1e-5);
    }
    lrt_init_image_restore_pixels(&k, rgb);
    for (int i = 0; i < W * H * 3; i++)
        assert_int_equal(rgb[i], 0);
    k.keep_pixels = true;
    lrt_init_image_restore_pixels(&k, rgb);
    for (int i = 0; i < W * H; i++)
        assert_int_equal(rgb[3 * i], i == 8 * W + 8 || i == 9 * W + 17 ? 0 : noise(i));
    k.conditions = true; /* the model reads the mask: nothing is put back */
    moved[0] = 7;
    lrt_init_image_restore_latent(&k, 0.64, true, moved);
    assert_true(moved[0] == 7);
    k.pure = true;
    x[0] = 3;
    lrt_init_image_start(&k, 0.36, x);
    assert_true(x[0] == 3 && k.noise[0] == 3);
    check_condition(&k);
    assert_true(lrt_init_image_read(&k, picture, mask, &size, stderr, &e));
    assert_true(k.whole.encoded && k.masked.encoded);
    gray[0] = 255;
    write_gray(mask, gray, W * H);
    assert_true(lrt_init_image_read(&k, picture, mask, &size, stderr, &e));
    assert_true(k.whole.encoded && !k.masked.encoded);
    assert_true(lrt_init_image_read(&k, picture, NULL, &size, stderr, &e));
    assert_true(k.whole.encoded && !k.mask && !k.masked.encoded);
    assert_true(lrt_init_image_read(&k, mask, NULL, &size, stderr, &e));
    assert_false(k.whole.encoded); /* another picture */
    lrt_init_image_free(&k);
    unlink(picture);
    unlink(mask);
}

/* What diffusers' DiagonalGaussianDistribution(moments).sample(generator) * 0.18215 is, with
 * torch.Generator("cpu").manual_seed(31), and the first of what the same generator draws next. The
 * first and last channels are beyond the bounds of the variance. */
static void test_sample(void **state)
{
    enum { LH = 2, LW = 3, N = LH * LW * 4 };
    static const float log_variance[4] = {-40, -3, 0.5f, 25};
    /* clang-format off */
    static const double want[N] = {
        -1.0101151e-08, 0.038827244, 0.26098466, 948.44537,   0.022768734, 0.089056082, 0.60582477, 4247.1367,
        0.045537546,    0.12353957,  -0.11879365, 2748.7576,  -0.045537557, 0.11928254, 0.91798246, -3890.103,
        -0.022768786,   0.20204023,  0.34231213, -2774.3044,  6.730469e-08, -0.025799533, -0.16759841, 8254.9229};
    /* clang-format on */
    static const double next[4] = {-0.21807227, -1.0725749, 1.9557949, -1.8528601};
    float moments[2 * N], latent[N], noise[2 * N];
    lrt_encoding k = {.latent = latent, .moments = moments};
    lrt_noise stream;
    (void)state;
    for (int i = 0; i < LH * LW; i++)
        for (int c = 0; c < 4; c++) {
            moments[i * 8 + c] = (float)(c * 0.5 - i / LW * 0.25 + i % LW * 0.125);
            moments[i * 8 + 4 + c] = log_variance[c] + (float)(i / LW);
        }
    lrt_noise_seed(&stream, lrt_rng_find("cpu"), 31);
    lrt_noise_latent(&stream, noise, N);
    lrt_encoding_sample(&k, N, 0.18215, noise);
    for (int i = 0; i < N; i++) /* floats that cancel: a few units in the last place of mean or
                                   noise, the larger one */
        assert_true(fabs(latent[i] - want[i]) <= 1e-6 * fmax(fabs(want[i]), i % 4 ? 0.2 : 0.01));
    lrt_noise_latent(&stream, noise, N);
    for (int i = 0; i < 4; i++)
        assert_true(fabs(noise[i] - next[i]) < 2e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_first_step),
                                       cmocka_unit_test(test_init_image),
                                       cmocka_unit_test(test_sample)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
