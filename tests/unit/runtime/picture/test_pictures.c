/* Pictures from files: what is in them arrives, whatever the format; made to fit by the filter's
 * own definition. */
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

#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

#include "init_image.h"
#include "rng.h"
#include "exif.h"
#include "picture_in.h"
#include "png_read.h"
#include "png_write.h"
#include "resize.h"

enum { W = 24, H = 16 };

static uint8_t noise(int i)
{
    uint32_t x = (uint32_t)i * 2654435761u;
    return (uint8_t)(x >> 24 ^ x >> 13);
}

/* ---- files in memory --------------------------------------------------------------------------
 */

typedef struct {
    char *data;
    size_t bytes;
} File;

typedef struct {
    int width, height, depth, type, interlace;
    const char *text; /* a text chunk "parameters" */
    bool text_last;   /* after the pixels */
    const uint8_t *exif;
    int exif_bytes;
} PngForm;

/* rows: packed as the form says. */
static File png_file(PngForm f, uint8_t *const *rows)
{
    File out;
    FILE *s = open_memstream(&out.data, &out.bytes);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, s);
    png_set_IHDR(png, info, (png_uint_32)f.width, (png_uint_32)f.height, f.depth, f.type,
                 f.interlace, 0, 0);
    if (f.type == PNG_COLOR_TYPE_PALETTE) {
        png_color colors[4] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {9, 8, 7}};
        png_byte alpha[2] = {255, 0};
        png_set_PLTE(png, info, colors, 4);
        png_set_tRNS(png, info, alpha, 2, NULL);
    }
    if (f.exif)
        png_set_eXIf_1(png, info, (png_uint_32)f.exif_bytes, (png_bytep)(uintptr_t)f.exif);
    png_text text = {.compression = PNG_TEXT_COMPRESSION_NONE,
                     .key = (char *)(uintptr_t) "parameters",
                     .text = (char *)(uintptr_t)f.text};
    if (f.text && !f.text_last)
        png_set_text(png, info, &text, 1);
    png_write_info(png, info);
    png_write_image(png, (png_bytepp)(uintptr_t)rows);
    if (f.text && f.text_last)
        png_set_text(png, info, &text, 1);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(s);
    return out;
}

/* components: 1, 3 or 4 (CMYK); exif: an APP1 marker's content. */
static File jpeg_file(const uint8_t *pixels, int width, int height, int components,
                      bool progressive, const uint8_t *exif, unsigned exif_bytes)
{
    struct jpeg_compress_struct j;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long bytes = 0;
    j.err = jpeg_std_error(&errors);
    jpeg_create_compress(&j);
    jpeg_mem_dest(&j, &data, &bytes);
    j.image_width = (JDIMENSION)width;
    j.image_height = (JDIMENSION)height;
    j.input_components = components;
    j.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&j);
    jpeg_set_quality(&j, 100, TRUE);
    if (progressive)
        jpeg_simple_progression(&j);
    jpeg_start_compress(&j, TRUE);
    if (exif)
        jpeg_write_marker(&j, JPEG_APP0 + 1, exif, exif_bytes);
    for (int y = 0; y < height; y++) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels + y * width * components);
        jpeg_write_scanlines(&j, &row, 1);
    }
    jpeg_finish_compress(&j);
    jpeg_destroy_compress(&j);
    return (File){(char *)data, bytes};
}

static bool read_bytes(File f, size_t bytes, lrt_picture_use use, int width, int height,
                       uint8_t *out, lrt_picture_about *about, lrt_error *e)
{
    const lrt_picture_want want = {use, width, height};
    FILE *s = fmemopen(f.data, bytes, "rb");
    bool ok = lrt_picture_read_stream(s, "x", &want, out, about, e);
    fclose(s);
    return ok;
}

static lrt_picture_about read_file(File f, lrt_picture_use use, int width, int height, uint8_t *out)
{
    lrt_error e = {""};
    lrt_picture_about about;
    bool ok = read_bytes(f, f.bytes, use, width, height, out, &about, &e);
    assert_string_equal(e.text, "");
    assert_true(ok);
    free(f.data);
    return about;
}

/* Rows of `bytes` bytes from noise. */
static uint8_t **noise_rows(int height, int bytes)
{
    uint8_t **rows = calloc((size_t)height, sizeof *rows);
    for (int y = 0; y < height; y++) {
        rows[y] = malloc((size_t)bytes);
        for (int i = 0; i < bytes; i++)
            rows[y][i] = noise(y * bytes + i);
    }
    return rows;
}

static void free_rows(uint8_t **rows, int height)
{
    for (int y = 0; y < height; y++)
        free(rows[y]);
    free(rows);
}

/* ---- scaling ----------------------------------------------------------------------------------
 */

static double lanczos(double x)
{
    const double pi = acos(-1);
    return x == 0 ? 1 : fabs(x) >= 3 ? 0 : 3 * sin(pi * x) * sin(pi * x / 3) / (pi * pi * x * x);
}

/* Value x, y of the result by the definition: one sum over the whole picture. */
static double direct(const uint8_t *in, int w, int h, int out_w, int out_h, int x, int y)
{
    double sx = (double)w / out_w, sy = (double)h / out_h, scale = sx < sy ? sx : sy,
           widen = scale > 1 ? scale : 1;
    double cx = (w - scale * out_w) / 2 + (x + 0.5) * scale,
           cy = (h - scale * out_h) / 2 + (y + 0.5) * scale, sum = 0, all = 0;
    for (int j = 0; j < h; j++)
        for (int i = 0; i < w; i++) {
            double weight = lanczos((i + 0.5 - cx) / widen) * lanczos((j + 0.5 - cy) / widen);
            sum += weight * in[j * w + i];
            all += weight;
        }
    sum /= all;
    return sum < 0 ? 0 : sum > 255 ? 255 : sum;
}

static void test_resize(void **state)
{
    static const int sizes[][4] = {
        {24, 16, 24, 16}, {24, 16, 12, 8},  {24, 16, 9, 9},  {24, 16, 5, 16}, {24, 16, 64, 64},
        {1, 1, 7, 3},     {200, 1, 16, 16}, {3, 90, 16, 64}, {90, 70, 8, 8},  {7, 5, 8, 8}};
    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        int w = sizes[k][0], h = sizes[k][1], out_w = sizes[k][2], out_h = sizes[k][3];
        uint8_t *in = malloc((size_t)(w * h)), *out = malloc((size_t)(out_w * out_h));
        for (int i = 0; i < w * h; i++)
            in[i] = noise(i);
        lrt_resize *r = lrt_resize_new(w, h, out_w, out_h, 1);
        for (int y = 0; y < h; y++)
            assert_true(lrt_resize_row(r, in + y * w, out));
        lrt_resize_free(r);
        for (int y = 0; y < out_h; y++)
            for (int x = 0; x < out_w;
                 x++) /* rounded, from weights in float: half a step and a little */
                assert_float_equal(out[y * out_w + x], direct(in, w, h, out_w, out_h, x, y), 0.501);
        if (w == out_w && h == out_h)
            assert_memory_equal(in, out, w * h);
        free(in);
        free(out);
    }
}

/* ---- PNG --------------------------------------------------------------------------------------
 */

static void test_png_rgb(void **state)
{
    uint8_t **rows = noise_rows(H, W * 3), out[W * H * 3];
    (void)state;
    for (int interlace = 0; interlace < 2; interlace++) {
        PngForm f = {.width = W,
                     .height = H,
                     .depth = 8,
                     .type = PNG_COLOR_TYPE_RGB,
                     .interlace = interlace};
        lrt_picture_about a = read_file(png_file(f, rows), LRT_PICTURE_RGB, W, H, out);
        for (int y = 0; y < H; y++)
            assert_memory_equal(out + y * W * 3, rows[y], W * 3);
        assert_string_equal(a.notice, "");
        assert_int_equal(a.width, W);
        assert_int_equal(a.height, H);
    }
    free_rows(rows, H);
}

static void test_png_alpha(void **state)
{
    uint8_t **rows = noise_rows(H, W * 4), out[W * H * 3];
    (void)state;
    PngForm f = {.width = W, .height = H, .depth = 8, .type = PNG_COLOR_TYPE_RGBA};
    lrt_picture_about a = read_file(png_file(f, rows), LRT_PICTURE_RGB, W, H, out);
    assert_string_equal(a.notice, "transparent parts on white");
    for (int i = 0; i < W * H * 3; i++) {
        const uint8_t *p = rows[i / (W * 3)] + i % (W * 3) / 3 * 4;
        assert_float_equal(out[i], (p[i % 3] * p[3] + 255.0 * (255 - p[3])) / 255, 0.501);
    }
    a = read_file(png_file(f, rows), LRT_PICTURE_MASK, W, H, out);
    assert_string_equal(a.notice, "transparent parts count as black");
    for (int i = 0; i < W * H; i++) {
        const uint8_t *p = rows[i / W] + i % W * 4;
        double v = (0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]) * p[3] / 255;
        if (fabs(v - 127.5) > 1.5)
            assert_int_equal(out[i], v > 127.5 ? 255 : 0);
    }
    free_rows(rows, H);
}

static void test_png_depths(void **state)
{
    static const uint8_t colors[4][3] = {
        {255, 0, 0}, {255, 255, 255}, {0, 0, 255}, {9, 8, 7}}; /* the second is transparent */
    uint8_t out[W * H * 3], **rows = noise_rows(H, W * 2);
    (void)state;
    PngForm gray16 = {.width = W, .height = H, .depth = 16, .type = PNG_COLOR_TYPE_GRAY};
    read_file(png_file(gray16, rows), LRT_PICTURE_RGB, W, H, out);
    for (int i = 0; i < W * H * 3; i++) {
        const uint8_t *p = rows[i / (W * 3)] + i % (W * 3) / 3 * 2;
        assert_float_equal(out[i], (p[0] * 256 + p[1]) / 257.0, 0.501);
    }
    PngForm one_bit = {.width = W, .height = H, .depth = 1, .type = PNG_COLOR_TYPE_GRAY};
    read_file(png_file(one_bit, rows), LRT_PICTURE_RGB, W, H, out);
    for (int i = 0; i < W * H; i++)
        assert_int_equal(out[i * 3], rows[i / W][i % W / 8] >> (7 - i % W % 8) & 1 ? 255 : 0);
    PngForm palette = {.width = W, .height = H, .depth = 2, .type = PNG_COLOR_TYPE_PALETTE};
    read_file(png_file(palette, rows), LRT_PICTURE_RGB, W, H, out);
    for (int i = 0; i < W * H; i++)
        assert_memory_equal(out + i * 3, colors[rows[i / W][i % W / 4] >> (6 - i % W % 4 * 2) & 3],
                            3);
    free_rows(rows, H);
}

/* ---- JPEG -------------------------------------------------------------------------------------
 */

/* Smooth, so that the format keeps it: (width, height, n) with values of its own in every channel.
 */
static uint8_t *smooth(int width, int height, int n)
{
    uint8_t *p = malloc((size_t)(width * height * n));
    for (int i = 0; i < width * height * n; i++)
        p[i] = (uint8_t)(40 + 5 * (i / n % width) + 3 * (i / n / width) + 20 * (i % n));
    return p;
}

static void test_jpeg(void **state)
{
    uint8_t out[W * H * 3];
    (void)state;
    for (int n = 1; n <= 4; n += n == 1 ? 2 : 1)
        for (int progressive = 0; progressive < 2; progressive++) {
            uint8_t *in = smooth(W, H, n);
            lrt_picture_about a = read_file(jpeg_file(in, W, H, n, progressive, NULL, 0),
                                            LRT_PICTURE_RGB, W, H, out);
            assert_string_equal(a.notice,
                                n == 4 ? "CMYK converted to RGB without its profile" : "");
            for (int i = 0; i < W * H * 3; i++) {
                const uint8_t *p =
                    in + i / 3 * n; /* libjpeg writes an Adobe marker: the inks are inverted */
                double want = n == 1 ? p[0] : n == 3 ? p[i % 3] : p[i % 3] * p[3] / 255.0;
                assert_float_equal(
                    out[i], want,
                    4); /* quality 100 of a smooth picture; chroma at half the resolution */
            }
            free(in);
        }
}

/* An Exif block with the orientation o; big: its byte order. */
static void exif_block(uint8_t out[26], int o, bool big)
{
    static const uint8_t little_endian[26] = "II*\0\10\0\0\0\1\0\22\1\3\0\1\0\0\0\0\0\0\0\0\0\0",
                         big_endian[26] = "MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\0\0\0\0\0\0";
    memcpy(out, big ? big_endian : little_endian, 26);
    out[big ? 19 : 18] = (uint8_t)o;
}

/* Where pixel x, y of the picture as it is looked at (w x h) is stored, by the standard's words:
 * which visual side the stored row 0 and column 0 are. */
static int stored_at(int o, int x, int y, int w, int h)
{
    switch (o) {
    case 2: return y * w + (w - 1 - x);           /* top, right */
    case 3: return (h - 1 - y) * w + (w - 1 - x); /* bottom, right */
    case 4: return (h - 1 - y) * w + x;           /* bottom, left */
    case 5: return x * h + y;                     /* left, top */
    case 6: return (w - 1 - x) * h + y;           /* right, top */
    case 7: return (w - 1 - x) * h + (h - 1 - y); /* right, bottom */
    case 8: return x * h + (h - 1 - y);           /* left, bottom */
    default: return y * w + x;
    }
}

static void test_orientation(void **state)
{
    uint8_t block[32] = "Exif\0", out[W * H * 3];
    (void)state;
    for (int o = 0; o <= 9; o++)
        for (int big = 0; big < 2; big++) {
            int sw = o > 4 && o < 9 ? H : W, sh = o > 4 && o < 9 ? W : H;
            uint8_t **rows = noise_rows(sh, sw * 3), *in = smooth(sw, sh, 3);
            exif_block(block + 6, o, big);
            PngForm f = {.width = sw,
                         .height = sh,
                         .depth = 8,
                         .type = PNG_COLOR_TYPE_RGB,
                         .exif = block + 6,
                         .exif_bytes = 26};
            lrt_picture_about a = read_file(png_file(f, rows), LRT_PICTURE_RGB, W, H, out);
            assert_string_equal(a.notice, o > 1 && o < 9 ? "rotated as its Exif data say" : "");
            for (int i = 0; i < W * H; i++) {
                int at = stored_at(o, i % W, i / W, W, H);
                assert_memory_equal(out + i * 3, rows[at / sw] + at % sw * 3, 3);
            }
            read_file(jpeg_file(in, sw, sh, 3, false, block, sizeof block), LRT_PICTURE_RGB, W, H,
                      out);
            for (int i = 0; i < W * H * 3; i++)
                assert_float_equal(out[i], in[stored_at(o, i / 3 % W, i / 3 / W, W, H) * 3 + i % 3],
                                   4);
            free_rows(rows, sh);
            free(in);
        }
}

/* ---- what is wrong ----------------------------------------------------------------------------
 */

/* Cut anywhere, a file is refused with its name, or, where only its end marker is missing, read. */
static void test_truncated(void **state)
{
    uint8_t **rows = noise_rows(H, W * 3), *in = smooth(W, H, 3), out[W * H * 3];
    (void)state;
    PngForm f = {.width = W, .height = H, .depth = 8, .type = PNG_COLOR_TYPE_RGB};
    File files[] = {png_file(f, rows), jpeg_file(in, W, H, 3, false, NULL, 0),
                    jpeg_file(in, W, H, 3, true, NULL, 0)};
    for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
        for (size_t n = 1; n < files[k].bytes - 20; n++) {
            lrt_error e = {""};
            lrt_picture_about a;
            if (read_bytes(files[k], n, LRT_PICTURE_RGB, W, H, out, &a, &e))
                fail_msg("file %zu, cut to %zu of %zu bytes, is taken for sound", k, n,
                         files[k].bytes);
            assert_memory_equal(e.text, "x: ", 3);
            assert_null(strchr(e.text, '\n'));
        }
        free(files[k].data);
    }
    free_rows(rows, H);
    free(in);
}

static void put32(char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(v >> (24 - 8 * i));
}

/* A sound PNG whose header claims another size. */
static void check_claim(uint32_t width, uint32_t height, int interlace, const char *said)
{
    uint8_t **rows = noise_rows(H, W * 3), out[8 * 8 * 3];
    PngForm f = {.width = W, .height = H, .depth = 8, .type = PNG_COLOR_TYPE_RGB};
    File file = png_file(f, rows);
    put32(file.data + 16, width);
    put32(file.data + 20, height);
    file.data[28] = (char)interlace;
    put32(file.data + 29, (uint32_t)crc32(0, (const Bytef *)file.data + 12, 17));
    lrt_error e = {""};
    lrt_picture_about a;
    assert_false(read_bytes(file, file.bytes, LRT_PICTURE_RGB, 8, 8, out, &a, &e));
    assert_string_equal(e.text, said);
    free(file.data);
    free_rows(rows, H);
}

static void test_sizes_refused(void **state)
{
    (void)state;
    check_claim(40000, 40000, 0,
                "x: 40000 x 40000 pixels: expected at most 1073 million, and 1000000 per side");
    check_claim(1000001, 1, 0,
                "x: 1000001 x 1 pixels: expected at most 1073 million, and 1000000 per side");
    check_claim(
        9000, 9000, 1,
        "x: 9000 x 9000 pixels, interlaced: expected at most 67 million when interlaced, and 1000000 per side");
}

/* ---- text -------------------------------------------------------------------------------------
 */

static void test_text(void **state)
{
    uint8_t **rows = noise_rows(H, W * 3);
    (void)state;
    for (int k = 0; k < 6; k++) {
        PngForm f = {.width = W,
                     .height = H,
                     .depth = 8,
                     .type = PNG_COLOR_TYPE_RGB,
                     .interlace = k % 2,
                     .text = k < 4 ? "caf\xe9" : NULL,
                     .text_last = k >= 2};
        File file = png_file(f, rows);
        FILE *s = fmemopen(file.data, file.bytes, "rb");
        char *text;
        lrt_error e;
        assert_true(lrt_png_text_stream(s, "x", "parameters", &text, &e));
        if (k < 4)
            assert_string_equal(text, "caf\xc3\xa9"); /* Latin-1 becomes UTF-8 */
        else
            assert_null(text);
        free(text);
        fclose(s);
        free(file.data);
    }
    free_rows(rows, H);
}

/* ---- a picture to start from ------------------------------------------------------------------
 */

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
    assert_true(lrt_png_write(path, &(lrt_png){rgb, W, H, NULL}, &e));
    free(rgb);
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
        k.latent[i] = (float)i;
        x[i] = 1;
    }
    k.encoded = true;
    lrt_init_image_start(&k, 0.36, false, x);
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
    assert_true(lrt_init_image_read(&k, picture, NULL, &size, stderr, &e));
    assert_true(k.encoded && !k.mask);
    assert_true(lrt_init_image_read(&k, mask, NULL, &size, stderr, &e));
    assert_false(k.encoded); /* another picture */
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
    lrt_init_image k = {
        .size = {.latent_width = LW, .latent_height = LH}, .latent = latent, .moments = moments};
    lrt_noise stream;
    (void)state;
    for (int i = 0; i < LH * LW; i++)
        for (int c = 0; c < 4; c++) {
            moments[i * 8 + c] = (float)(c * 0.5 - i / LW * 0.25 + i % LW * 0.125);
            moments[i * 8 + 4 + c] = log_variance[c] + (float)(i / LW);
        }
    lrt_noise_seed(&stream, lrt_rng_find("cpu"), 31);
    lrt_noise_latent(&stream, noise, N);
    lrt_init_image_sample(&k, 0.18215, noise);
    for (int i = 0; i < N; i++) /* floats that cancel: a few units in the last place of mean or
                                   noise, the larger one */
        assert_true(fabs(latent[i] - want[i]) <= 1e-6 * fmax(fabs(want[i]), i % 4 ? 0.2 : 0.01));
    lrt_noise_latent(&stream, noise, N);
    for (int i = 0; i < 4; i++)
        assert_true(fabs(noise[i] - next[i]) < 2e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resize),     cmocka_unit_test(test_png_rgb),
        cmocka_unit_test(test_png_alpha),  cmocka_unit_test(test_png_depths),
        cmocka_unit_test(test_jpeg),       cmocka_unit_test(test_orientation),
        cmocka_unit_test(test_truncated),  cmocka_unit_test(test_sizes_refused),
        cmocka_unit_test(test_text),       cmocka_unit_test(test_first_step),
        cmocka_unit_test(test_init_image), cmocka_unit_test(test_sample)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
