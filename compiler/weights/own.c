/* latentc's own safetensors files: see own.h. */
#include "own.h"

#include <stdio.h>
#include <string.h>

#include "signatures.h"

static bool spell_own(const Scheme *s, const Checkpoint *c, const WeightName *w, int choice,
                      Place *out)
{
    (void)s, (void)c;
    *out = (Place){.parts = 1};
    return snprintf(out->name, sizeof out->name, "%s/%s", w->model, w->path) <
               (int)sizeof out->name &&
           !choice;
}

bool owns_model_folder(const Scheme *s, const Checkpoint *c, const char *model, const char *name)
{
    (void)s, (void)c;
    size_t n = strlen(model);
    return !strncmp(name, model, n) && name[n] == '/';
}

static bool spell_plain(const Scheme *s, const Checkpoint *c, const WeightName *w, int choice,
                        Place *out)
{
    (void)s, (void)c;
    *out = (Place){.parts = 1};
    return snprintf(out->name, sizeof out->name, "%s", w->path) < (int)sizeof out->name && !choice;
}

static bool owns_plain(const Scheme *s, const Checkpoint *c, const char *model, const char *name)
{
    (void)s, (void)c, (void)model, (void)name;
    return true;
}

static const char *const none[] = {NULL};
const Scheme own_scheme = {.name = "latentc",
                           .about = "MODEL/PATH as the graphs have it",
                           .spell = spell_own,
                           .owns = owns_model_folder,
                           .ignored = none};
const Scheme own_model_scheme = {.name = "latentc-model",
                                 .about = "one model's PATH alone",
                                 .spell = spell_plain,
                                 .owns = owns_plain,
                                 .ignored = none};

void open_own(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    bool prefixed = false;
    const StFile *f = checkpoint_add_safetensors(c, c->spec, "");
    for (size_t i = 0; i < f->n && !prefixed; i++)
        prefixed = strchr(f->tensors[i].name, '/') != NULL;
    c->foreign = prefixed ? NULL : signature_of(c);
    c->scheme = prefixed ? &own_scheme : &own_model_scheme;
    c->taken_for = prefixed     ? "models of latentc"
                   : c->foreign ? c->foreign
                                : "one model of latentc";
    c->why = prefixed     ? "names are MODEL/PATH"
             : c->foreign ? "no pipeline takes it"
                          : "names are of no other scheme";
    const char *settings = st_meta(f, "latentc.settings");
    if (settings)
        c->settings = json_parse(settings, strlen(settings), c->spec);
}
