/* Documents name every form of a convolution, and no others: docs/bench-schema.json,
 * docs/latentc.1. */
#include "conv_forms.h"
#include "files.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>

static char *document(const char *path)
{
    size_t n;
    char *text = read_file(path, &n);
    assert_non_null(text);
    return text;
}

/* How many strings the list at `"member": {"enum": [` holds. Sets *list to a copy of it. */
static int schema_enum(const char *schema, const char *member, char **list)
{
    char start[64];
    snprintf(start, sizeof start, "\"%s\": {\"enum\": [", member);
    const char *from = strstr(schema, start);
    assert_non_null(from);
    from += strlen(start);
    *list = strndup(from, (size_t)(strchr(from, ']') - from));
    int n = 0;
    for (const char *c = *list; *c; c++)
        n += *c == '"';
    return n / 2;
}

static void has(const char *list, const char *name)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", name);
    if (!strstr(list, quoted))
        fail_msg("docs/bench-schema.json lacks %s", quoted);
}

static void schema(void **state)
{
    (void)state;
    char *text = document(SOURCE_DIR "/docs/bench-schema.json"), *names, *shown;
    assert_int_equal(schema_enum(text, "conv", &names), CONV_MODES);
    assert_int_equal(schema_enum(text, "algorithm", &shown), CONV_FORMS + 1); /* and "" */
    for (int i = 0; i < CONV_MODES; i++)
        has(names, conv_names[i]);
    for (int i = 0; i < CONV_FORMS; i++)
        has(shown, conv_forms[i].shown);
    free(names);
    free(shown);
    free(text);
}

static void manual(void **state)
{
    (void)state;
    char *text = document(SOURCE_DIR "/docs/latentc.1");
    char *from = strstr(text, "\\-\\-conv \" KIND\""), *end = from ? strstr(from, ".TP") : NULL;
    assert_non_null(end);
    *end = 0;
    for (int i = 0; i < CONV_MODES; i++) {
        char word[64];
        snprintf(word, sizeof word, " %s", conv_names[i]);
        bool found = false;
        for (const char *c = from; (c = strstr(c, word)) && !found; c++)
            found = strchr(" ,.\n", c[strlen(word)]);
        if (!found)
            fail_msg("docs/latentc.1: --conv lacks %s", conv_names[i]);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(schema), cmocka_unit_test(manual)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
