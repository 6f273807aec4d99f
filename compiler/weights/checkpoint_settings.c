/* Facts about graphs and schedule: see checkpoint_settings.h. */
#include "checkpoint_settings.h"

#include <stdarg.h>
#include <stdio.h>

Settings settings_new(Arena *a, const char *spec)
{
    return (Settings){.arena = a, .json = json_new_object(spec), .form = ""};
}

void settings_note(Settings *s, Json at, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const char *pointer = json_pointer(at);
    s->notes = arena_printf(s->arena, "%s%s: %s%s%s\n", s->notes ? s->notes : "", json_file(at),
                            pointer[1] ? pointer : "", pointer[1] ? ": " : "", text);
}

Json settings_parameters(const Settings *s) { return json_object_at(s->json, "parameters"); }

Json settings_model(const Settings *s, const char *model)
{
    return json_object_at(json_object_at(json_object_at(s->json, "models"), model), "parameters");
}

Json settings_schedule(const Settings *s) { return json_object_at(s->json, "schedule"); }
