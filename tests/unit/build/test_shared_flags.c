/* Flags that several commands share: --set, --varies. */
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
    const char *items[] = {"a=1", "b=-2", "input.latent=1x96x64x4"}, *often[] = {"latent=time"};
    const SetFlags f = {.list = {items, 3}, .varies = {often, 1}};
    ParamSet *list;
    (void)state;
    assert_int_equal(flags_sets(&f, &list), 4);
    assert_true(strcmp(list[0].name, "a") == 0 && list[0].value == 1);
    assert_true(strcmp(list[1].name, "b") == 0 && list[1].value == -2);
    assert_true(list[2].kind == PARAM_INTS && list[2].n_ints == 4 && list[2].ints[1] == 96);
    assert_true(list[3].kind == PARAM_TEXT && strcmp(list[3].text, "time") == 0);
    assert_string_equal(list[3].name, "varies.latent");
    for (int i = 0; i < 4; i++)
        free((void *)list[i].name);
    free((void *)list[2].ints);
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
