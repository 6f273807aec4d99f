/* The file formats of checkpoints, one row each; the first that recognises a SPEC opens it. */
#include <string.h>

#include "checkpoint.h"
#include "formats.h"

/* ---- latentc's own: safetensors, MODEL/PATH
 * ------------------------------------------------------------------------------------------ */

static bool is_file(const Peek *p) { return !p->folder; }

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

/* ---- what is refused
 * --------------------------------------------------------------------------------------------------------------
 */

static bool is_folder(const Peek *p) { return p->folder; }

static void refuse_folder(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    err("%s: a folder without model_index.json or config.json, expected a diffusers folder or a file of weights",
        c->spec);
}

/* A zip archive (since PyTorch 1.6), a pickle, or a tar file. */
static bool is_pickle(const Peek *p)
{
    return peek_begins(p, "PK\3\4", 4) || peek_begins(p, "\x80\2", 2) ||
           peek_begins(p, "\x80\3", 2) || peek_begins(p, "\x80\4", 2);
}

static void refuse_pickle(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    err("%s: %s", c->spec, pickle_advice);
}

static bool is_gguf(const Peek *p) { return peek_begins(p, "GGUF", 4); }

static void refuse_gguf(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    err("%s: a GGUF file, whose numbers are quantised; expected safetensors, a diffusers folder or a Keras .h5",
        c->spec);
}

/* ---- the table
 * ----------------------------------------------------------------------------------------------------------------------
 */

/* clang-format off */
const CheckpointFormat checkpoint_formats[] = {
    {"diffusers folder", is_diffusers_folder, open_diffusers_folder},
    {"component of a diffusers folder", is_component_folder, open_component_folder},
    {"folder of Keras .h5", is_keras_folder, open_keras_folder},
    {"folder", is_folder, refuse_folder},
    {"Keras .h5", is_keras_file, open_keras_file},
    {"Keras archive", is_keras_archive, refuse_keras_archive},
    {"PyTorch pickle", is_pickle, refuse_pickle},
    {"GGUF", is_gguf, refuse_gguf},
    {"packed weights", is_packed, refuse_packed},
    {"sharded safetensors of diffusers", is_component_index, open_component_file},
    {"safetensors of LDM", is_ldm_file, open_ldm_file},
    {"safetensors of LDM's autoencoder", is_ldm_vae, open_ldm_vae},
    {"safetensors of a diffusers component", is_component_file, open_component_file},
    {"safetensors of latentc", is_file, open_own}, /* and what st_open says of files that are none */
};
/* clang-format on */
const int n_checkpoint_formats = sizeof checkpoint_formats / sizeof checkpoint_formats[0];
