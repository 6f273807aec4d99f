/* See metadata_keys.h. */
#include "metadata_keys.h"

#include <stdbool.h>
#include <string.h>

#include "settings.h"

/* Settings whose values have names of their own in web interfaces. Of rows with one value, the
 * first is written. Titles of samplers are in lrt_samplers. */
static const struct {
    int setting;
    const char *title, *value;
} values[] = {
    /* clang-format off */
    {LRT_SETTING_spacing_name, "Karras", "karras"},
    {LRT_SETTING_spacing_name, "Uniform", "linspace"},
    {LRT_SETTING_spacing_name, "Normal", "linspace"},
    {LRT_SETTING_rng_name, "NV", "cuda"},
    {LRT_SETTING_rng_name, "CPU", "cpu"},
    {LRT_SETTING_rng_name, "GPU", "cuda"},
    {LRT_SETTING_rng_name, "cuda", "cuda"},
    {LRT_SETTING_rng_name, "cpu", "cpu"},
    /* clang-format on */
};
enum { VALUES = sizeof values / sizeof *values };

const char *lrt_metadata_title(int setting, const char *value)
{
    for (int i = 0; i < VALUES; i++)
        if (values[i].setting == setting && !strcmp(values[i].value, value))
            return values[i].title;
    return value;
}

const char *lrt_metadata_value(int setting, const char *title)
{
    bool any = false;
    for (int i = 0; i < VALUES; i++) {
        if (values[i].setting != setting)
            continue;
        if (!strcmp(values[i].title, title))
            return values[i].value;
        any = true;
    }
    return any ? NULL : title;
}
