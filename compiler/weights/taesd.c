/* TAESD's own files: taesd_decoder.safetensors, taesd_encoder.safetensors, or a folder with them.
 * Names are the numbers of an nn.Sequential: "1.weight" and "3.conv.0.weight" of the decoder, whose
 * layer 0 is the clamp, "0.weight" and "1.conv.0.weight" of the encoder. The files of Stable
 * Diffusion XL's TAESD have the same names and shapes: nothing tells them apart. */
#include "taesd.h"

#include <string.h>
#include <unistd.h>

#include "signatures.h"

static const char *const none[] = {NULL};
const Scheme taesd_scheme = {.name = "taesd",
                             .about = "numbers of layers, as the authors of TAESD publish them",
                             .torch = true,
                             .column = COLUMN_LDM,
                             .spell = spell_by_rules,
                             .owns = owns_by_rules,
                             .ignored = none};

/* A tensor that only the encoder has. */
#define ENCODER_MARK "1.conv.0.weight"

bool is_taesd_file(const Peek *p)
{
    return p->safetensors && (peek_has(p, "\"" ENCODER_MARK "\"") ||
                              (peek_has(p, "\"1.weight\"") && peek_has(p, "\"3.conv.0.weight\"")));
}

static const char *const parts[] = {"taesd_decoder", "taesd_encoder"};
enum { PARTS = sizeof parts / sizeof parts[0] };

/* The path of a part in the folder; NULL: it is not there. */
static const char *part_in(Arena *a, const char *folder, int part)
{
    size_t n = strlen(folder);
    const char *path = arena_printf(a, "%s%s%s.safetensors", folder,
                                    n && folder[n - 1] == '/' ? "" : "/", parts[part]);
    return access(path, F_OK) ? NULL : path;
}

bool is_taesd_folder(const Peek *p)
{
    Arena *a = arena_new();
    bool any = false;
    for (int i = 0; i < PARTS && p->folder; i++)
        any |= part_in(a, p->spec, i) != NULL;
    arena_free(a);
    return any;
}

void open_taesd_folder(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    int n = 0;
    for (int i = 0; i < PARTS; i++) {
        const char *path = part_in(c->arena, c->path, i),
                   *prefix = arena_printf(c->arena, "%s/", parts[i]);
        if (!path)
            continue;
        checkpoint_add_safetensors(c, path, prefix);
        c->taken_for = i ? "TAESD's encoder" : "TAESD's decoder";
        n++;
    }
    checkpoint_sort(c);
    signature_refuse(c);
    c->scheme = &taesd_scheme;
    c->taken_for = n == PARTS ? "TAESD's decoder and encoder" : c->taken_for;
    c->why = "names of its files; those of Stable Diffusion XL look the same";
}

void open_taesd_file(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    checkpoint_add_safetensors(c, c->spec, "");
    checkpoint_sort(c);
    bool encoder = checkpoint_find(c, ENCODER_MARK);
    for (size_t i = 0; i < c->n; i++)
        c->tensors[i].name = arena_printf(c->arena, "taesd_%s/%s", encoder ? "encoder" : "decoder",
                                          c->tensors[i].name);
    signature_refuse(c);
    c->scheme = &taesd_scheme;
    c->taken_for = encoder ? "TAESD's encoder" : "TAESD's decoder";
    c->why = "names are the numbers of its layers; that of Stable Diffusion XL looks the same";
}
