/* The file formats of checkpoints, one row each; the first that recognises a SPEC opens it. */
#include <string.h>

#include "checkpoint.h"
#include "formats.h"

/* ---- latentc's own: safetensors, MODEL/PATH ------------------------------------------------------------------------------------------ */

static bool is_file(const Peek *p)
{
    return !p->folder;
}

static void open_own(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    bool prefixed = false;
    const StFile *f = checkpoint_add_safetensors(c, c->spec, "");
    for (size_t i = 0; i < f->n && !prefixed; i++)
        prefixed = strchr(f->tensors[i].name, '/') != NULL;
    c->scheme = scheme_find(prefixed ? "latentc" : "latentc-model");
    c->taken_for = prefixed ? "models of latentc" : "one model of latentc";
    c->why = prefixed ? "names are MODEL/PATH" : "names are of no other scheme";
    for (size_t i = 0; i < f->n_meta; i++)
        if (!strcmp(f->meta_keys[i], "latentc.settings"))
            c->settings = f->meta_values[i];
}

/* ---- what is no checkpoint ---------------------------------------------------------------------------------------------------------- */

static bool is_folder(const Peek *p)
{
    return p->folder;
}

static void refuse_folder(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    err("%s: a folder without model_index.json or config.json, expected a diffusers folder or a file of weights", c->spec);
}

const CheckpointFormat checkpoint_formats[] = {
    {"folder", is_folder, refuse_folder},
    {"safetensors of latentc", is_file, open_own},
};
const int n_checkpoint_formats = sizeof checkpoint_formats / sizeof checkpoint_formats[0];
