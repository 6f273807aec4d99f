/* Bytes of files in messages: what is escaped, what stays, and cutting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "caught.h"
#include "err.h"
#include "error.h"
#include "utf8.h"

static void test_plain(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"", ""},
        {"m\xc3\xbcller.png", "m\xc3\xbcller.png"},
        {"C:\\x \"y\" 'z'", "C:\\x \"y\" 'z'"},
        {"\xe4\xb8\x80 \xf0\x9f\x94\xb4", "\xe4\xb8\x80 \xf0\x9f\x94\xb4"},
        {"a\nb\tc\rd", "a\\nb\\tc\\rd"},
        {"\x1b[31mred\x7f", "\\x1b[31mred\\x7f"},
        {"\xc2\x85\xc2\x9b" "1m", "\\u0085\\u009b1m"},             /* C1: a terminal may obey */
        {"gpj.\xe2\x80\xaetxt.exe", "gpj.\\u202etxt.exe"},         /* right to left */
        {"\xe2\x81\xa6x\xe2\x81\xa9\xe2\x80\x8f\xd8\x9c", "\\u2066x\\u2069\\u200f\\u061c"},
        {"a\xe2\x80\xa8" "b\xe2\x80\xa9", "a\\u2028b\\u2029"},     /* separators of lines */
        {"\xff\xfe", "\\xff\\xfe"},
        {"m\xfcller", "m\\xfcller"},                               /* Latin-1 */
        {"\xc0\xaf\xed\xa0\x80\xf5\x80\x80\x80", "\\xc0\\xaf\\xed\\xa0\\x80\\xf5\\x80\\x80\\x80"},
        {"\xe2\x80", "\\xe2\\x80"},                                /* cut by the file */
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[200], again[200];
        lrt_plain(out, sizeof out, cases[i].text);
        assert_string_equal(out, cases[i].shown);
        lrt_plain(again, sizeof again, out);
        assert_string_equal(again, out);
    }
    char tiny[6]; /* whole characters, whole escapes */
    lrt_plain(tiny, sizeof tiny, "abc\xff");
    assert_string_equal(tiny, "abc");
    lrt_plain(tiny, sizeof tiny, "abcd\xc3\xbc");
    assert_string_equal(tiny, "abcd");
}

static void test_valid(void **state)
{
    (void)state;
    assert_true(lrt_utf8_valid("") && lrt_utf8_valid("a\xc3\xbc\xf4\x8f\xbf\xbf"));
    assert_false(lrt_utf8_valid("a\xc3") || lrt_utf8_valid("\xf4\x90\x80\x80") ||
                 lrt_utf8_valid("\xe9t\xe9"));
}

/* A message that is too long ends with a whole character. */
static void test_messages(void **state)
{
    char text[3000] = "x", *s = text + 1;
    lrt_error e;
    (void)state;
    for (; s + 2 < text + sizeof text; s += 2)
        memcpy(s, "\xc3\xbc", 2);
    *s = '\0';
    assert_false(lrt_fail(&e, "%s", text));
    assert_true(lrt_utf8_valid(e.text) && !strchr(e.text, '\\') && strlen(e.text) > 1000);
    lrt_fail(&e, "%s: bad", "\x1b[2Jm\xc3\xbcller");
    assert_string_equal(e.text, "\\x1b[2Jm\xc3\xbcller: bad");
    int code;
    CAUGHT(code, err("%s: bad", "\x1b[2Jm\xc3\xbcller\xe2\x80\xae"));
    assert_int_equal(code, EXIT_USER);
    assert_string_equal(err_text(), "\\x1b[2Jm\xc3\xbcller\\u202e: bad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain), cmocka_unit_test(test_valid),
                                       cmocka_unit_test(test_messages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
