/* PNG files that are written: pixels, the text chunk, folders that refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <png.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "picture_out.h"

static void check_picture(const char *parameters, int level)
{
    enum { W = 7, H = 5 };
    uint8_t rgb[H * W * 3], back[sizeof rgb];
    lrt_error e;
    char path[256];
    snprintf(path, sizeof path, "%s", in_folder("a.png"));
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * 37);
    assert_true(lrt_picture_write(path, &(lrt_picture_out){rgb, W, H, parameters, 90, level}, &e));
    FILE *f = fopen(path, "rb");
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, f);
    png_read_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    assert_true(png_get_image_width(png, info) == W && png_get_image_height(png, info) == H &&
                png_get_channels(png, info) == 3);
    png_bytepp rows = png_get_rows(png, info);
    for (int y = 0; y < H; y++)
        memcpy(back + y * W * 3, rows[y], W * 3);
    assert_memory_equal(rgb, back, sizeof rgb);
    png_textp text;
    int n = 0;
    png_get_text(png, info, &text, &n);
    assert_int_equal(n, parameters ? 1 : 0);
    if (parameters) {
        assert_string_equal(text[0].key, "parameters");
        assert_string_equal(text[0].text, parameters);
    }
    png_destroy_read_struct(&png, &info, NULL);
    fclose(f);
    unlink(path);
}

static void test_picture(void **state)
{
    lrt_error e;
    uint8_t pixel[3] = {1, 2, 3};
    (void)state;
    for (int level = LRT_PNG_QUICK; level <= 9; level++)
        check_picture(NULL, level);
    check_picture("a red circle\nSteps: 25, Sampler: ddim", LRT_PNG_QUICK);
    check_picture("caf\303\251 \342\230\203\nSteps: 25", 6);
    assert_false(lrt_picture_write("/nonexistent/a.png",
                                   &(lrt_picture_out){pixel, 1, 1, NULL, 90, LRT_PNG_QUICK}, &e));
    assert_non_null(strstr(e.text, "/nonexistent/a.png"));
    assert_false(lrt_picture_write(folder_path(),
                                   &(lrt_picture_out){pixel, 1, 1, NULL, 90, LRT_PNG_QUICK}, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_picture)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
