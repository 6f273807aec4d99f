/* See keras_names.h. */
#include "keras_names.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static bool upper(char c) { return isupper((unsigned char)c); }
static bool lower(char c) { return islower((unsigned char)c); }

/* An upper-case letter begins a word where a lower-case one stands before it, or where one stands
 * after it and anything before it (Keras' to_snake_case). */
const char *keras_snake_case(Arena *a, const char *class_name)
{
    size_t n = strlen(class_name), k = 0;
    char *out = arena_alloc(a, 2 * n + 1), *word = arena_alloc(a, n + 1);
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (isalnum((unsigned char)class_name[i]) || class_name[i] == '_')
            word[m++] = class_name[i];
    for (size_t i = 0; i < m; i++) {
        bool begins = i > 0 && upper(word[i]) && (lower(word[i - 1]) || lower(word[i + 1]));
        if (begins)
            out[k++] = '_';
        out[k++] = (char)tolower((unsigned char)word[i]);
    }
    return out;
}

/* name with every other character made _ */
static char *cleaned(Arena *a, const char *name, const char *also)
{
    char *out = arena_strdup(a, name);
    for (char *p = out; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr(also, *p))
            *p = '_';
    return out;
}

const char *keras_identifier(Arena *a, const char *name)
{
    const char *clean = cleaned(a, name, "_");
    bool begins = isalpha((unsigned char)*clean) || *clean == '_';
    return begins ? clean : arena_printf(a, "_%s", clean);
}

const char *keras_path(Arena *a, const char *name) { return *name ? cleaned(a, name, "_-") : "_"; }

typedef struct {
    const char *class_name;
    int n;
} Counted;
struct KerasNames {
    Arena *arena;
    const char *stored;
    Counted *list;
    size_t n, cap;
};

KerasNames *keras_names_new(Arena *a, const char *stored)
{
    KerasNames *names = arena_alloc(a, sizeof *names);
    names->arena = a;
    names->stored = stored;
    return names;
}

const char *keras_stored_name(KerasNames *names, const char *class_name)
{
    const char *snake = keras_snake_case(names->arena, class_name);
    size_t i = 0;
    while (i < names->n && strcmp(names->list[i].class_name, snake) != 0)
        i++;
    if (i == names->n) {
        ARENA_GROW(names->arena, names->list, names->n, names->cap);
        names->list[names->n++] = (Counted){snake, 0};
    }
    int n = names->list[i].n++;
    return n ? arena_printf(names->arena, "%s/%s_%d", names->stored, snake, n)
             : arena_printf(names->arena, "%s/%s", names->stored, snake);
}
