/* What a generator reads and writes: pictures, tensors, containers, names; and its command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container_write.h"
#include "container.h"
#include "numbered_name.h"
#include "settings.h"
#include "options.h"
#include "output.h"
#include "png_write.h"
#include "tensors.h"

static char folder[] = "/tmp/latentc-files-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

/* Fails when a test has left a file, a temporary one above all. */
static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void check_picture(const char *parameters)
{
    enum { W = 7, H = 5 };
    uint8_t rgb[H * W * 3], back[sizeof rgb];
    lrt_error e;
    char path[256];
    snprintf(path, sizeof path, "%s", in_folder("a.png"));
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * 37);
    assert_true(lrt_png_write(path, &(lrt_png){rgb, W, H, parameters}, &e));
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
    check_picture(NULL);
    check_picture("a red circle\nSteps: 25, Sampler: ddim");
    check_picture("caf\303\251 \342\230\203\nSteps: 25");
    assert_false(lrt_png_write("/nonexistent/a.png", &(lrt_png){pixel, 1, 1, NULL}, &e));
    assert_non_null(strstr(e.text, "/nonexistent/a.png"));
    assert_false(lrt_png_write(folder, &(lrt_png){pixel, 1, 1, NULL}, &e));
    if (!access("/dev/full", W_OK)) { /* a full disk, as far as one can be had */
        lrt_output o = {.stream = NULL};
        assert_true(lrt_output_open(&o, in_folder("b"), &e));
        assert_non_null(freopen("/dev/full", "wb", o.stream));
        for (int i = 0; i < 100000; i++)
            fputc('x', o.stream);
        assert_false(lrt_output_commit(&o, &e));
        assert_int_not_equal(access(in_folder("b"), F_OK), 0);
    }
}

static lrt_error found; /* by find */
static const lrt_tensor *find(const lrt_tensor_file *f, const char *name, const char *dtype,
                              int rank, const int64_t *dim)
{
    return lrt_tensors_find(f, &(lrt_tensor_spec){name, dtype, rank, dim, NULL}, &found);
}

static void test_tensors(void **state)
{
    const int64_t a_shape[] = {1, 2, 3}, b_shape[] = {2}, other[] = {1, 3, 2};
    const float a[] = {1, 2, 3, 4, 5, 6};
    const int32_t b[] = {7, -8};
    const lrt_tensor_spec out[] = {{"a", "F32", 3, a_shape, a}, {"b", "I32", 1, b_shape, b}};
    lrt_tensor_file f;
    lrt_error e;
    char path[256];
    (void)state;
    snprintf(path, sizeof path, "%s", in_folder("t.safetensors"));
    assert_true(lrt_tensors_write(path, out, 2, &e));
    assert_true(lrt_tensors_read(path, &f, &e));
    assert_int_equal(f.n, 2);
    const lrt_tensor *t = find(&f, "a", "F32", 3, a_shape);
    assert_non_null(t);
    assert_memory_equal(t->data, a, sizeof a);
    t = find(&f, "b", "I32", 1, b_shape);
    assert_memory_equal(t->data, b, sizeof b);
    assert_null(find(&f, "c", "F32", 3, a_shape));
    assert_non_null(strstr(found.text, "no tensor 'c'"));
    assert_null(find(&f, "a", "F32", 3, other));
    assert_non_null(strstr(found.text, "(1,2,3): expected F32 (1,3,2)"));
    assert_null(find(&f, "b", "F32", 1, b_shape));
    size_t whole = f.bytes;
    lrt_tensors_free(&f);
    for (size_t n = whole; n-- > 0;) { /* truncated anywhere */
        assert_int_equal(truncate(path, (off_t)n), 0);
        assert_false(lrt_tensors_read(path, &f, &e));
    }
    unlink(path);
}

static void test_bad_tensors(void **state)
{
    /* clang-format off */
    static const char *const headers[] = {
        "[]",
        "{\"a\":1}",
        "{\"a\":{}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}",
        "{\"a\":{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]}}",
        "{\"a",
        "{\"__metadata__\":{\"x\":{}}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}} x"};
    char path[256];
    lrt_tensor_file f;
    lrt_error e;
    (void)state;
    snprintf(path, sizeof path, "%s", in_folder("bad.safetensors"));
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        FILE *out = fopen(path, "wb");
        uint64_t n = strlen(headers[i]);
        fwrite(&n, 8, 1, out);
        fwrite(headers[i], 1, n, out);
        fwrite("12345678", 1, 8, out);
        fclose(out);
        assert_false(lrt_tensors_read(path, &f, &e));
    }
    /* clang-format on */
    unlink(path);
    assert_false(lrt_tensors_read(path, &f, &e));
    assert_false(lrt_tensors_read(folder, &f, &e));
}

static void fill(Container *c, void *context)
{
    const unsigned char *weights = context;
    container_write(c, weights, 100);
    assert_int_equal(container_position(c), 100);
    container_write(c, weights + 100, 200000 - 100);
}

static void change_byte(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    fseek(f, at, at < 0 ? SEEK_END : SEEK_SET);
    int c = fgetc(f);
    fseek(f, -1, SEEK_CUR);
    fputc(c ^ 4, f);
    fclose(f);
}

static void test_container(void **state)
{
    enum { WEIGHTS = 200000, HASH = 1234567 };
    unsigned char *weights = malloc(WEIGHTS);
    char path[256], program[256];
    lrt_container c;
    lrt_error e;
    (void)state;
    for (int i = 0; i < WEIGHTS; i++)
        weights[i] = (unsigned char)(i * 7);
    snprintf(path, sizeof path, "%s", in_folder("container"));
    snprintf(program, sizeof program, "%s", in_folder("program"));
    const lrt_container_file file = {path, "the program file", NULL, HASH},
                             other = {path, "the program file", "make it anew", HASH + 1};
    FILE *f = fopen(program, "wb");
    fputs("not much of a program", f);
    fclose(f);
    OutFile *o = outfile_open(path);
    container_finish(o, HASH,
                     &(ContainerParts){.executable = program,
                                       .weights = fill,
                                       .context = weights,
                                       .vocab = "vocabulary",
                                       .vocab_bytes = 10});
    outfile_commit(o, 0755);
    assert_true(lrt_container_open(&file, LRT_MAP_WEIGHTS | LRT_MAP_VOCAB, 0, &c, &e));
    assert_memory_equal(c.section[LRT_SECTION_WEIGHTS], weights, WEIGHTS);
    assert_memory_equal(c.section[LRT_SECTION_VOCAB], "vocabulary", 10);
    long first = (long)c.footer.sections[LRT_SECTION_WEIGHTS].offset,
         size = (long)c.footer.file_bytes;
    assert_int_equal(first % 65536, 0);
    lrt_container_close(&c);
    assert_false(lrt_container_open(&other, LRT_MAP_WEIGHTS, 0, &c, &e));
    assert_string_equal(
        e.text,
        "the program file was packed for other code: its layout is 000000000012d687, expected 000000000012d688; make it anew");
    assert_true(lrt_container_open(&file, 0, 0, &c, &e));
    assert_null(c.section[LRT_SECTION_WEIGHTS]);
    lrt_container_close(&c);
    const long places[] = {first + 150000, -10, -100, -160};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        change_byte(path, places[i]);
        assert_false(lrt_container_open(&file, LRT_MAP_WEIGHTS | LRT_MAP_VOCAB, 0, &c, &e));
        assert_non_null(strstr(e.text, "changed"));
        bool opens = lrt_container_open(&file, LRT_MAP_WEIGHTS | LRT_MAP_VOCAB, LRT_MAP_WEIGHTS, &c,
                                        &e);
        assert_int_equal(opens, i == 0); /* the weights are not looked at yet */
        if (opens) {
            assert_false(lrt_container_check(&c, &e));
            assert_non_null(strstr(e.text, "weights differ from those"));
            lrt_container_close(&c);
        }
        change_byte(path, places[i]);
    }
    assert_true(lrt_container_open(&file, LRT_MAP_WEIGHTS, LRT_MAP_WEIGHTS, &c, &e));
    assert_true(lrt_container_check(&c, &e));
    assert_int_equal(c.unchecked, 0);
    lrt_container_close(&c);
    assert_true(lrt_container_open(&file, LRT_MAP_WEIGHTS | LRT_MAP_VOCAB, 0, &c, &e));
    lrt_container_close(&c);
    for (long n = size - 1; n > 0; n = n * 3 / 4) {
        assert_int_equal(truncate(path, n), 0);
        assert_false(lrt_container_open(&file, LRT_MAP_WEIGHTS | LRT_MAP_VOCAB, 0, &c, &e));
        assert_non_null(strstr(e.text, "truncated"));
    }
    unlink(path);
    unlink(program);
    free(weights);
}

static void check_name(const char *pattern, int64_t i, int64_t n, const char *tag, const char *want)
{
    char *name = lrt_numbered_name(pattern, i, n, 42, tag);
    assert_string_equal(name, want);
    free(name);
}

static void test_names(void **state)
{
    (void)state;
    check_name("output.png", 1, 1, "", "output.png");
    check_name("output.png", 3, 4, "", "output-3.png");
    check_name("a/b.c/output", 3, 4, "", "a/b.c/output-3");
    check_name("p-%03d.png", 7, 9, "", "p-007.png");
    check_name("p-%d%d.png", 7, 1, "", "p-7%d.png");
    check_name("100%.png", 1, 2, "", "100%-1.png");
    check_name("x.png", 1, 1, ".preview", "x.preview.png");
    check_name("x.png", 2, 2, ".preview", "x-2.preview.png");
    check_name(".hidden", 2, 2, "", ".hidden-2");
    check_name("p-%s.png", 2, 2, "", "p-42.png");
    check_name("%05d-%s-%s.png", 2, 2, "", "00002-42-%s.png");
}

static const lrt_pipeline pipeline = {.name = "test",
                                      .width = 128,
                                      .height = 128,
                                      .schedule = {.train_steps = 1000},
                                      .steps = 25,
                                      .cfg_scale = 7.5,
                                      .sampler = "ddim",
                                      .seed = 42,
                                      .output = "output.png",
                                      .prompt = "a red circle"};

/* Arguments up to a NULL. */
static bool parse(lrt_settings *s, lrt_error *e, char **argv)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    e->text[0] = '\0';
    return lrt_settings_parse(s, &pipeline, argc, argv, e);
}
#define PARSE(s, e, ...) parse(s, e, (char *[]){(char *)"test", __VA_ARGS__, NULL})

static void test_settings(void **state)
{
    lrt_settings s;
    lrt_error e;
    (void)state;
    assert_true(PARSE(&s, &e, "-p", "x"));
    assert_true(s.steps == 25 && s.cfg_scale == 7.5 && s.seed == 42 && s.batch_count == 1 &&
                isnan(s.alpha));
    assert_string_equal(s.sampler->name, "ddim");
    assert_string_equal(s.negative, "");
    assert_true(PARSE(&s, &e, "--prompt=a=b", "-n", "-5 dogs", "-s-3", "--steps", "1000",
                      "--cfg-scale=-1e1", "--sampling-method", "relax", "--alpha", "0.5"));
    assert_string_equal(s.prompt, "a=b");
    assert_string_equal(s.negative, "-5 dogs");
    assert_true(s.seed == -3 && s.steps == 1000 && s.cfg_scale == -10 && s.alpha == 0.5);
    assert_true(PARSE(&s, &e, "-p", ""));
    assert_true(PARSE(&s, &e, "--info"));
    assert_true(PARSE(&s, &e, "-h"));
}

static void test_wrong_usage(void **state)
{
    /* clang-format off */
    static const struct {
        char *argv[6];
        const char *message;
    } cases[] = {
        /* clang-format on */
        {{"test", NULL}, "no prompt"},
        {{"test", "-p", NULL}, "-p: expected TEXT after it"},
        {{"test", "-p", "--steps", "5", NULL}, "-p: expected TEXT after it"},
        {{"test", "--stepps", "5", NULL}, "unknown flag '--stepps': did you mean '--steps'?"},
        {{"test", "-q", NULL}, "unknown flag '-q'"},
        {{"test", "a red circle", NULL}, "the prompt goes after -p"},
        {{"test", "-p", "x", "--steps", "0", NULL},
         "--steps: expected an integer from 1 to 1000, found '0'"},
        {{"test", "-p", "x", "--steps", "1001", NULL}, "found '1001'"},
        {{"test", "-p", "x", "--steps", "5x", NULL}, "found '5x'"},
        {{"test", "-p", "x", "--cfg-scale", "nan", NULL},
         "--cfg-scale: expected a number from -1000 to 1000, found 'nan'"},
        {{"test", "-p", "x", "--cfg-scale", "inf", NULL}, "found 'inf'"},
        {{"test", "-p", "x", "-s", "99999999999999999999", NULL}, "--seed"},
        {{"test", "-p", "x", "--sampling-method", "ddin", NULL}, "did you mean 'ddim'?"},
        {{"test", "-p", "x", "--rng", "dice", NULL}, "--rng: unknown 'dice'"},
        {{"test", "-p", "x", "--alpha", "0.5", NULL}, "--alpha goes with --sampling-method relax"},
        {{"test", "-p", "x", "--alpha", "0", NULL}, "--alpha: expected a number"},
        {{"test", "--info=yes", NULL}, "--info takes no value"},
        {{"test", "-p", "x", "-t", "0", NULL}, "--threads"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lrt_settings s;
        lrt_error e;
        if (parse(&s, &e, (char **)(uintptr_t)cases[i].argv) || !strstr(e.text, cases[i].message))
            fail_msg("case %zu: found \"%s\", expected \"%s\"", i, e.text, cases[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_picture),     cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_bad_tensors), cmocka_unit_test(test_container),
        cmocka_unit_test(test_names),       cmocka_unit_test(test_settings),
        cmocka_unit_test(test_wrong_usage)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
