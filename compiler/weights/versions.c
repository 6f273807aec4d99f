/* See versions.h. */
#include "versions.h"

#include <string.h>

typedef struct {
    /* Channels of the context, which are the text encoder's width. */
    int64_t width;
    /* Of the U-Net; 0: as many as heads of 64 channels need. */
    int unet_heads;
    /* Of the text encoder. */
    int heads, layers, mlp_width;
    const char *gelu;
} Facts;

/* gelu NULL: it differs between programs. */
static const Facts facts[] = {
    [VERSION_1] = {768, 8, 12, 12, 3072, "quick"}, [VERSION_2] = {1024, 0, 16, 23, 4096, NULL}};

Version version_of_width(int64_t channels)
{
    for (int v = VERSION_1; v <= VERSION_2; v++)
        if (facts[v].width == channels)
            return (Version)v;
    return VERSION_OTHER;
}

void version_settings(const Settings *s, Version v, const char *model)
{
    if (v == VERSION_OTHER)
        return;
    const Facts *f = &facts[v];
    Json m = settings_model(s, model);
    if (!strcmp(model, "diffusion_model")) {
        json_set_int(m, "context_width", f->width);
        json_set_int(m, "heads", f->unet_heads);
        json_set_int(m, "head_size", 64);
        return;
    }
    json_set_int(m, "width", f->width);
    json_set_int(m, "heads", f->heads);
    json_set_int(m, "layers", f->layers);
    json_set_int(m, "mlp_width", f->mlp_width);
    if (f->gelu)
        json_set_string(m, "gelu", f->gelu);
}

/* A parameter of a model in the settings; absent where nothing sets it. */
static Json parameter(const Settings *s, const char *model, const char *name)
{
    Json j = json_get(s->json, "models");
    j = json_ok(j) ? json_get(j, model) : j;
    j = json_ok(j) ? json_get(j, "parameters") : j;
    return json_ok(j) ? json_get(j, name) : j;
}

Version version_of_settings(const Settings *s)
{
    Json width = parameter(s, "diffusion_model", "context_width"),
         gelu = parameter(s, "text_encoder", "gelu");
    Version v = json_ok(width) ? version_of_width(json_int(width, 0, INT32_MAX)) : VERSION_OTHER;
    if (v == VERSION_OTHER && json_ok(gelu) && !strcmp(json_string(gelu), "quick"))
        v = VERSION_1;
    return v;
}

const char *version_name(Version v)
{
    return v == VERSION_1 ? "Stable Diffusion 1.x" : "Stable Diffusion 2";
}
