/* See foreign_flags.h. */
#include "foreign_flags.h"

#include <stdio.h>
#include <string.h>

const lrt_foreign_flag lrt_foreign_flags[] = {
#define FOREIGN(theirs, ours, note) {theirs, ours, note},
#include "foreign_flags.def"
#undef FOREIGN
};
const int lrt_foreign_flag_count = sizeof lrt_foreign_flags / sizeof *lrt_foreign_flags;

enum { MOST = 63 };

/* As the table writes it: without dashes in front, '-' for '_', small letters; one letter stays. */
static void plain_name(const char *typed, char plain[MOST + 1])
{
    typed += strspn(typed, "-");
    size_t n = strcspn(typed, "=");
    snprintf(plain, MOST + 1, "%.*s", (int)(n < MOST ? n : MOST), typed);
    for (char *c = plain; *c && plain[1]; c++)
        *c = *c == '_' ? '-' : *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
}

/* Takes the next word of a list with spaces; false at its end. */
static bool next_word(const char **list, char word[MOST + 1])
{
    *list += strspn(*list, " ");
    size_t n = strcspn(*list, " ");
    snprintf(word, MOST + 1, "%.*s", (int)(n < MOST ? n : MOST), *list);
    *list += n;
    return n > 0;
}

static const lrt_foreign_flag *find(const char *plain)
{
    char word[MOST + 1];
    for (int i = 0; i < lrt_foreign_flag_count; i++)
        for (const char *list = lrt_foreign_flags[i].theirs; next_word(&list, word);)
            if (!strcmp(word, plain))
                return &lrt_foreign_flags[i];
    return NULL;
}

/* "--flag VALUE" of flag i; shown: the value to write, or NULL. */
static const char *written(const lrt_known_flags *k, int i, const char *shown, char text[96])
{
    const char *name = *(const char *const *)((const char *)k->names.first +
                                              (size_t)i * k->names.stride),
               *value = *(const char *const *)((const char *)k->values.first +
                                               (size_t)i * k->values.stride);
    shown = shown ? shown : value ? value : "";
    const char *quote = strchr(shown, ' ') ? "\"" : "";
    snprintf(text, 96, "--%s%s%s%s%s", name, *shown ? " " : "", quote, shown, quote);
    return text;
}

/* Suggests the flags in `ours` that the command has. Several of them may choose by name: the one
 * that knows the value, or all of them. false: the command has none. */
static bool suggest(const char *ours, const char *value, const lrt_known_flags *k, lrt_hint *h)
{
    char word[MOST + 1], text[96];
    size_t used = 0;
    bool choosing = false;
    for (const char *list = ours; next_word(&list, word);) {
        char *shown = strchr(word, ':');
        if (shown)
            *shown++ = 0;
        int i = lrt_name_find(word, k->names);
        bool chooses = i >= 0 && k->takes && k->takes(k->context, i, NULL);
        if (i < 0 || (used && !(choosing && chooses)))
            continue;
        written(k, i, chooses && value && k->takes(k->context, i, value) ? value : shown, text);
        if (chooses && value && k->takes(k->context, i, value)) {
            snprintf(h->text, sizeof h->text, "did you mean '%s'?", text);
            return true;
        }
        choosing = chooses;
        used += (size_t)snprintf(h->text + used, sizeof h->text - used, "%s'%s'",
                                 used ? " or " : "did you mean ", text);
    }
    if (used)
        snprintf(h->text + used, sizeof h->text - used, "?");
    return used > 0;
}

const char *lrt_flag_hint(const char *typed, const char *value, const lrt_known_flags *known,
                          lrt_hint *h)
{
    char plain[MOST + 1];
    plain_name(typed, plain);
    const char *near = plain[0] && plain[1] && typed[1] == '-' ? lrt_name_near(plain, known->names)
                                                               : NULL;
    const lrt_foreign_flag *row = find(plain);
    bool same = near && !strcmp(near, plain);
    if (!same && row && suggest(row->ours, value, known, h))
        return h->text;
    if (!same && row && *row->note) {
        snprintf(h->text, sizeof h->text, "%s", row->note);
        return h->text;
    }
    if (!near)
        return NULL;
    snprintf(h->text, sizeof h->text, "did you mean '--%s'?", near);
    return h->text;
}
