/* The table of file formats, and opening: see formats.h. */
#include "formats.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "diffusers.h"
#include "err.h"
#include "fetch.h"
#include "keras.h"
#include "ldm.h"
#include "own.h"
#include "refused.h"
#include "taesd.h"

static bool is_file(const Peek *p) { return !p->folder; }

/* The first row that recognises a SPEC opens it; the last one takes every file. */
/* clang-format off */
static const CheckpointFormat formats[] = {
    {"diffusers folder", is_diffusers_folder, open_diffusers_folder},
    {"component of a diffusers folder", is_component_folder, open_component_folder},
    {"folder of Keras .h5", is_keras_folder, open_keras_folder},
    {"folder of TAESD", is_taesd_folder, open_taesd_folder},
    {"folder", is_folder, refuse_folder},
    {"Keras .h5", is_keras_file, open_keras_file},
    {"Keras archive", is_keras_archive, open_keras_archive},
    {"GGUF", is_gguf, refuse_gguf},
    {"file of another kind", is_of_another_kind, refuse_kind},
    {"sharded safetensors of diffusers", is_component_index, open_component_file},
    {"safetensors of LDM", is_ldm_file, open_ldm_file},
    {"safetensors of LDM's autoencoder", is_ldm_vae, open_ldm_vae},
    {"safetensors of a diffusers component", is_component_file, open_component_file},
    {"safetensors of TAESD", is_taesd_file, open_taesd_file},
    {"safetensors", is_file, open_own}, /* st_open reports files that are no safetensors */
};
/* clang-format on */
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

/* A word that is no file may be meant as a name of published weights. */
static void check_name(Arena *a, const char *spec, const char *path)
{
    if (strpbrk(path, "/.") || !access(path, F_OK) || errno != ENOENT)
        return;
    const char *names = fetch_names(a, NULL);
    if (*names)
        err("%s: cannot be read: %s; names of published weights: %s", spec, strerror(ENOENT),
            names);
}

Checkpoint *checkpoint_open(const char *spec, const CheckpointOptions *o)
{
    static const CheckpointOptions none;
    Arena *a = arena_new(), *scratch = arena_new();
    Checkpoint *c = arena_alloc(a, sizeof *c);
    *c = (Checkpoint){.arena = a, .spec = arena_strdup(a, spec)};
    c->path = fetch_knows(spec, NULL)
                  ? fetch_published(a, spec, &(FetchOptions){.offline = o && o->offline})
                  : c->spec;
    check_name(scratch, spec, c->path);
    Peek p = peek_at(scratch, c->path);
    for (int i = 0; i < N_FORMATS && !c->format; i++)
        if (formats[i].recognises(&p))
            c->format = &formats[i];
    arena_free(scratch);
    if (!c->format)
        err("%s: no format of weights that is known here", spec);
    c->format->open(c, o ? o : &none);
    checkpoint_sort(c);
    return c;
}
