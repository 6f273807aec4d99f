/* See metadata_keys.h. */
#include "metadata_keys.h"

#include <string.h>
#include <strings.h>

#include "settings.h"
#include "spacing.h"

/* Settings whose values have names of their own in web interfaces. Of rows with one value, the
 * first is written. Titles of samplers are in lrt_samplers. */
static const struct {
    int setting;
    const char *title, *value;
} values[] = {
    /* clang-format off */
    {LRT_SETTING_spacing_name, "Karras", "karras"},
    {LRT_SETTING_spacing_name, "Exponential", "exponential"},
    {LRT_SETTING_spacing_name, "SGM Uniform", "sgm_uniform"},
    {LRT_SETTING_spacing_name, "Simple", "simple"},
    {LRT_SETTING_spacing_name, "Uniform", "linspace"},
    {LRT_SETTING_spacing_name, "Normal", "linspace"},
    {LRT_SETTING_rng_name, "NV", "cuda"},
    {LRT_SETTING_rng_name, "CPU", "cpu"},
    {LRT_SETTING_rng_name, "GPU", "cuda"},
    /* clang-format on */
};
enum { VALUES = sizeof values / sizeof *values };

/* Keys of other programs than the web interface that settings.def names. */
static const struct {
    const char *key;
    int setting;
} keys[] = {
    /* clang-format off */
    {"Scheduler", LRT_SETTING_spacing_name}, /* nodes of ComfyUI */
    {"Scheduler type", LRT_SETTING_spacing_name},
    {"Denoise", LRT_SETTING_strength},
    {"Guidance scale", LRT_SETTING_cfg_scale},
    {"Sampling method", LRT_SETTING_sampler_name},
    /* clang-format on */
};
enum { KEYS = sizeof keys / sizeof *keys };

/* Schedules of web interfaces, ComfyUI and stable-diffusion.cpp. lrt_metadata_value says which of
 * them are here. */
static const char *const schedules[] = {
    "Automatic",
    "Uniform",
    "Normal",
    "discrete",
    "Karras",
    "Exponential",
    "Polyexponential",
    "SGM Uniform",
    "Simple",
    "KL Optimal",
    "Beta",
    "Align Your Steps",
    "AYS",
    "AYS 11",
    "AYS 32",
    "AYS GITS",
    "GITS",
    "DDIM",
    "DDIM Uniform",
    "Turbo",
    "smoothstep",
    "linear quadratic",
    "bong tangent",
    "LCM",
    "linspace",
    "leading",
    "trailing",
};
enum { SCHEDULES = sizeof schedules / sizeof *schedules };

const lrt_other_record lrt_other_records[] = {
    {"workflow", "a workflow of ComfyUI", "\"nodes\""},
    {"prompt", "a workflow of ComfyUI", "\"class_type\""},
    {"invokeai_metadata", "settings of InvokeAI as JSON", "{"},
    {"invokeai_graph", "settings of InvokeAI as JSON", "{"},
    {"sd-metadata", "settings of InvokeAI as JSON", "{"},
    {NULL, NULL, NULL},
};

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
        if (lrt_same_name(values[i].title, title) || lrt_same_name(values[i].value, title))
            return values[i].value;
        any = true;
    }
    for (int i = 0; setting == LRT_SETTING_spacing_name && i < lrt_spacing_count; i++)
        if (lrt_same_name(lrt_spacings[i].name, title))
            return lrt_spacings[i].name;
    return any ? NULL : title;
}

int lrt_metadata_setting(const char *key)
{
    for (int i = 0; i < LRT_SETTING_COUNT; i++)
        if (lrt_settings_traits[i].key && !strcasecmp(lrt_settings_traits[i].key, key))
            return i;
    for (int i = 0; i < KEYS; i++)
        if (!strcasecmp(keys[i].key, key))
            return keys[i].setting;
    return -1;
}

bool lrt_metadata_is_schedule(const char *name)
{
    for (int i = 0; i < SCHEDULES; i++)
        if (lrt_same_name(schedules[i], name))
            return true;
    return lrt_metadata_value(LRT_SETTING_spacing_name, name);
}
