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
    if (!f->cfg_scale && !f->sampler && !f->prediction)
        return NULL;
    Json root = json_new_object("the flags of build");
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

void defaults_steps(const DefaultFlags *f, Pipeline *p)
{
    char *end;
    long v = f->steps ? strtol(f->steps, &end, 10) : p->steps;
    if (f->steps && (!*f->steps || *end || v < 1 || v > p->schedule.train_steps))
        usage_err("--steps: found '%s', expected 1 to %d, the number of training timesteps",
                  LRT_BRIEFLY(f->steps), p->schedule.train_steps);
    p->steps = (int)v;
}

void defaults_check(const DefaultFlags *f, const Pipeline *p)
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
    if (!lrt_sampling_plan(&s, &e)) {
        if (f->steps)
            usage_err("--%s", e.text); /* "steps: lcm takes 1 to 50 ..." */
        if (f->sampler)
            usage_err("--sampling-method %s: %s", p->sampler, e.text);
        err("%s: defaults of the generator: %s", p->file, e.text);
    }
    lrt_sampling_free(&s);
    lrt_schedule_free(&schedule);
}

const char *defaults_text(Arena *a, const Pipeline *p)
{
    return arena_printf(a, "--steps %d --cfg-scale %.15g --sampling-method %s --size %dx%d",
                        p->steps, p->cfg_scale, p->sampler, p->img_width, p->img_height);
}
