/* Expressions in graph files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "arena.h"
#include "expr.h"

static const char *no_name(void *context, const char *name, Number *out)
{
    (void)context;
    *out = (Number){.i = 7};
    return strcmp(name, "seven") == 0 ? NULL : "unknown";
}

static const char *no_element(void *context, const char *list, int64_t index, Number *out)
{
    (void)context, (void)list;
    *out = (Number){.i = 100 + index};
    return NULL;
}

static const char *no_property(void *context, const char *function, const char *of, Number *out)
{
    (void)context, (void)function, (void)of;
    *out = (Number){.i = 3};
    return NULL;
}

static void test_expressions(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct { const char *text; double value; bool is_real; } good[] = {
        {"1 + 2 * 3", 7, false}, {"(1 + 2) * 3", 9, false}, {"512 / 8", 64, false}, {"-3 + 5", 2, false}, {"17 % 5", 2, false},
        {"seven - 1 - 2", 4, false}, {"w[seven - 1]", 106, false}, {"len(w)", 3, false}, {"1.0 / 4", 0.25, true},
        {"1 / sqrt(64)", 0.125, true}, {"1 < 2 && 2 <= 2", 1, false}, {"1 > 2 || 3 != 3", 0, false}, {"!(1 == 2)", 1, false},
        {"min(4, 2) + max(4, 2)", 6, false}, {"1e-5", 1e-5, true}, {" 2 - -2 ", 4, false},
        {"at(w, 2, 9)", 102, false}, {"at(w, 3, 9)", 9, false}, {"at(w, 0 - 1, 0.5)", 0.5, true}, {"at(w, at(w, 9, 1), 4) + 1", 102, false},
    };
    /* clang-format on */
    static const char *const bad[] = {"",
                                      "1 +",
                                      "(1",
                                      "1)",
                                      "1 2",
                                      "w[",
                                      "w[1.5]",
                                      "f(",
                                      "5 / 2",
                                      "1 / 0",
                                      "7 % 0",
                                      "9223372036854775807 + 1",
                                      "9223372036854775808",
                                      "1e999",
                                      "other",
                                      "sqrt(-1)",
                                      "min(1)",
                                      "at(w, 1)",
                                      "at(w)",
                                      "at(w, 1.5, 1)",
                                      "$"};
    const ExprScope scope = {NULL, no_name, no_element, no_property};
    Arena *a = arena_new();
    Number n;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_null(expr_eval(a, good[i].text, &scope, &n));
        assert_true(n.is_real == good[i].is_real);
        assert_true(number_real(n) == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(expr_eval(a, bad[i], &scope, &n));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_expressions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
