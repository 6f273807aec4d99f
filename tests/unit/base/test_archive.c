/* Zip archives: what is read, and what is said of damaged and hostile ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "archive.h"
#include "caught.h"
#include "zip_write.h"

static const char config[] = "{\"class_name\": \"Functional\"}";
#define CONFIG .name = "config.json", .data = config, .n = sizeof config - 1
enum { BIG = 3 << 20 }; /* more than one run of reading */

/* Numbers that deflate makes somewhat smaller. */
static unsigned char *weights(void)
{
    unsigned char *data = xmalloc(BIG);
    uint32_t x = 1;
    for (size_t i = 0; i < BIG; i++) {
        x = x * 1664525u + 1013904223u;
        data[i] = (unsigned char)(x >> 28);
    }
    return data;
}

static void test_read(void **state)
{
    (void)state;
    unsigned char *data = weights();
    for (int deflated = 0; deflated < 2; deflated++) {
        const ZipEntry entries[] = {
            {CONFIG, .deflated = deflated},
            {.name = "model.weights.h5", .data = data, .n = BIG, .deflated = deflated},
            {.name = "assets/words.txt", .data = "a", .n = 1},
        };
        Buf zip = {0};
        size_t n;
        zip_write(&zip, entries, 3);
        assert_true(archive_signature(zip.data, zip.len));
        Archive *z = archive_from_memory("x.keras", zip.data, zip.len);
        assert_true(archive_has(z, "assets/words.txt"));
        assert_false(archive_has(z, "words.txt"));
        assert_string_equal(archive_text(z, "config.json", 1000, &n), config);
        assert_int_equal(n, sizeof config - 1);
        const unsigned char *got = archive_mapped(z, "model.weights.h5", &n);
        assert_int_equal(n, BIG);
        assert_memory_equal(got, data, BIG);
        /* stored: no copy */
        bool inside = got >= (unsigned char *)zip.data && got < (unsigned char *)zip.data + zip.len;
        assert_int_equal(inside, !deflated);
        archive_close(z);
        buf_free(&zip);
    }
    free(data);
}

/* The whole archive of a file, and its first n bytes. */
static void test_files(void **state)
{
    (void)state;
    char path[] = "/tmp/latentc-zip-XXXXXX";
    int fd = mkstemp(path), code;
    Buf zip = {0};
    size_t n;
    zip_write(&zip, &(ZipEntry){CONFIG}, 1);
    assert_int_equal(write(fd, zip.data, zip.len), zip.len);
    Archive *z = archive_open(path);
    assert_string_equal(archive_text(z, "config.json", 1000, &n), config);
    archive_close(z);
    for (size_t keep = 0; keep < zip.len; keep++) {
        assert_int_equal(ftruncate(fd, (off_t)keep), 0);
        CAUGHT(code, archive_open(path));
        assert_int_equal(code, 1);
        assert_non_null(strstr(err_text(), ": not a zip archive"));
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, zip.data, zip.len, 0), zip.len);
    }
    close(fd);
    unlink(path);
    buf_free(&zip);
}

/* What is said when an archive of one entry is opened and the entry is read both ways. */
static const char *mistake(ZipEntry e)
{
    int code;
    size_t n;
    Buf zip = {0};
    zip_write(&zip, &e, 1);
    CAUGHT(code, {
        Archive *z = archive_from_memory("x.keras", zip.data, zip.len);
        archive_text(z, "config.json", 1000, &n);
        archive_mapped(z, "config.json", &n);
    });
    buf_free(&zip);
    return code ? err_text() : "";
}

static void test_mistakes(void **state)
{
    (void)state;
    char *zeros = xcalloc(1, 300 << 20);
    assert_string_equal(mistake((ZipEntry){CONFIG}), "");
    assert_string_equal(
        mistake((ZipEntry){.name = "other.json", .data = "", .n = 0}),
        "x.keras: has no config.json; expected a model that Keras 3 saved: config.json and model.weights.h5");
    static const char *const climbing[] = {"../x", "a/../../x", "/etc/x", "a\\..\\x", "C:x"};
    for (size_t i = 0; i < sizeof climbing / sizeof climbing[0]; i++)
        assert_non_null(strstr(mistake((ZipEntry){.name = climbing[i], .data = "", .n = 0}),
                               "leads out of the archive's folder"));
    assert_string_equal(
        mistake((ZipEntry){CONFIG, .flags = 1}),
        "x.keras: entry \"config.json\" is encrypted, expected an archive without a password");
    assert_string_equal(
        mistake((ZipEntry){CONFIG, .method = 14}),
        "x.keras: entry \"config.json\" is compressed by method 14, expected stored or deflated");
    assert_string_equal(mistake((ZipEntry){CONFIG, .crc = 1}),
                        "x.keras: entry \"config.json\" is damaged: its checksum is another");
    assert_string_equal(
        mistake((ZipEntry){CONFIG, .size = 1 << 30}),
        "x.keras: entry \"config.json\" claims 1073741824 bytes, the archive has 148: cut or damaged");
    assert_non_null(strstr(mistake((ZipEntry){CONFIG, .packed_size = 1 << 30}),
                           "claims 1073741824 bytes, the archive has 148: cut or damaged"));
    assert_string_equal(mistake((ZipEntry){CONFIG, .deflated = true, .size = 5000}),
                        "x.keras: entry \"config.json\" has 5000 bytes, expected at most 1000");
    assert_non_null(strstr(
        mistake((ZipEntry){.name = "config.json", .data = zeros, .n = 300 << 20, .deflated = true}),
        "to 314572800 bytes, expected at most 100 times as many"));
    assert_string_equal(
        mistake((ZipEntry){CONFIG, .deflated = true, .size = 500}),
        "x.keras: entry \"config.json\" is damaged: it cannot be unpacked to its size");
    free(zeros);
}

static void test_twice(void **state)
{
    (void)state;
    int code;
    Buf zip = {0};
    zip_write(&zip, (ZipEntry[]){{CONFIG}, {CONFIG}}, 2);
    CAUGHT(code, archive_from_memory("x.keras", zip.data, zip.len));
    assert_int_equal(code, 1);
    assert_string_equal(err_text(), "x.keras: entry \"config.json\" is there twice");
    buf_free(&zip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
