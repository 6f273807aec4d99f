/* HDF5 files as Keras and others write them, and as nobody should: what is read, and what is said
 * of the rest. Files are made by libhdf5 itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stdio.h>

#include "formats.h"
#include "scheme.h"
#include "h5.h"
#include "stored.h"
#include "err.h"
#include "files.h"
#include "open_models.h"
#include "caught.h"
#include "zip_write.h"

static char path[] = "/tmp/latentc-h5-XXXXXX";
static hid_t file;

static hid_t create(hid_t plist)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    file = H5Fcreate(path, H5F_ACC_TRUNC, plist, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

static void done(void) { assert_true(H5Fclose(file) >= 0); }

static void put_texts(const char *object, const char *name, const char *const *texts, size_t n,
                      bool variable)
{
    enum { WIDTH = 24 };
    hsize_t size[] = {n};
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, size, NULL);
    char *fixed = calloc(n, WIDTH);
    for (size_t i = 0; i < n; i++)
        strncpy(fixed + i * WIDTH, texts[i], WIDTH - 1);
    H5Tset_size(type, variable ? H5T_VARIABLE : WIDTH);
    H5Tset_cset(type, variable ? H5T_CSET_UTF8 : H5T_CSET_ASCII);
    hid_t attribute = H5Acreate_by_name(file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT,
                                        H5P_DEFAULT);
    assert_true(H5Awrite(attribute, type, variable ? (const void *)texts : fixed) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
    free(fixed);
}

/* A dataset of 6 numbers, (2,3). */
static void put(const char *name, hid_t type, hid_t memory, const void *data, hid_t plist)
{
    hsize_t size[] = {2, 3};
    hid_t space = H5Screate_simple(2, size, NULL), links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    hid_t set = H5Dcreate2(file, name, type, space, links, plist, H5P_DEFAULT);
    assert_true(set >= 0);
    assert_true(H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(set);
    H5Pclose(links);
    H5Sclose(space);
}

static const float six[6] = {1, -2, 0.5f, 3, 1.5f, -0.25f};

static void texts(void **state)
{
    (void)state;
    const char *a[] = {"dense", "conv_2"}, *b[] = {"conv_10"};
    double none[1] = {0};
    hsize_t zero[] = {0};
    create(H5P_DEFAULT);
    put_texts(".", "fixed", a, 2, false);
    put_texts(".", "variable", a, 2, true);
    put_texts(".", "cut0", a, 2, false);
    put_texts(".", "cut1", b, 1, true);
    hid_t space = H5Screate_simple(1, zero, NULL),
          attribute = H5Acreate2(file, "empty", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, H5T_NATIVE_DOUBLE, none) >=
                0); /* so Keras writes a list of no names */
    H5Aclose(attribute);
    H5Sclose(space);
    done();
    H5 *f = h5_open(path);
    size_t n;
    for (int i = 0; i < 3; i++) {
        const char **t = h5_texts(f, "", i == 0 ? "fixed" : i == 1 ? "variable" : "cut", &n);
        assert_int_equal(n, i == 2 ? 3 : 2);
        assert_string_equal(t[0], "dense");
        assert_string_equal(t[1], "conv_2");
        if (i == 2)
            assert_string_equal(t[2], "conv_10");
    }
    assert_non_null(h5_texts(f, "", "empty", &n));
    assert_int_equal(n, 0);
    assert_null(h5_texts(f, "", "nothing", &n));
    h5_close(f);
}

/* Every type and packing: read, and in place where that is possible. */
static void numbers(void **state)
{
    (void)state;
    static const uint16_t f16[6] = {0x3c00, 0xc000, 0x3800, 0x4200, 0x3e00, 0xb400},
                          bf16[6] = {0x3f80, 0xc000, 0x3f00, 0x4040, 0x3fc0, 0xbe80};
    static const int32_t whole[6] = {1, 2, 3, 4, 5, 6};
    /* clang-format off */
    static const struct { const char *name; StDtype dtype; bool in_place; } sets[] = {
        {"a/f32", ST_F32, true}, {"a/f64", ST_F64, true}, {"a/b/f16", ST_F16, true}, {"bf16", ST_BF16, true}, {"opaque", ST_BF16, true},
        {"big", ST_F32, false}, {"packed", ST_F32, false}, {"compact", ST_F32, false}, {"whole", ST_OTHER, false}};
    const char *said[] = {"bfloat16"};
    hid_t plist = H5Pcreate(H5P_FILE_CREATE), half = H5Tcopy(H5T_IEEE_F32LE), brain = H5Tcopy(H5T_IEEE_F32LE), opaque = H5Tcreate(H5T_OPAQUE, 2);
    hid_t packed = H5Pcreate(H5P_DATASET_CREATE), compact = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[] = {1, 2};
    H5Pset_userblock(plist, 1024); /* offsets count from its end */
    H5Tset_fields(half, 15, 10, 5, 0, 10);
    H5Tset_size(half, 2);
    H5Tset_ebias(half, 15);
    H5Tset_fields(brain, 15, 7, 8, 0, 7);
    H5Tset_size(brain, 2);
    H5Tset_ebias(brain, 127);
    H5Pset_chunk(packed, 2, chunk);
    H5Pset_shuffle(packed);
    H5Pset_deflate(packed, 6);
    H5Pset_layout(compact, H5D_COMPACT);
    create(plist);
    put("a/f32", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, six, H5P_DEFAULT);
    put("a/f64", H5T_IEEE_F64LE, H5T_NATIVE_FLOAT, six, H5P_DEFAULT);
    put("a/b/f16", half, half, f16, H5P_DEFAULT);
    put("bf16", brain, brain, bf16, H5P_DEFAULT);
    put("opaque", opaque, opaque, bf16, H5P_DEFAULT);
    put_texts("opaque", "dtype", said, 1, true);
    put("big", H5T_IEEE_F32BE, H5T_NATIVE_FLOAT, six, H5P_DEFAULT);
    put("packed", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, six, packed);
    put("compact", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, six, compact);
    put("whole", H5T_STD_I32LE, H5T_NATIVE_INT, whole, H5P_DEFAULT);
    done();
    H5 *f = h5_open(path);
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        unsigned char bytes[48];
        Stored t = h5_dataset(f, sets[i].name);
        assert_int_equal(t.dtype, sets[i].dtype);
        assert_int_equal(t.rank, 2);
        assert_int_equal(t.dim[0], 2);
        assert_int_equal(t.dim[1], 3);
        assert_int_equal(t.data != NULL, sets[i].in_place);
        if (t.dtype == ST_OTHER)
            continue;
        assert_int_equal(t.bytes, 6 * stored_size(t.dtype));
        h5_read(f, sets[i].name, bytes, t.bytes);
        for (int k = 0; k < 6; k++)
            assert_true(stored_value(t.dtype, bytes, k) == six[k]);
        if (t.data)
            assert_memory_equal(bytes, t.data, t.bytes);
    }
    /* clang-format on */
    h5_close(f);
}

static void count(void *context, const char *name)
{
    char *list = context;
    strcat(strcat(list, name), " ");
}

static void walk(void **state)
{
    (void)state;
    char list[256] = "";
    create(H5P_DEFAULT);
    put("layers/dense_10/vars/0", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, six, H5P_DEFAULT);
    put("layers/dense_2/vars/0", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, six, H5P_DEFAULT);
    put("optimizer/vars/0", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, six, H5P_DEFAULT);
    done();
    H5 *f = h5_open(path);
    h5_walk(f, "layers", count, list);
    assert_non_null(strstr(list, "layers/dense_10/vars/0 "));
    assert_non_null(strstr(list, "layers/dense_2/vars/0 "));
    assert_null(strstr(list, "optimizer"));
    assert_true(h5_has_group(f, "layers/dense_2"));
    assert_false(h5_has_group(f, "layers/dense_2/vars/0"));
    assert_false(h5_has_group(f, "layers/dense_3"));
    h5_close(f);
}

/* ---- what nobody should write
 * --------------------------------------------------------------------------------------------------------
 */

static void must_say(const char *expected)
{
    jmp_buf here;
    int code = setjmp(here);
    if (!code) {
        err_catch(&here);
        checkpoint_close(checkpoint_open(path, NULL));
    }
    err_catch(NULL);
    assert_int_equal(code, EXIT_USER);
    if (!strstr(err_text(), expected))
        fail_msg("said: %s; expected: %s", err_text(), expected);
    assert_null(strchr(err_text(), '\n'));
}

static void group(const char *name)
{
    H5Gclose(H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

static const char *const dense[] = {"dense"}, *const weight[] = {"k"};

static void listed(void)
{
    create(H5P_DEFAULT);
    group("dense");
    put_texts(".", "layer_names", dense, 1, false);
    put_texts("dense", "weight_names", weight, 1, false);
}

static void wild_lists(void **state)
{
    (void)state;
    create(H5P_DEFAULT);
    done();
    must_say("neither the attribute layer_names nor the group layers");
    create(H5P_DEFAULT);
    put_texts(".", "layer_names", dense, 1, false);
    done();
    must_say("layer \"dense\" is listed, but there is no group of this name with weight_names");
    listed();
    done();
    must_say("dataset \"dense/k\" is missing or damaged");
    const char *none[] = {""};
    create(H5P_DEFAULT);
    put_texts(".", "layer_names", none, 1, false);
    done();
    must_say("has a text of no characters");
    char *far = malloc(5001);
    const char *long_one[] = {far};
    memset(far, 'x', 5000);
    far[5000] = 0;
    create(H5P_DEFAULT);
    put_texts(".", "layer_names", long_one, 1, true);
    done();
    must_say("has a text that is too long for a name");
    free(far);
    create(H5P_DEFAULT);
    hid_t space = H5Screate(H5S_SCALAR), attribute = H5Acreate2(file, "layer_names", H5T_STD_I32LE,
                                                                space, H5P_DEFAULT, H5P_DEFAULT);
    int one = 1;
    H5Awrite(attribute, H5T_NATIVE_INT, &one);
    H5Aclose(attribute);
    H5Sclose(space);
    done();
    must_say("attribute \"layer_names\" of \"/\" has no texts, expected names");
    create(H5P_DEFAULT);
    group("layers");
    done();
    must_say("Keras' weights, but there are none in it");
}

static void wild_links(void **state)
{
    (void)state;
    listed();
    H5Lcreate_external("/etc/passwd", "/k", file, "dense/k", H5P_DEFAULT, H5P_DEFAULT);
    done();
    must_say("\"dense/k\" is a link to another file or name, which is not followed");
    listed();
    H5Lcreate_soft("/dense/k", file, "dense/k", H5P_DEFAULT, H5P_DEFAULT);
    done();
    must_say("\"dense/k\" is a link to another file or name, which is not followed");
    create(H5P_DEFAULT);
    group("layers");
    H5Lcreate_hard(file, "layers", file, "layers/again", H5P_DEFAULT, H5P_DEFAULT);
    done();
    must_say("groups deep; do they contain themselves?");
    create(H5P_DEFAULT); /* each of 20 groups has the next one twice: a million ways down */
    group("layers");
    char name[200] = "layers";
    for (int i = 0; i < 20; i++) {
        char a[220], b[220];
        snprintf(a, sizeof a, "%s/a", name);
        snprintf(b, sizeof b, "%s/b", name);
        group(a);
        H5Lcreate_hard(file, a, file, b, H5P_DEFAULT, H5P_DEFAULT);
        strcpy(name, a);
    }
    done();
    must_say("groups and datasets, expected some hundreds");
}

static void wild_numbers(void **state)
{
    (void)state;
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(plist, "/etc/hostname", 0, 24);
    hsize_t size[] = {2, 3}, huge[] = {1ull << 40, 1ull << 40}, chunk[] = {1, 1};
    listed();
    hid_t space = H5Screate_simple(2, size, NULL);
    H5Dclose(H5Dcreate2(file, "dense/k", H5T_IEEE_F32LE, space, H5P_DEFAULT, plist, H5P_DEFAULT));
    done();
    must_say("has its numbers in other files, which are not opened");
    H5Sclose(space);
    space = H5Screate_simple(2, huge, NULL);
    hid_t chunked = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(chunked, 2, chunk);
    listed();
    H5Dclose(H5Dcreate2(file, "dense/k", H5T_IEEE_F32LE, space, H5P_DEFAULT, chunked, H5P_DEFAULT));
    done();
    must_say("has too many numbers");
    H5Sclose(space);
    listed();
    put("dense/k", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, six, H5P_DEFAULT);
    done();
    Checkpoint *c = checkpoint_open(path, NULL); /* of a model that latentc has no graph of */
    assert_string_equal(c->taken_for, "a model of Keras");
    assert_non_null(strstr(c->foreign, "none of Stable Diffusion 2's"));
    assert_int_equal(c->n, 1);
    checkpoint_close(c);
    /* cut anywhere: an error, not a crash */
    FILE *f = fopen(path, "rb");
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    fclose(f);
    for (long cut = n - 1; cut > 16; cut -= 97) {
        assert_int_equal(truncate(path, cut), 0);
        must_say("HDF5 cannot read it");
    }
}

static int setup(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 || close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

/* A .keras archive of a model without weights: it has none, and needs none. */
static void no_weights(void **state)
{
    (void)state;
    static const char config[] =
        "{\"module\":\"keras\",\"class_name\":\"Sequential\",\"config\":{\"name\":\"m\",\"layers\":["
        "{\"module\":\"keras.layers\",\"class_name\":\"InputLayer\",\"config\":{\"name\":\"x\","
        "\"batch_shape\":[null,4,4,8]}},{\"module\":\"keras.layers\",\"class_name\":%s}}]}}";
    static const char *const classes[] = {
        "\"ReLU\",\"config\":{\"name\":\"last\"",
        "\"Dense\",\"config\":{\"name\":\"last\",\"units\":2,\"use_bias\":true,\"activation\":\"linear\"",
    };
    create(H5P_DEFAULT);
    group("layers");
    done();
    size_t n;
    char *h5 = read_file(path, &n);
    for (int i = 0; i < 2; i++) {
        char text[sizeof config + 128], name[] = "/tmp/latentc-keras-XXXXXX";
        int fd = mkstemp(name), length = snprintf(text, sizeof text, config, classes[i]);
        const ZipEntry entries[] = {{.name = "config.json", .data = text, .n = (size_t)length},
                                    {.name = "model.weights.h5", .data = h5, .n = n}};
        Buf zip = {0};
        zip_write(&zip, entries, 2);
        assert_int_equal(write(fd, zip.data, zip.len), zip.len);
        close(fd);
        const WeightFlags none = {0};
        GraphWeights from;
        int code;
        Graph *g = graph_open(name, NULL, 0, &none, &from);
        assert_int_equal(from.checkpoint->n, 0);
        CAUGHT(code, weights_close(graph_weights(g, &from, "compile")));
        assert_int_equal(code, i ? EXIT_USER : 0);
        if (i)
            assert_non_null(strstr(err_text(), "2 of m's 2 weights missing, the first is \"last."));
        graph_free(g);
        buf_free(&zip);
        unlink(name);
    }
    free(h5);
}

/* Two archives of one pipeline are open at a time. */
static void two_in_memory(void **state)
{
    (void)state;
    static const char *const groups[] = {"one", "two"};
    char *data[2];
    H5 *h5[2];
    for (int i = 0; i < 2; i++) {
        size_t n;
        create(H5P_DEFAULT);
        group(groups[i]);
        done();
        data[i] = read_file(path, &n);
        h5[i] = h5_from_memory(groups[i], data[i], n);
    }
    for (int i = 0; i < 2; i++) {
        assert_true(h5_has_group(h5[i], groups[i]));
        assert_false(h5_has_group(h5[i], groups[!i]));
    }
    for (int i = 0; i < 2; i++) {
        h5_close(h5[i]);
        free(data[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),      cmocka_unit_test(numbers),
        cmocka_unit_test(walk),       cmocka_unit_test(wild_lists),
        cmocka_unit_test(wild_links), cmocka_unit_test(wild_numbers),
        cmocka_unit_test(no_weights), cmocka_unit_test(two_in_memory),
    };
    return cmocka_run_group_tests_name("h5", tests, setup, teardown);
}
