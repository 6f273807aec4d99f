/* Facts about graphs and schedule: see checkpoint_settings.h. */
#include "checkpoint_settings.h"

Settings settings_new(Arena *a, const char *spec)
{
    return (Settings){.arena = a, .json = json_new_object(spec)};
}

Json settings_parameters(const Settings *s) { return json_object_at(s->json, "parameters"); }

Json settings_model(const Settings *s, const char *model)
{
    return json_object_at(json_object_at(json_object_at(s->json, "models"), model), "parameters");
}

Json settings_schedule(const Settings *s) { return json_object_at(s->json, "schedule"); }
