/* Graph files that include others, from texts in memory. Mistakes are pairs of files in
 * tests/error/graph. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "include.h"

/* clang-format off */
static const struct { const char *name, *text; } files[] = {
    {"x/base.json", "{\"about\": \"base\", \"parameters\": {\"a\": 1, \"b\": {\"default\": 2, \"least\": 1}},"
                    " \"derived\": {\"c\": \"a + b\"}, \"blocks\": {\"one\": {}, \"two\": {}}}"},
    {"x/more.json", "{\"include\": \"base.json\", \"parameters\": {\"d\": 4}, \"constraints\": [{\"holds\": 1}],"
                    " \"blocks\": {\"two\": {\"do\": [\"more\"]}}}"},
    {"x/other.json", "{\"include\": [\"base.json\"], \"graph\": \"other\", \"body\": [\"other\"]}"},
    {"x/clash.json", "{\"blocks\": {\"one\": {}}}"},
    {"x/loop.json", "{\"include\": \"../x/loop.json\"}"},
};
/* clang-format on */

static Json load(void *context, Json at, const char *path)
{
    ++*(int *)context;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (strcmp(files[i].name, path) == 0)
            return json_parse(files[i].text, strlen(files[i].text), path);
    json_err(at, "there is no file %s", path);
}

static Json whole(const char *text, int *loads)
{
    *loads = 0;
    return graph_include(json_parse(text, strlen(text), "g.json"), load, loads);
}

static void assert_place(Json j, const char *file, const char *pointer)
{
    assert_string_equal(json_file(j), file);
    assert_string_equal(json_pointer(j), pointer);
}

static void test_without(void **state)
{
    (void)state;
    int loads;
    Json j = whole("{\"graph\": \"g\", \"about\": \"a\"}", &loads);
    assert_int_equal(loads, 0);
    assert_string_equal(json_text(j), "{\"graph\":\"g\",\"about\":\"a\"}");
    json_free(j);
}

/* Included members stand first; the file's own replace them where they stand. */
static void test_replaces(void **state)
{
    (void)state;
    int loads;
    Json j = whole("{\"include\": \"x/base.json\", \"graph\": \"g\", \"about\": \"own\","
                   " \"parameters\": {\"e\": 5, \"a\": 7}, \"body\": [{\"block\": \"one\"}]}",
                   &loads);
    assert_string_equal(
        json_text(j),
        "{\"parameters\":{\"a\":7,\"b\":{\"default\":2,\"least\":1},\"e\":5},\"derived\":{\"c\":\"a + b\"},"
        "\"blocks\":{\"one\":{},\"two\":{}},\"graph\":\"g\",\"about\":\"own\",\"body\":[{\"block\":\"one\"}]}");
    Json params = json_get(j, "parameters");
    assert_place(json_get(params, "a"), "g.json", "/parameters/a");
    assert_place(json_get(json_get(params, "b"), "least"), "x/base.json", "/parameters/b/least");
    assert_place(json_get(json_first(json_get(j, "body")), "block"), "g.json", "/body/0/block");
    json_free(j);
}

/* A file that is included in two ways is there once; places keep their file and their number. */
static void test_nested(void **state)
{
    (void)state;
    int loads;
    Json j = whole("{\"include\": [\"x/other.json\", \"x/base.json\"], \"graph\": \"g\","
                   " \"constraints\": [{\"holds\": 2}]}",
                   &loads);
    assert_int_equal(loads, 3);
    assert_string_equal(json_string(json_get(j, "graph")), "g");
    assert_place(json_first(json_get(j, "body")), "x/other.json", "/body/0");
    assert_place(json_get(json_get(j, "blocks"), "two"), "x/base.json", "/blocks/two");
    json_free(j);
    j = whole("{\"include\": \"x/more.json\", \"constraints\": [{\"holds\": 2}]}", &loads);
    Json first = json_first(json_get(j, "constraints"));
    assert_place(json_get(first, "holds"), "x/more.json", "/constraints/0/holds");
    assert_place(json_next(first), "g.json", "/constraints/0");
    assert_place(json_first(json_get(json_get(json_get(j, "blocks"), "two"), "do")), "x/more.json",
                 "/blocks/two/do/0");
    json_free(j);
}

static void assert_mistake(const char *text, const char *expected)
{
    jmp_buf here;
    int loads, code = setjmp(here);
    if (code == 0) {
        err_catch(&here);
        whole(text, &loads);
        err_catch(NULL);
        fail_msg("no error, expected: %s", expected);
    }
    err_catch(NULL);
    assert_string_equal(err_text(), expected);
}

static void test_mistakes(void **state)
{
    (void)state;
    assert_mistake("{\"include\": [\"x/base.json\", \"x/clash.json\"]}",
                   "x/clash.json: /blocks/one: the name stands in x/base.json too, expected it in "
                   "one of the included files");
    assert_mistake("{\"include\": [\"x/more.json\", \"x/base.json\"]}",
                   "x/base.json: /blocks/two: the name stands in x/more.json too, expected it in "
                   "one of the included files");
    assert_mistake("{\"include\": \"x/loop.json\"}",
                   "x/loop.json: /include: there is no file x/../x/loop.json");
    assert_mistake("{\"include\": true}", "g.json: /include: found true or false, expected a list");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without), cmocka_unit_test(test_replaces),
        cmocka_unit_test(test_nested), cmocka_unit_test(test_mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
