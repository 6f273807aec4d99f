/* Tables of flags: what they read and what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "caught.h"
#include "flags.h"

static void test_flags(void **state)
{
    (void)state;
    bool quick = false;
    int64_t steps = 25;
    const char *output = "output.png", *argument = NULL;
    FlagList sets = {0};
    /* clang-format off */
    const Flag flags[] = {
        {"quick", 'q', FLAG_BOOL, &quick, NULL, "", 0, 0},
        {"steps", 0, FLAG_INT, &steps, "N", "", 1, 1000},
        {"output", 'o', FLAG_STRING, &output, "FILE", "", 0, 0},
        {"set", 0, FLAG_LIST, &sets, "NAME=VALUE", "", 0, 0},
    };
    /* clang-format on */
    const Command cmd = {"test FILE", "", flags, 4, 1, 1, &argument};
    char *good[] = {"test", "-q", "--steps=30", "in", "-ox.png", "--set", "a=1", "--set", "b=-2"};
    assert_int_equal(flags_parse(&cmd, 9, good), 1);
    assert_true(quick && steps == 30 && strcmp(output, "x.png") == 0 &&
                strcmp(argument, "in") == 0);
    assert_int_equal(sets.n, 2);
    assert_string_equal(sets.items[1], "b=-2");
    /* clang-format off */
    static const struct { char *argv[4]; const char *message; } bad[] = {
        {{"test", "in", "--step", "3"}, "unknown flag --step: did you mean '--steps'?"},
        {{"test", "in", "--foo", "3"}, "unknown flag --foo; usage: test FILE"},
        {{"test", "in", "--num_inference_steps", "3"}, "unknown flag --num_inference_steps: did you mean '--steps N'?"},
        {{"test", "in", "--width=3", "-q"}, "unknown flag --width: did you mean '--set img_width=N'?"},
        {{"test", "in", "--out", "3"}, "unknown flag --out: did you mean '--output FILE'?"},
        {{"test", "in", "--lora", "x"}, "unknown flag --lora: a LoRA has to be merged into a checkpoint first, by another program; then 'latentc build --weights' takes it"},
        {{"test", "in", "--steps", "0"}, "--steps: found 0, expected 1 to 1000"},
        {{"test", "in", "--steps", "3x"}, "--steps: found '3x', expected an integer"},
        {{"test", "in", "-q", "--output"}, "--output: expected a value (FILE) after it"},
        {{"test", "in", "in2", "-q"}, "unexpected argument 'in2'; usage: test FILE"},
        {{"test", "-q", "-q", "-q"}, "an argument is missing; usage: test FILE"},
        {{"test", "in", "--quick=1", "-q"}, "--quick takes no value, found '1'"},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int code;
        CAUGHT(code, flags_parse(&cmd, 4, (char **)bad[i].argv));
        assert_int_equal(code, EXIT_USAGE);
        assert_string_equal(err_text(), bad[i].message);
    }
    free(sets.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_flags)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
