/* Flags that several commands share: --set, --varies, sizes, and the line of options that --info
 * prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
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

static void test_sizes(void **state)
{
    static const struct {
        const char *sizes, *size, *want;
    } cases[] = {
        {"512x512,768x512", NULL, "512x512,768x512"},
        {"512x512,768x512", "768x512", "768x512,512x512"},
        {"64x64,128x64,8x8", "8x8", "8x8,64x64,128x64"},
        {"64x64,", NULL, "64x64"},
        {"64x64", "64x64", "64x64"},
        {NULL, "64x128", "64x128"},
    };
    Arena *a = arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SizeList l = sizes_parse(cases[i].sizes, cases[i].size);
        assert_string_equal(sizes_text(a, &l), cases[i].want);
    }
    SizeList none = sizes_parse(NULL, NULL);
    assert_true(none.n == 0 && !sizes_text(a, &none));
    arena_free(a);
}

/* Sets the row's variable to another value than the default. */
static void change(const Flag *f)
{
    static const char *items[] = {"a b"};
    switch (f->kind) {
    case FLAG_BOOL: *(bool *)f->into = true; break;
    case FLAG_INT: *(int64_t *)f->into = 7; break;
    case FLAG_STRING: *(const char **)f->into = "a b"; break;
    case FLAG_LIST: *(FlagList *)f->into = (FlagList){items, 1}; break;
    }
}

/* Each flag that decides what code is made, or how weights are packed, is in the options. */
static void test_options(void **state)
{
    PipelineFlags f = {.code = CODE_DEFAULTS};
    const Flag rows[] = {CODE_FLAGS(&f.code, NULL), SIZE_FLAGS(&f)};
    Buf plain = {0}, all = {0};
    int n = 0;
    (void)state;
    flags_options(&f, &plain);
    assert_string_equal(plain.data, "--conv auto --target host --dtype f32");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char want[80];
        if (!rows[i].name)
            continue;
        change(&rows[i]);
        all.len = 0;
        flags_options(&f, &all);
        snprintf(want, sizeof want,
                 rows[i].kind == FLAG_BOOL  ? "--%s"
                 : rows[i].kind == FLAG_INT ? "--%s 7"
                                            : "--%s \"a b\"",
                 rows[i].name);
        if (!strstr(all.data, want))
            fail_msg("%s is not among the options: %s", want, all.data);
        n++;
    }
    assert_true(n >= 14);
    buf_free(&plain);
    buf_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sets), cmocka_unit_test(test_sizes),
                                       cmocka_unit_test(test_options)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
