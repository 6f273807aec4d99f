/* See defaults.h. */
#include "defaults.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "guidance.h"
#include "samplers.h"
#include "schedule.h"
#include "spacing.h"
#include "utf8.h"
#include "words.h"

static double scale_of(const char *text)
{
    char *end;
    double scale = strtod(text, &end);
    if (!*text || *end || !(fabs(scale) <= LRT_MOST_CFG_SCALE))
        usage_err("--cfg-scale: expected a number from -%d to %d, found '%s'", LRT_MOST_CFG_SCALE,
                  LRT_MOST_CFG_SCALE, LRT_BRIEFLY(text));
    return scale;
}

/* The sampler, and the curve of sigmas that its name may end in. */
static void set_sampler(Json root, const char *name)
{
    int curve;
    const lrt_sampler *s = lrt_sampler_find_spaced(name, &curve);
    if (!s)
        usage_err("--sampling-method: unknown '%s': %s", LRT_BRIEFLY(name),
                  name_hint(name, NAMES_OF(lrt_samplers, name, lrt_sampler_count)));
    if (curve && !(s->traits & lrt_curves[curve].takes))
        usage_err("--sampling-method: %s does not go with sigmas spaced %s", s->name,
                  lrt_curves[curve].name);
    json_set_string(json_object_at(root, "defaults"), "sampler", s->name);
    if (curve)
        json_set_string(json_object_at(root, "schedule"), "sigmas", lrt_curves[curve].name);
}

const char *defaults_over(Arena *a, const DefaultFlags *f)
{
    static const char *const predictions[] = {"epsilon", "v"};
    if (!f->steps && !f->cfg_scale && !f->sampler && !f->prediction)
        return NULL;
    Json root = json_new_object("the flags of build");
    if (f->steps)
        json_set_int(json_object_at(root, "defaults"), "steps", f->steps);
    if (f->cfg_scale)
        json_set_real(json_object_at(root, "defaults"), "cfg_scale", scale_of(f->cfg_scale));
    if (f->sampler)
        set_sampler(root, f->sampler);
    if (f->prediction)
        json_set_string(
            json_object_at(root, "schedule"), "prediction",
            predictions[name_choice("--prediction", f->prediction, NAMES(predictions, 2))]);
    const char *text = arena_strdup(a, json_text(root));
    json_free(root);
    return text;
}

size_t size_scan(const char *text, lrt_size *size)
{
    int end = 0;
    bool found = sscanf(text, "%dx%d%n", &size->width, &size->height, &end) == 2 &&
                 size->width > 0 && size->height > 0;
    return found ? (size_t)end : 0;
}

void size_check(const char *flag, const lrt_size *size)
{
    if (size->width % 8 || size->height % 8)
        usage_err("%s: found %dx%d, expected multiples of 8", flag, size->width, size->height);
}

const char *defaults_sizes(Arena *a, const DefaultFlags *f, const char *sizes)
{
    lrt_size first, other;
    const char *rest = "";
    bool found = false;
    if (!f->size)
        return sizes;
    size_t length = size_scan(f->size, &first);
    if (!length || f->size[length])
        usage_err("--size: expected WIDTHxHEIGHT, such as 512x512, found \"%s\"",
                  LRT_BRIEFLY(f->size));
    size_check("--size", &first);
    const char *size = arena_printf(a, "%dx%d", first.width, first.height);
    if (!sizes)
        return size;
    for (const char *s = sizes; *s; s += *s == ',') {
        size_t n = strcspn(s, ",");
        if (!found && size_scan(s, &other) == n && other.width == first.width &&
            other.height == first.height)
            found = true;
        else
            rest = arena_printf(a, "%s,%.*s", rest, (int)n, s);
        s += n;
    }
    if (!found)
        usage_err("--size: found %s, expected one of --sizes %s", size, LRT_BRIEFLY(sizes));
    return arena_printf(a, "%s%s", size, rest);
}

void defaults_check(const Pipeline *p)
{
    lrt_schedule schedule;
    lrt_error e;
    if (!lrt_schedule_init(&schedule, &p->schedule))
        err("out of memory");
    lrt_sampling s = {.sampler = lrt_sampler_find(p->sampler),
                      .schedule = &schedule,
                      .config = p->schedule,
                      .steps = p->steps,
                      .alpha = NAN,
                      .n = 4};
    if (!(s.sampler->traits & lrt_curves[p->schedule.sigmas].obeys))
        s.config.sigmas = LRT_SIGMAS_TIMESTEPS;
    if (!lrt_sampling_plan(&s, &e))
        err("%s: defaults of the generator: %s", p->file, e.text);
    lrt_sampling_free(&s);
    lrt_schedule_free(&schedule);
}

const char *defaults_text(Arena *a, const Pipeline *p)
{
    return arena_printf(a, "--steps %d --cfg-scale %.15g --sampling-method %s --size %dx%d",
                        p->steps, p->cfg_scale, p->sampler, p->img_width, p->img_height);
}
