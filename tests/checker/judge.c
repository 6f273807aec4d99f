// Reading what is wanted from JSON, and comparing it with what was seen.
#include "judge.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shape.h"

/* clang-format off */
static const char *const place_names[9] = {
    "top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right",
};
/* clang-format on */
static const char *const relation_names[5] = {"", "left of", "right of", "above", "below"};
static const char *const size_names[3] = {"", "small", "big"};

// The position of a word in a list of n; fallback when the member is absent; -2 when the word is
// unknown.
static int lookup(const cJSON *object, const char *member, const char *const *names, int n,
                  int fallback)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, member);
    if (!v)
        return fallback;
    for (int i = 0; cJSON_IsString(v) && i < n; i++)
        if (strcmp(v->valuestring, names[i]) == 0)
            return i;
    return -2;
}

static bool parse_object(const cJSON *v, Wanted *out, char *message, size_t size)
{
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(v, "shape");
    const cJSON *color = cJSON_GetObjectItemCaseSensitive(v, "color");
    out->shape = cJSON_IsString(shape) ? shape_from_name(shape->valuestring) : SHAPE_NONE;
    out->color = cJSON_IsString(color) ? color_from_name(color->valuestring) : COLOR_NONE;
    int wanted_size = lookup(v, "size", size_names, 3, SIZE_ANY);
    out->place = lookup(v, "place", place_names, 9, PLACE_ANY);
    if (out->shape == SHAPE_NONE || out->color == COLOR_NONE || wanted_size < 0 ||
        out->place < PLACE_ANY) {
        snprintf(
            message, size,
            "an object needs a known shape and color, and size and place, if given, must be known");
        return false;
    }
    out->size = (Size)wanted_size;
    return true;
}

static bool parse_value(const cJSON *v, Caption *out, char *message, size_t size)
{
    const cJSON *objects = cJSON_GetObjectItemCaseSensitive(v, "objects");
    const cJSON *background = cJSON_GetObjectItemCaseSensitive(v, "background");
    *out = (Caption){.background = COLOR_NONE, .count = cJSON_GetArraySize(objects)};
    if (!cJSON_IsArray(objects) || out->count < 1 || out->count > 2) {
        snprintf(message, size, "objects: expected a list of one or two");
        return false;
    }
    for (int i = 0; i < out->count; i++)
        if (!parse_object(cJSON_GetArrayItem(objects, i), &out->object[i], message, size))
            return false;
    int relation = lookup(v, "relation", relation_names, 5, RELATION_NONE);
    if (relation < 0 || (relation != RELATION_NONE && out->count != 2)) {
        snprintf(message, size,
                 "relation: expected left of, right of, above or below, between two objects");
        return false;
    }
    out->relation = (Relation)relation;
    if (background) {
        out->background = cJSON_IsString(background) ? color_from_name(background->valuestring)
                                                     : COLOR_NONE;
        if (out->background == COLOR_NONE) {
            snprintf(message, size, "background: expected a color word");
            return false;
        }
    }
    return true;
}

bool caption_parse(const char *json, Caption *out, char *message, size_t size)
{
    cJSON *root = cJSON_Parse(json);
    if (!root) {
        snprintf(message, size, "not JSON");
        return false;
    }
    bool ok = parse_value(root, out, message, size);
    cJSON_Delete(root);
    return ok;
}

bool caption_parse_entry(const char *json, int index, Caption *out, char *message, size_t size)
{
    cJSON *root = cJSON_Parse(json);
    const cJSON *v = cJSON_IsArray(root) ? cJSON_GetArrayItem(root, index) : NULL;
    bool ok = false;
    if (!v)
        snprintf(message, size, "no entry %d in a JSON list", index);
    else
        ok = parse_value(v, out, message, size);
    cJSON_Delete(root);
    return ok;
}

static bool fits(const Object *seen, const Wanted *wanted)
{
    return seen->shape == wanted->shape && seen->color == wanted->color;
}

static bool related(const Object *a, const Object *b, Relation r)
{
    double dx = b->x - a->x, dy = b->y - a->y;
    switch (r) {
    case LEFT_OF: return dx > 0 && fabs(dx) > fabs(dy);
    case RIGHT_OF: return dx < 0 && fabs(dx) > fabs(dy);
    case ABOVE: return dy > 0 && fabs(dy) > fabs(dx);
    case BELOW: return dy < 0 && fabs(dy) > fabs(dx);
    case RELATION_NONE: return true;
    }
    return false;
}

static int third(double v) { return v < 0.42 ? 0 : v > 0.58 ? 2 : 1; }

// Small and big are taken by the longer side of the box: under 0.3 is small; big starts lower when
// two share the picture.
static bool size_fits(const Object *seen, Size wanted, int count)
{
    if (wanted == SIZE_SMALL)
        return seen->extent < 0.3;
    return wanted == SIZE_ANY || seen->extent > (count == 1 ? 0.43 : 0.31);
}

static bool say(char *reason, size_t size, bool verdict, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason, size, format, args);
    va_end(args);
    return verdict;
}

// Size and place words of the objects, in the caption's order.
static bool details_fit(const Object *const *seen, const Caption *c, char *reason, size_t size)
{
    for (int i = 0; i < c->count; i++) {
        const Wanted *w = &c->object[i];
        if (!size_fits(seen[i], w->size, c->count))
            return say(reason, size, false, "the %s is not %s (extent %.2f)", shape_name(w->shape),
                       size_names[w->size], seen[i]->extent);
        int place = third(seen[i]->y) * 3 + third(seen[i]->x);
        if (w->place != PLACE_ANY && place != w->place)
            return say(reason, size, false, "the %s is at the %s, not the %s", shape_name(w->shape),
                       place_names[place], place_names[w->place]);
    }
    return true;
}

bool judge(const Scene *s, const Caption *c, bool loose, char *reason, size_t size)
{
    const double most_specks = 0.005;
    if (c->background != COLOR_NONE && s->background != c->background)
        return say(reason, size, false, "background is %s, not %s", color_name(s->background),
                   color_name(c->background));
    if (s->count != c->count)
        return say(reason, size, false, "%d objects, not %d", s->count, c->count);
    if (s->specks > most_specks)
        return say(reason, size, false, "stray marks on %.1f %% of the picture", 100 * s->specks);
    const Object *seen[2] = {&s->object[0], &s->object[1]};
    if (c->count == 2 && !(fits(seen[0], &c->object[0]) && fits(seen[1], &c->object[1]))) {
        seen[0] = &s->object[1];
        seen[1] = &s->object[0];
    }
    for (int i = 0; i < c->count; i++)
        if (!fits(seen[i], &c->object[i])) {
            const Object *o = c->count == 2 ? &s->object[i] : seen[i];
            return say(reason, size, false, "no %s %s; seen a %s %s (overlap %.2f)",
                       color_name(c->object[i].color), shape_name(c->object[i].shape),
                       color_name(o->color), shape_name(o->shape), o->agreement);
        }
    if (c->relation != RELATION_NONE && !related(seen[0], seen[1], c->relation))
        return say(reason, size, false, "the first object is not %s the second",
                   relation_names[c->relation]);
    if (!loose && !details_fit(seen, c, reason, size))
        return false;
    return say(reason, size, true, "%s %s%s on %s", color_name(seen[0]->color),
               shape_name(seen[0]->shape), c->count == 2 ? " and another" : "",
               color_name(s->background));
}
