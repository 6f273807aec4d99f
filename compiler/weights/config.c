/* Config files of diffusers and transformers: see config.h. */
#include "config.h"

#include <string.h>

#include "arena.h"
#include "buf.h"

Json config_get(Json config, const char *key)
{
    Json j = json_get(config, key);
    return json_ok(j) && json_kind(j) == JSON_NULL ? (Json){0} : j;
}

int64_t config_int(Json config, const char *key, int64_t otherwise)
{
    Json j = config_get(config, key);
    return json_ok(j) ? json_int(j, 0, 1 << 20) : otherwise;
}

double config_number(Json config, const char *key, double otherwise)
{
    Json j = config_get(config, key);
    return json_ok(j) ? json_number(j) : otherwise;
}

bool config_bool(Json config, const char *key, bool otherwise)
{
    Json j = config_get(config, key);
    return json_ok(j) ? json_bool(j) : otherwise;
}

const char *config_string(Json config, const char *key, const char *otherwise)
{
    Json j = config_get(config, key);
    return json_ok(j) ? json_string(j) : otherwise;
}

/* Whether the text is one of the values, which have a space between them. */
static bool is_one_of(const char *text, const char *values)
{
    size_t length = strlen(text);
    for (const char *p = values; *p; p += strspn(p, " ")) {
        size_t k = strcspn(p, " ");
        if (k == length && !memcmp(p, text, k))
            return true;
        p += k;
    }
    return false;
}

static void check_member(Settings *s, Json j, const Member *m)
{
    const char *text = m->fate == MUST || m->fate == WANT ? json_text(j) : NULL;
    if (!text || is_one_of(text, m->values))
        return;
    if (m->fate == MUST)
        json_err(j, "found %.200s, but latentc's graphs have %s%s", text,
                 *m->values ? m->values : "no such part",
                 strchr(m->values, ' ') ? " (one of them)" : "");
    settings_note(s, j, "found %.200s: %s", text, m->instead);
}

void config_members(Settings *s, Json config, const Member *members, size_t n)
{
    Buf rest = {0};
    for (Json j = json_first(config); json_ok(j); j = json_next(j)) {
        const char *name = json_key(j);
        size_t i = 0;
        if (json_kind(j) == JSON_NULL)
            continue;
        while (i < n && strcmp(members[i].name, name))
            i++;
        if (i < n)
            check_member(s, j, &members[i]);
        else if (*name != '_' && rest.len < 400)
            buf_printf(&rest, "%s%.60s %.60s", rest.len ? ", " : "", name, json_text(j));
    }
    if (rest.len)
        settings_note(s, config, "not read: %s", rest.data);
    buf_free(&rest);
}

const char *config_word(Json config, const char *key, const char *otherwise, const Word *words,
                        size_t n)
{
    const char *found = config_string(config, key, otherwise), *list = "";
    for (size_t i = 0; i < n; i++)
        if (!strcmp(found, words[i].theirs))
            return words[i].ours;
    Arena *a = arena_new();
    for (size_t i = 0; i < n; i++)
        if (*words[i].theirs) /* "": what stands for an absent member */
            list = arena_printf(a, "%s%s%s", list, *list ? ", " : "", words[i].theirs);
    json_err(json_get(config, key), "found \"%s\", expected %s", found, list);
}

Levels config_levels(Json j, int n)
{
    Levels l = {0};
    if (json_kind(j) == JSON_NUMBER) {
        for (l.n = 0; l.n < n; l.n++)
            l.of[l.n] = json_int(j, 1, 1 << 20);
        return l;
    }
    json_expect(j, JSON_ARRAY);
    for (Json e = json_first(j); json_ok(e); e = json_next(e)) {
        if (l.n == MOST_LEVELS)
            json_err(j, "expected at most %d levels", MOST_LEVELS);
        l.of[l.n++] = json_int(e, 1, 1 << 20);
    }
    if (n ? l.n != n : !l.n)
        json_err(j, "found %d levels, expected %d", l.n, n ? n : 4);
    return l;
}

int64_t config_same_level(Json config, const char *key, int n, int64_t otherwise)
{
    Json j = config_get(config, key);
    if (!json_ok(j))
        return otherwise;
    Levels l = config_levels(j, n);
    for (int i = 1; i < l.n; i++)
        if (l.of[i] != l.of[0])
            json_err(j, "found %s, but latentc's graphs have one number for all levels",
                     json_text(j));
    return l.of[0];
}
