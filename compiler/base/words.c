/* Words that people type: see words.h. */
#include "words.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "names.h"
#include "shell_word.h"
#include "utf8.h"

static lrt_names names_of(Names n) { return (lrt_names){n.first, n.stride, n.n}; }

int name_find(const char *word, Names names) { return lrt_name_find(word, names_of(names)); }

const char *name_hint(const char *word, Names names)
{
    static _Thread_local lrt_hint hint;
    return lrt_name_hint(word, names_of(names), &hint);
}

int name_choice(const char *what, const char *word, Names names)
{
    int i = name_find(word, names);
    if (i < 0)
        usage_err("%s: unknown '%s': %s", what, LRT_BRIEFLY(word), name_hint(word, names));
    return i;
}

bool words_match(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text)
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    return pattern[strspn(pattern, "*")] == 0;
}

const char *shell_word(Arena *a, const char *text)
{
    char *word = lrt_shell_word(text);
    if (!word)
        err("out of memory");
    const char *copy = arena_strdup(a, word);
    free(word);
    return copy;
}
