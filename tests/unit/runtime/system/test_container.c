/* Containers, as the compiler writes them: opened, checked, and refused when they are damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container.h"
#include "container_write.h"
#include "folder.h"
#include "hash.h"
#include "section_hash.h"

enum { WEIGHTS = 3 * LRT_HASH_CHUNK + 70000 };

static void fill(Container *c, void *context)
{
    const unsigned char *weights = context;
    container_write(c, weights, 100);
    assert_int_equal(container_position(c), 100);
    container_write(c, weights + 100, WEIGHTS - 100);
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

/* Which weights were prepared before the check never changes its result: none, some, all. */
static void prepare(lrt_container *c, size_t way)
{
    lrt_container_prepare(c, 0, way % 4 == 3 ? WEIGHTS : 0);
    lrt_container_prepare(c, LRT_HASH_CHUNK - 10, way % 4 == 2 ? 20 : 0);
    lrt_container_prepare(c, WEIGHTS - 1, way % 4 != 0);
}

/* As another version of the program would have made the file. */
static void change_version(const char *path, uint32_t version)
{
    lrt_footer f;
    FILE *file = fopen(path, "r+b");
    fseek(file, -(long)sizeof f, SEEK_END);
    assert_int_equal(fread(&f, sizeof f, 1, file), 1);
    f.version = version;
    f.footer_hash = lrt_hash64(&f, offsetof(lrt_footer, footer_hash));
    fseek(file, -(long)sizeof f, SEEK_END);
    fwrite(&f, sizeof f, 1, file);
    fclose(file);
}

static void test_container(void **state)
{
    char expected[100];
    enum { HASH = 1234567 };
    unsigned char *weights = malloc(WEIGHTS);
    char path[256], program[256];
    lrt_container c;
    lrt_error e;
    (void)state;
    for (int i = 0; i < WEIGHTS; i++)
        weights[i] = (unsigned char)(i * 7);
    snprintf(path, sizeof path, "%s", in_folder("container"));
    snprintf(program, sizeof program, "%s", in_folder("program"));
    const lrt_container_file file = {path, "the program file", NULL, HASH, false},
                             other = {path, "the program file", "make it anew", HASH + 1, false};
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
    const struct {
        long at;
        bool later; /* the weights are checked after the file is opened */
    } places[] = {{first + 150000, true},
                  {first + LRT_HASH_CHUNK, true},
                  {first + WEIGHTS - 1, true},
                  {-10, false},
                  {-100, false},
                  {-160, false},
                  {3, false},     /* the code */
                  {40000, false}, /* padding behind it */
                  {first - 1, false}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        change_byte(path, places[i].at);
        assert_false(lrt_container_open(&file, LRT_MAP_WEIGHTS | LRT_MAP_VOCAB, 0, &c, &e));
        assert_non_null(strstr(e.text, "changed"));
        bool opens = lrt_container_open(&file, LRT_MAP_WEIGHTS | LRT_MAP_VOCAB, LRT_MAP_WEIGHTS, &c,
                                        &e);
        assert_int_equal(opens, places[i].later);
        if (opens) {
            prepare(&c, i);
            assert_false(lrt_container_check(&c, &e));
            assert_non_null(strstr(e.text, "weights differ from those"));
            lrt_container_close(&c);
        }
        assert_int_equal(lrt_container_check_code(&file, &e), places[i].later);
        change_byte(path, places[i].at);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_true(lrt_container_open(&file, LRT_MAP_WEIGHTS, LRT_MAP_WEIGHTS, &c, &e));
        prepare(&c, i);
        assert_true(lrt_container_check(&c, &e));
        assert_int_equal(c.unchecked, 0);
        lrt_container_prepare(&c, 0, WEIGHTS); /* nothing is left to do */
        lrt_container_close(&c);
    }
    change_version(path, 6);
    assert_false(lrt_container_open(&file, LRT_MAP_WEIGHTS, 0, &c, &e));
    snprintf(expected, sizeof expected, "the program file has version 6 of the format: expected %d",
             LRT_PLAN_VERSION);
    assert_string_equal(e.text, expected);
    change_version(path, LRT_PLAN_VERSION);
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_container)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
