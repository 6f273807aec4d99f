/* See families.h. */
#include "families.h"

#include <ctype.h>
#include <string.h>

#include "config.h"
#include "utf8.h"
#include "versions.h"

typedef struct {
    const char *name, *words, *class, *spacing, *prediction;
    bool input;
    int steps;
    double cfg_scale;
    const char *sampler, *timesteps;
    int size;
} Family;

static const Family families[] = {
#define FAMILY(...) {__VA_ARGS__},
#include "families.def"
};
enum { FAMILIES = sizeof families / sizeof families[0] };

/* ---- what is noted ---- */

void family_name(Settings *s, const char *name, const char *where)
{
    if (s->seen.n_names == MOST_NAMES)
        return;
    s->seen.names[s->seen.n_names].name = arena_strdup(s->arena, name);
    s->seen.names[s->seen.n_names++].where = arena_strdup(s->arena, where);
}

void family_config(Settings *s, Json config)
{
    Json name = config_get(config, "_name_or_path");
    if (json_ok(name) && json_kind(name) == JSON_STRING)
        family_name(s, json_string(name),
                    arena_printf(s->arena, "%s: /_name_or_path", json_file(config)));
}

void family_scheduler(Settings *s, Json config)
{
    s->seen.file = arena_strdup(s->arena, json_file(config));
    s->seen.class = arena_strdup(s->arena, config_string(config, "_class_name", ""));
    s->seen.spacing = arena_strdup(s->arena, config_string(config, "timestep_spacing", ""));
    s->seen.prediction = arena_strdup(s->arena,
                                      config_string(config, "prediction_type", "epsilon"));
}

/* ---- recognition ---- */

static char plain(char c) { return c == '_' || c == ' ' ? '-' : (char)tolower((unsigned char)c); }

/* Whether the n characters of word stand in the name, between characters that are no letters or
 * digits. */
static bool has_word(const char *name, const char *word, size_t n)
{
    for (const char *p = name; *p; p++) {
        size_t k = 0;
        while (k < n && p[k] && plain(p[k]) == word[k])
            k++;
        if (k == n && (p == name || !isalnum((unsigned char)p[-1])) &&
            !isalnum((unsigned char)p[n]))
            return true;
    }
    return false;
}

static bool has_any_word(const char *name, const char *words)
{
    for (const char *w = words; *w; w += strspn(w, " ")) {
        size_t n = strcspn(w, " ");
        if (has_word(name, w, n))
            return true;
        w += n;
    }
    return false;
}

/* Why the family is that of a name which was noted; NULL: of none. */
static const char *why_by_name(const Settings *s, const Family *f)
{
    for (int i = 0; i < s->seen.n_names; i++)
        if (has_any_word(s->seen.names[i].name, f->words))
            return arena_printf(s->arena, "%s: %s", s->seen.names[i].where, s->seen.names[i].name);
    return NULL;
}

/* The same by the scheduler's form. */
static const char *why_by_form(const Settings *s, const Family *f)
{
    if (!f->class || !s->seen.class || strcmp(f->class, s->seen.class) ||
        (f->spacing && strcmp(f->spacing, s->seen.spacing)) ||
        (f->prediction && strcmp(f->prediction, s->seen.prediction)))
        return NULL;
    return arena_printf(s->arena, "%s: %s%s%s%s%s", s->seen.file, f->class,
                        f->spacing ? ", timestep_spacing " : "", f->spacing ? f->spacing : "",
                        f->prediction ? ", prediction_type " : "",
                        f->prediction ? f->prediction : "");
}

/* The same by the input. */
static const char *why_by_input(const Settings *s, const Family *f)
{
    return f->input ? s->seen.guidance : NULL;
}

static const Family *find(const Settings *s, const char **why)
{
    static const char *(*const reasons[])(const Settings *, const Family *) = {
        why_by_input, why_by_name, why_by_form};
    for (size_t k = 0; k < sizeof reasons / sizeof *reasons; k++)
        for (int i = 0; i < FAMILIES; i++)
            if ((*why = reasons[k](s, &families[i])))
                return &families[i];
    *why = "neither a name in its configs nor its scheduler says another";
    return &families[FAMILIES - (version_of_settings(s) == VERSION_1 ? 2 : 1)];
}

/* ---- what follows ---- */

static bool has_member(Json object, const char *section, const char *member)
{
    Json j = json_get(object, section);
    return json_ok(j) && json_ok(json_get(j, member));
}

static void set_defaults(Settings *s, const Family *f)
{
    Json to = json_object_at(s->json, "defaults");
    json_set_int(to, "steps", f->steps);
    json_set_real(to, "cfg_scale", f->cfg_scale);
    if (!json_ok(json_get(to, "sampler")))
        json_set_string(to, "sampler", f->sampler);
    if (!has_member(s->json, "schedule", "spacing"))
        json_set_string(settings_schedule(s), "spacing", f->timesteps);
    if (f->size && !has_member(s->json, "parameters", "img_height")) {
        json_set_int(settings_parameters(s), "img_height", f->size);
        json_set_int(settings_parameters(s), "img_width", f->size);
    }
}

void family_decide(Settings *s)
{
    const char *why;
    char plain_why[600]; /* paths and names may have any bytes, and any length */
    const Family *f = find(s, &why);
    lrt_plain(plain_why, sizeof plain_why, why);
    Json to = json_object_at(s->json, "family");
    json_set_string(to, "name", f->name);
    json_set_string(to, "why", plain_why);
    if (f->steps)
        set_defaults(s, f);
}

const char *family_text(Arena *a, Json settings)
{
    Json family = json_ok(settings) ? json_get(settings, "family") : settings;
    if (!json_ok(family))
        return NULL;
    return arena_printf(a, "%s: %s", json_string(json_need(family, "name")),
                        json_string(json_need(family, "why")));
}

const char *family_with_defaults(Json settings)
{
    Json family = json_ok(settings) ? json_get(settings, "family") : settings;
    const char *name = json_ok(family) ? json_string(json_need(family, "name")) : NULL;
    for (int i = 0; i < FAMILIES && name; i++)
        if (families[i].steps && !strcmp(families[i].name, name))
            return name;
    return NULL;
}
