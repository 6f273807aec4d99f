/* JSON as Python's json module writes it: what is read, what counts, and where mistakes are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "caught.h"
#include "json.h"

static Json python(const char *text) { return json_parse_python(text, strlen(text), "x.json"); }
static Json strict(const char *text) { return json_parse(text, strlen(text), "x.json"); }

/* What the statement ends with, "" when it comes through. */
#define MISTAKE(statement)       \
    ({                           \
        int code;                \
        CAUGHT(code, statement); \
        code ? err_text() : "";  \
    })

static void test_not_finite(void **state)
{
    (void)state;
    /* json.dumps({"a": -math.inf, "b": math.inf, "c": math.nan, "d": [math.nan, 1.0], ...}) */
    Json j = python("{\"a\": -Infinity, \"b\": Infinity, \"c\": NaN, \"d\": [NaN, 1.0], \"NaN\": 2,"
                    " \"e\": \"Infinity NaN \\\" NaN\", \"f\": 1e400}");
    assert_int_equal(json_kind(json_get(j, "a")), JSON_NUMBER);
    assert_int_equal(json_kind(json_get(j, "c")), JSON_NUMBER);
    assert_string_equal(json_text(json_get(j, "a")), "-Infinity");
    assert_string_equal(json_text(json_get(j, "b")), "Infinity");
    assert_string_equal(json_text(json_get(j, "c")), "NaN");
    assert_string_equal(json_text(json_get(j, "f")), "Infinity");
    assert_string_equal(json_string(json_get(j, "e")), "Infinity NaN \" NaN");
    assert_true(json_number(json_next(json_first(json_get(j, "d")))) == 1.0);
    assert_int_equal(json_int(json_get(j, "NaN"), 0, 9), 2);
    assert_false(json_is_int(json_get(j, "b")));
    assert_string_equal(MISTAKE(json_number(json_get(j, "a"))),
                        "x.json: /a: found -Infinity, expected a finite number");
    assert_string_equal(MISTAKE(json_int(json_get(j, "c"), 0, 9)),
                        "x.json: /c: found NaN, expected a finite number");
    assert_string_equal(MISTAKE(json_number(json_first(json_get(j, "d")))),
                        "x.json: /d/0: found NaN, expected a finite number");
    json_free(j);
}

static void test_duplicates(void **state)
{
    (void)state;
    Json j = python("{\"a\": 1, \"b\": {\"x\": 1, \"x\": 2, \"x\": 3}, \"a\": \"last\"}");
    assert_string_equal(json_string(json_get(j, "a")), "last");
    assert_int_equal(json_count(j), 2);
    assert_int_equal(json_count(json_get(j, "b")), 1);
    assert_int_equal(json_int(json_get(json_get(j, "b"), "x"), 0, 9), 3);
    json_free(j);
    assert_string_equal(MISTAKE(strict("{\"a\": 1, \"a\": 2}")),
                        "x.json: /a: the name stands twice in one object, expected once");
}

static void test_text(void **state)
{
    (void)state;
    /* a byte order mark; half surrogate pairs; a whole one; a NUL that would end a C string */
    Json j = python(
        "\xef\xbb\xbf{\"a\": \"x\\ud83dy\", \"b\": \"\\uD83D\\uDE00\", \"c\": \"\\udc00\\ud800\","
        " \"d\": \"1\\u00002\", \"e\": null}");
    assert_string_equal(json_string(json_get(j, "a")), "x\xef\xbf\xbdy");
    assert_string_equal(json_string(json_get(j, "b")), "\xf0\x9f\x98\x80");
    assert_string_equal(json_string(json_get(j, "c")), "\xef\xbf\xbd\xef\xbf\xbd");
    assert_string_equal(json_string(json_get(j, "d")), "1\xef\xbf\xbd"
                                                       "2");
    assert_int_equal(json_kind(json_get(j, "e")), JSON_NULL);
    json_free(j);
}

static void test_places(void **state)
{
    (void)state;
    assert_string_equal(MISTAKE(python("{\"a\": -Infinity,\n \"b\": NaN,\n \"c\": nan}")),
                        "x.json:3:7: found 'n', expected JSON");
    /* cJSON counts a name without quotes from its second character on */
    assert_string_equal(MISTAKE(python("{\"a\": NaN, NaN: 1}")),
                        "x.json:1:13: found 'a', expected JSON");
    assert_string_equal(MISTAKE(python("[NaNs]")), "x.json:1:2: found 'N', expected JSON");
    assert_string_equal(MISTAKE(python("[-NaN]")), "x.json:1:2: found '-', expected JSON");
    assert_string_equal(MISTAKE(python("[\"\1\"]")),
                        "x.json:1:3: found a byte that JSON does not have here, expected JSON");
    assert_string_equal(MISTAKE(python("{\"a\": NaN,")),
                        "x.json:1:11: found the end of the file, expected JSON");
    assert_string_equal(MISTAKE(json_parse("\xff\xfe{\0}\0", 6, "x.json")),
                        "x.json: found text in UTF-16, expected JSON in UTF-8");
    /* latentc's own files are JSON */
    assert_string_equal(MISTAKE(strict("{\"a\": NaN}")), "x.json:1:7: found 'N', expected JSON");
    assert_string_equal(MISTAKE(strict("{\"a\": 1e400}")), "x.json: /a: the number is too large");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_not_finite),
                                       cmocka_unit_test(test_duplicates),
                                       cmocka_unit_test(test_text), cmocka_unit_test(test_places)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
