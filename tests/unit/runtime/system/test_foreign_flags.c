/* The table of other programs' flags: every row can be reached, and names flags that exist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "foreign_flags.h"
#include "settings.h"

/* Calls what() for every word of a list with spaces. */
static void each(const char *list, void (*what)(const char *word, void *context), void *context)
{
    char *copy = strdup(list), *rest = copy;
    for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " "))
        if (*word)
            what(word, context);
    free(copy);
}

/* Of a generator, or in the manual of latentc, which a test compares with its flags. */
static void exists(const char *word, void *manual)
{
    char flag[64];
    int n = (int)strcspn(word, ":");
    snprintf(flag, sizeof flag, "%.*s", n, word);
    if (lrt_setting_find(flag) >= 0)
        return;
    char escaped[160] = "\\-\\-";
    for (const char *c = flag; *c; c++)
        strcat(escaped, *c == '-' ? "\\-" : (char[]){*c, 0});
    if (!strstr(manual, escaped))
        fail_msg("no program has --%s", flag);
}

static void leads_to(const char *word, void *row)
{
    const lrt_foreign_flag *f = row;
    const char *note = "note", *names[64] = {0};
    char typed[80], first[64];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(f->ours, ": "), f->ours);
    names[0] = first;
    snprintf(typed, sizeof typed, "--%s", word);
    lrt_hint hint;
    const char *said = lrt_flag_hint(
        typed, NULL, &(lrt_known_flags){LRT_NAMES(names, 1), LRT_NAMES(&note, 1), NULL, NULL},
        &hint);
    if (!said || !strstr(said, *f->ours ? first : f->note))
        fail_msg("--%s: expected a word of %s, found %s", word, f->ours, said ? said : "nothing");
}

static void test_rows(void **state)
{
    (void)state;
    char *manual = read_file(SOURCE_DIR "/docs/latentc.1", NULL);
    for (int i = 0; i < lrt_foreign_flag_count; i++) {
        const lrt_foreign_flag *f = &lrt_foreign_flags[i];
        assert_true(*f->ours || *f->note);
        each(f->ours, exists, manual);
        each(f->theirs, leads_to, (void *)f);
    }
    free(manual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
