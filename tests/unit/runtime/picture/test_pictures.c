/* Pictures from files: what is in them arrives, whatever the format; damaged files are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

#include "exif.h"
#include "picture_in.h"
#include "picture_text.h"
#include "png_read.h"
#include "made_pixels.h"

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
        lrt_found_text found;
        lrt_error e;
        static const char *const keys[] = {"parameters"};
        assert_true(lrt_picture_text_stream(s, "x", &(lrt_text_keys){keys, 1}, &found, &e));
        if (k < 4)
            assert_string_equal(found.text, "caf\xc3\xa9"); /* Latin-1 becomes UTF-8 */
        else
            assert_true(!found.text && found.key == -1);
        free(found.text);
        fclose(s);
        free(file.data);
    }
    free_rows(rows, H);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_rgb),       cmocka_unit_test(test_png_alpha),
        cmocka_unit_test(test_png_depths),    cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_orientation),   cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_sizes_refused), cmocka_unit_test(test_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
