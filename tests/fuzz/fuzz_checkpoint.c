/* Files of other programs' checkpoints. The first byte says which reader gets the rest: configs, an
 * index of shards, a file whose format is to be recognised, a path to be named under every scheme.
 */
#include <stdio.h>
#include <unistd.h>

#include "diffusers_config.h"
#include "diffusers_scheduler.h"
#include "formats.h"
#include "fuzz.h"
#include "schemes.h"
#include "alloc.h"

static void read_config(const char *text, size_t size, void (*settings)(Settings *, Json))
{
    Arena *a = arena_new();
    Json config = json_parse_python(text, size, "fuzz");
    json_expect(config, JSON_OBJECT);
    Settings s = settings_new(a, "settings");
    settings(&s, config);
    const char *written = json_text(s.json);
    json_free(json_parse(written, strlen(written), "settings")); /* what is written can be read */
    json_free(s.json);
    json_free(config);
    arena_free(a);
}

static void read_index(const char *text, size_t size)
{
    Json index = json_parse_python(text, size, "fuzz");
    Arena *a = arena_new();
    Settings s = settings_new(a, "fuzz");
    json_expect(index, JSON_OBJECT);
    check_pipeline_class(&s, index);
    json_free(s.json);
    json_free(index);
    arena_free(a);
}

static void open_file(const char *text, size_t size, const char *ending)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/latentc-fuzz-%ld%s", (long)getpid(), ending);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(text, 1, size, f) != size)
        die("%s cannot be written", path);
    fclose(f);
    Checkpoint *c = checkpoint_open(path, NULL);
    if (!c->scheme || !c->taken_for || !c->why)
        die("a format says nothing of what it is");
    checkpoint_close(c);
}

static void spell(const char *path)
{
    static const char *const models[] = {"text_encoder", "diffusion_model", "decoder",
                                         "image_encoder", "other"};
    const Counts n = {.blocks = 2, .levels = 4, .layers = 23};
    for (int k = 0; k < n_schemes; k++)
        for (size_t m = 0; m < sizeof models / sizeof models[0]; m++) {
            Place p;
            for (int choice = 0; schemes[k]->column &&
                                 schemes[k]->spell(schemes[k], NULL,
                                                   &(WeightName){models[m], path, &n}, choice, &p);
                 choice++)
                if (!schemes[k]->owns(schemes[k], NULL, models[m], p.name) || p.part >= p.parts)
                    die("%s: a name that is not its model's", p.name);
            scheme_ignores(schemes[k], path, &n);
        }
}

static void body(const uint8_t *data, size_t size)
{
    static void (*const configs[])(Settings *, Json) = {
        settings_of_unet, settings_of_vae, settings_of_text_encoder, settings_of_scheduler};
    if (!size)
        return;
    char *text = xmalloc(size);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    switch (*data) {
    case 'u':
    case 'v':
    case 't':
    case 's':
        read_config(text, size - 1,
                    configs[*data == 'u'   ? 0
                            : *data == 'v' ? 1
                            : *data == 't' ? 2
                                           : 3]);
        break;
    case 'm': read_index(text, size - 1); break;
    case 'i': open_file(text, size - 1, ".index.json"); break;
    case 'f': open_file(text, size - 1, ".safetensors"); break;
    default: spell(text);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_catch(body, data, size);
}
