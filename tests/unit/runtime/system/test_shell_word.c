/* Words of commands that are printed: a shell reads them back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell_word.h"

static void test_words(void **state)
{
    static const char *const cases[][2] = {
        {"sd2.weights", "sd2.weights"},
        {"a/b_c-1.5%+@:=,", "a/b_c-1.5%+@:=,"},
        {"gr\xc3\xbcn", "gr\xc3\xbcn"},
        {"", "\"\""},
        {"a b", "\"a b\""},
        {"it's", "\"it's\""},
        {"$HOME", "\"\\$HOME\""},
        {"a\"b\\c`d`", "\"a\\\"b\\\\c\\`d\\`\""},
        {"a;b&c|(d)*?~#", "\"a;b&c|(d)*?~#\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *word = lrt_shell_word(cases[i][0]), command[128], back[128] = "";
        assert_string_equal(word, cases[i][1]);
        snprintf(command, sizeof command, "printf %%s %s", word);
        FILE *shell = popen(command, "r");
        size_t n = shell ? fread(back, 1, sizeof back - 1, shell) : 0;
        back[n] = 0;
        assert_true(shell && !pclose(shell));
        assert_string_equal(back, cases[i][0]);
        free(word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
