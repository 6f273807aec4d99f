/* Safetensors files of the runtime: written, read, and damaged ones refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "tensors.h"

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
    assert_false(lrt_tensors_read(folder_path(), &f, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tensors),
                                       cmocka_unit_test(test_bad_tensors)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
