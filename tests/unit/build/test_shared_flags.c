/* Flags that several commands share: --set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "shared_flags.h"

static void test_sets(void **state)
{
    const char *items[] = {"a=1", "b=-2"};
    const FlagList sets = {items, 2};
    ParamSet *list;
    (void)state;
    assert_int_equal(flags_sets(&sets, &list), 2);
    assert_true(strcmp(list[0].name, "a") == 0 && list[0].value == 1);
    assert_true(strcmp(list[1].name, "b") == 0 && list[1].value == -2);
    free((void *)list[0].name);
    free((void *)list[1].name);
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
