/* See shell_word.h. */
#include "shell_word.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Bytes above 0x7f are letters of UTF-8, which shells take as they are. */
static bool is_plain(char c)
{
    return (unsigned char)c > 0x7f || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || strchr("_-./:=,+@%", c);
}

char *lrt_shell_word(const char *text)
{
    size_t n = strlen(text);
    bool plain = n > 0;
    char *word = malloc(2 * n + 3), *o = word;
    if (!word)
        return NULL;
    *o++ = '"';
    for (const char *s = text; *s; s++) {
        plain &= is_plain(*s);
        if (strchr("\"\\$`", *s))
            *o++ = '\\';
        *o++ = *s;
    }
    memcpy(o, "\"", 2);
    if (plain)
        memcpy(word, text, n + 1);
    return word;
}
