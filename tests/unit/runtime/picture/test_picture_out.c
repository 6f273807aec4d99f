/* Pictures by their names; JPEG files that are written; texts that come back. test_png_write has
 * the chunks of PNG files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exif.h"
#include "folder.h"
#include "picture_in.h"
#include "picture_out.h"
#include "picture_text.h"

enum { W = 33, H = 17 };
static uint8_t rgb[H * W * 3];

/* Smooth colours, which a JPEG keeps well. */
static void paint(void)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < 3; c++)
                rgb[(y * W + x) * 3 + c] = (uint8_t)(c == 0   ? x * 7
                                                     : c == 1 ? y * 14
                                                              : 255 - x * 7);
}

static long size_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return (long)st.st_size;
}

static int largest_difference(const char *path)
{
    uint8_t back[sizeof rgb];
    lrt_picture_about about;
    lrt_error e;
    const lrt_picture_want want = {LRT_PICTURE_RGB, W, H};
    assert_true(lrt_picture_read(path, &want, back, &about, &e));
    assert_true(about.width == W && about.height == H && !*about.notice);
    int most = 0;
    for (size_t i = 0; i < sizeof rgb; i++)
        most = abs(back[i] - rgb[i]) > most ? abs(back[i] - rgb[i]) : most;
    return most;
}

static void test_formats(void **state)
{
    static const struct {
        const char *name;
        int format; /* -1: refused */
    } cases[] = {{"a.png", LRT_FORMAT_PNG},
                 {"a.JPG", LRT_FORMAT_JPEG},
                 {"x.y/a.jpeg", LRT_FORMAT_JPEG},
                 {"a", LRT_FORMAT_PNG},
                 {"x.gif/a", LRT_FORMAT_PNG},
                 {".hidden", LRT_FORMAT_PNG},
                 {"a.", LRT_FORMAT_PNG},
                 {"/dev/null", LRT_FORMAT_PNG},
                 {"a.webp", -1},
                 {"a.png.gif", -1},
                 {"a.jp", -1}};
    lrt_picture_format format;
    lrt_error e;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool ok = lrt_picture_format_of(cases[i].name, &format, &e);
        if (ok != (cases[i].format >= 0) || (ok && (int)format != cases[i].format))
            fail_msg("%s: %s", cases[i].name, ok ? "taken otherwise" : e.text);
    }
    assert_non_null(strstr(e.text, "a.jp: unknown ending '.jp': expected .png, .jpg or .jpeg"));
    char pipe[256]; /* whatever its name */
    snprintf(pipe, sizeof pipe, "%s", in_folder("pipe.gif"));
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_true(lrt_picture_format_of(pipe, &format, &e) && format == LRT_FORMAT_PNG);
    unlink(pipe);
}

static void test_jpeg(void **state)
{
    char path[256];
    lrt_error e;
    long size[3];
    static const int quality[] = {30, 89, 95}, most[] = {60, 40, 8};
    (void)state;
    paint();
    snprintf(path, sizeof path, "%s", in_folder("a.jpg"));
    for (int i = 0; i < 3; i++) {
        assert_true(lrt_picture_write(
            path, &(lrt_picture_out){rgb, W, H, NULL, quality[i], LRT_PNG_QUICK}, &e));
        size[i] = size_of(path);
        if (largest_difference(path) > most[i])
            fail_msg("quality %d: a difference of %d", quality[i], largest_difference(path));
    }
    assert_true(size[0] < size[1] && size[1] < size[2]);
    unlink(path);
    assert_false(lrt_picture_write("/dev/full.jpg/x.jpg",
                                   &(lrt_picture_out){rgb, W, H, NULL, 90, LRT_PNG_QUICK}, &e));
    assert_non_null(strstr(e.text, "/dev/full.jpg/x.jpg: cannot be written"));
}

/* What is recorded comes back, whatever the file's format. */
static void test_texts(void **state)
{
    static const char *const texts[] = {"a red circle\nSteps: 25",
                                        "caf\xc3\xa9 \xe4\xb8\x80 \xf0\x9f\x94\xb4",
                                        "\xe4\xb8\x80\xe4\xb8\x80", ""},
                             *const names[] = {"a.png", "a.jpg"}, *const keys[] = {"parameters"};
    char path[256];
    lrt_error e;
    (void)state;
    for (int k = 0; k < 8; k++) {
        lrt_found_text found;
        const char *text = texts[k / 2];
        snprintf(path, sizeof path, "%s", in_folder(names[k % 2]));
        assert_true(
            lrt_picture_write(path, &(lrt_picture_out){rgb, W, H, text, 90, LRT_PNG_QUICK}, &e));
        assert_true(lrt_picture_text(path, &(lrt_text_keys){keys, 1}, &found, &e));
        assert_true(found.key == 0 && found.text);
        assert_string_equal(found.text, text);
        free(found.text);
    }
    /* Exif has 64 KiB: a longer text is left out, and the picture is whole. */
    char *longer = calloc(1, 40001);
    memset(longer, 'x', 40000);
    assert_true(lrt_picture_holds(LRT_FORMAT_PNG, longer) &&
                !lrt_picture_holds(LRT_FORMAT_JPEG, longer) &&
                lrt_picture_holds(LRT_FORMAT_JPEG, longer + 8000));
    assert_true(
        lrt_picture_write(path, &(lrt_picture_out){rgb, W, H, longer, 95, LRT_PNG_QUICK}, &e));
    assert_true(largest_difference(path) < 9);
    free(longer);
    unlink(path);
    unlink(in_folder("a.png"));
}

/* Damaged blocks: no comment, and no read outside of them (for the sanitizers). */
static void test_damaged_exif(void **state)
{
    size_t n;
    uint8_t *block = lrt_exif_with_comment("a red circle", &n);
    (void)state;
    for (size_t cut = 0; cut <= n; cut++) {
        uint8_t *copy = malloc(cut + 1);
        memcpy(copy, block, cut);
        char *text = lrt_exif_comment(copy, cut);
        assert_true((text != NULL) == (cut == n));
        free(text);
        free(copy);
    }
    for (size_t at = 0; at < n; at++)
        for (int v = 0; v < 256; v += 51) {
            uint8_t old = block[at];
            block[at] = (uint8_t)v;
            free(lrt_exif_comment(block, n));
            block[at] = old;
        }
    free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_formats), cmocka_unit_test(test_jpeg),
                                       cmocka_unit_test(test_texts),
                                       cmocka_unit_test(test_damaged_exif)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
