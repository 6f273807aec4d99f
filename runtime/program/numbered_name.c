/* See numbered_name.h. */
#include "numbered_name.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

enum { MOST_DIGITS = 20 }; /* of a number of 64 bits */

/* The length of a %d or %s, with a width or without, at s; 0 when there is none. */
static size_t directive(const char *s)
{
    if (*s != '%')
        return 0;
    size_t n = 1 + strspn(s + 1, "0123456789");
    return s[n] == 'd' || s[n] == 's' ? n + 1 : 0;
}

static bool has_directive(const char *s)
{
    while (*s && !directive(s))
        s++;
    return *s;
}

char *lrt_numbered_name(const char *pattern, int64_t i, int64_t n, uint64_t seed, const char *tag)
{
    if (!strcmp(pattern, LRT_STANDARD_OUTPUT))
        return strdup(pattern);
    const char *slash = strrchr(pattern, '/'), *dot = strrchr(slash ? slash : pattern, '.');
    if (!dot || dot == pattern || dot[-1] == '/')
        dot = pattern + strlen(pattern); /* a name without extension, or a hidden file */
    bool patterned = has_directive(pattern);
    char *name = NULL, done[2] = {0}; /* done: a letter is replaced once */
    size_t length;
    FILE *f = open_memstream(&name, &length);
    if (!f)
        return NULL;
    for (const char *s = pattern;; s++) {
        if (s == dot) {
            if (!patterned && n > 1)
                fprintf(f, "-%lld", (long long)i);
            fputs(tag, f);
        }
        size_t skip = directive(s);
        bool of_seed = skip && s[skip - 1] == 's';
        if (skip && !done[of_seed]) {
            unsigned long width = strtoul(s + 1, NULL, 10); /* 0 without one */
            fprintf(f, s[1] == '0' ? "%0*llu" : "%*llu",
                    width > MOST_DIGITS ? MOST_DIGITS : (int)width,
                    (unsigned long long)(of_seed ? seed : (uint64_t)i));
            done[of_seed] = 1;
            s += skip - 1;
        } else if (*s) {
            fputc(*s, f);
        } else {
            break;
        }
    }
    if (fclose(f)) {
        free(name);
        return NULL;
    }
    return name;
}
