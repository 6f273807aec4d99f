/* See names.h. */
#include "names.h"

#include <stdio.h>
#include <string.h>

static const char *name_at(lrt_names names, int i)
{
    return *(const char *const *)((const char *)names.first + (size_t)i * names.stride);
}

int lrt_name_find(const char *word, lrt_names names)
{
    for (int i = 0; i < names.n; i++)
        if (name_at(names, i) && !strcmp(word, name_at(names, i)))
            return i;
    return -1;
}

enum { MOST = 63 };

/* Levenshtein's distance of the first MOST bytes. */
static int distance(const char *a, const char *b)
{
    int row[MOST + 1], m = (int)strnlen(b, MOST);
    for (int k = 0; k <= m; k++)
        row[k] = k;
    for (int i = 0; a[i] && i < MOST; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int k = 0; k < m; k++) {
            int change = diagonal + (a[i] != b[k]),
                best = row[k] < row[k + 1] ? row[k] : row[k + 1];
            diagonal = row[k + 1];
            row[k + 1] = best + 1 < change ? best + 1 : change;
        }
    }
    return row[m];
}

const char *lrt_name_near(const char *word, lrt_names names)
{
    const char *best = NULL;
    /* a greater distance means another word, not a slip */
    int least = ((int)strnlen(word, MOST) + 2) / 3 + 1;
    for (int i = 0; i < names.n; i++) {
        const char *name = name_at(names, i);
        int d = name ? distance(word, name) : least;
        if (d < least) {
            least = d;
            best = name;
        }
    }
    return best;
}

const char *lrt_name_hint(const char *word, lrt_names names, lrt_hint *h)
{
    const char *near = lrt_name_near(word, names), *last = NULL;
    size_t used = 0;
    if (near) {
        snprintf(h->text, sizeof h->text, "did you mean '%s'?", near);
        return h->text;
    }
    snprintf(h->text, sizeof h->text, "there is none");
    for (int i = 0; i < names.n; i++)
        last = name_at(names, i) ? name_at(names, i) : last;
    for (int i = 0; i < names.n && used < sizeof h->text; i++) {
        const char *name = name_at(names, i);
        if (name)
            used += (size_t)snprintf(h->text + used, sizeof h->text - used, "%s%s",
                                     !used          ? "expected "
                                     : name == last ? " or "
                                                    : ", ",
                                     name);
    }
    return h->text;
}
