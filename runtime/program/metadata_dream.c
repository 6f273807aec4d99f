/* See metadata_dream.h. */
#include "metadata_dream.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadata_keys.h"

/* Flags and the keys that they become. -W and -H are the size. */
static const struct {
    char flag;
    const char *key;
} flags[] = {{'A', "Sampler"}, {'C', "CFG scale"}, {'S', "Seed"}, {'f', "Denoising strength"}};

/* Whether " -s 50" or " -s50" begins at p, and not a part of the prompt (" -ish"). */
static bool is_flag(const char *p)
{
    return p[0] == ' ' && p[1] == '-' && p[2] && strchr("sSWHCAf", p[2]) &&
           (p[3] == ' ' || isdigit((unsigned char)p[3]) || (p[2] == 'A' && p[3]));
}

/* The end of the prompt: its closing quote, or what stands before the first flag. */
static const char *prompt_end(const char *p, bool quoted)
{
    for (; *p && !(quoted && *p == '"'); p++) {
        if (quoted && *p == '\\' && p[1])
            p++;
        else if (!quoted && is_flag(p))
            break;
    }
    return p;
}

/* Writes the prompt without its parts in brackets, or only these. */
static void put_prompt(FILE *f, const char *p, const char *end, bool in_brackets)
{
    int depth = 0;
    for (; p < end; p++) {
        if (*p == '[') {
            depth++;
        } else if (*p == ']') {
            depth -= depth > 0;
            if (!depth && in_brackets)
                fputc(' ', f);
        } else if ((depth > 0) == in_brackets && *p != '\n' && *p != '\\') {
            fputc(*p, f);
        }
    }
}

/* The value of a flag, "-s 50" or "-s50": n bytes. NULL: it is not there. */
static const char *flag_value(const char *p, char flag, size_t *n)
{
    for (; (p = strchr(p, '-')); p++)
        if (p[1] == flag && p[-1] == ' ') {
            p += 2 + strspn(p + 2, " ");
            *n = strcspn(p, " \n");
            return *n ? p : NULL;
        }
    return NULL;
}

char *lrt_dream_record(const char *dream)
{
    char *text = NULL;
    size_t bytes, n, m;
    bool quoted = *dream == '"';
    const char *from = dream + quoted, *end = prompt_end(from, quoted), *value, *height;
    FILE *f = open_memstream(&text, &bytes);
    if (!f)
        return NULL;
    put_prompt(f, from, end, false);
    fputs("\n" LRT_BEFORE_NEGATIVE " ", f);
    put_prompt(f, from, end, true);
    from = *end && quoted ? end + 1 : end;
    value = flag_value(from, 's', &n);
    fprintf(f, "\n" LRT_BEFORE_FIELDS " %.*s", value ? (int)n : 0, value ? value : "");
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if ((value = flag_value(from, flags[i].flag, &n)))
            fprintf(f, ", %s: %.*s", flags[i].key, (int)n, value);
    if ((value = flag_value(from, 'W', &n)) && (height = flag_value(from, 'H', &m)))
        fprintf(f, ", Size: %.*sx%.*s", (int)n, value, (int)m, height);
    if (!fclose(f))
        return text;
    free(text);
    return NULL;
}
