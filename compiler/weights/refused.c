/* Files and folders that latentc does not take as weights: see refused.h. */
#include "refused.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "container.h"
#include "err.h"

const char *const pickle_advice =
    "a PyTorch pickle, which can run any program while it is read; convert it once where you trust it: "
    "python -c \"import torch,safetensors.torch as s; d=torch.load('IN.ckpt',map_location='cpu'); d=d.get('state_dict',d); "
    "s.save_file({k:v.contiguous() for k,v in d.items() if isinstance(v,torch.Tensor)},'OUT.safetensors')\"";

#define EXPECTED "expected safetensors, a diffusers folder or a Keras .h5"
#define ARCHIVE "a compressed archive; unpack it and give the file or folder inside"

/* What files are by their first bytes, from `offset` on, and by a text among the first 4096 bytes
 * or an ending of the name (NULL: any). The first row that fits decides. what NULL: pickle_advice.
 */
typedef struct {
    size_t offset;
    const char *magic, *has, *ending, *what;
} Beginning;
/* clang-format off */
static const Beginning beginnings[] = {
    {0, "PK\3\4", "string_to_param", NULL, "a textual inversion (a PyTorch pickle), vectors for words of the prompt: latentc draws without it; give the model alone"},
    {0, "PK\3\4", "lora_unet_", NULL, "a LoRA (a PyTorch pickle), which changes a model: merge it into its model with the program that made it, and give that as safetensors"},
    {0, "PK\3\4", "data.pkl", NULL, NULL},
    {0, "PK\3\4", NULL, ".ckpt", NULL}, {0, "PK\3\4", NULL, ".pt", NULL}, {0, "PK\3\4", NULL, ".pth", NULL}, {0, "PK\3\4", NULL, ".bin", NULL},
    {0, "PK\3\4", ".npy", NULL, "an archive of NumPy, " EXPECTED},
    {0, "PK", NULL, NULL, ARCHIVE},
    {0, "\x80\2", "string_to_param", NULL, "a textual inversion (a PyTorch pickle), vectors for words of the prompt: latentc draws without it; give the model alone"},
    {0, "\x80\2", NULL, NULL, NULL}, {0, "\x80\3", NULL, NULL, NULL}, {0, "\x80\4", NULL, NULL, NULL}, {0, "\x80\5", NULL, NULL, NULL},
    {257, "ustar", NULL, NULL, "a tar archive; unpack it and give the file or folder inside"},
    {0, "\x1f\x8b", NULL, NULL, ARCHIVE}, {0, "7z\xbc\xaf\x27\x1c", NULL, NULL, ARCHIVE}, {0, "Rar!", NULL, NULL, ARCHIVE},
    {0, "\xfd" "7zXZ", NULL, NULL, ARCHIVE}, {0, "\x28\xb5\x2f\xfd", NULL, NULL, ARCHIVE}, {0, "BZh", NULL, NULL, ARCHIVE},
    {0, "lmgg", NULL, NULL, "a GGML file, whose numbers are quantised; " EXPECTED}, {0, "tjgg", NULL, NULL, "a GGML file, whose numbers are quantised; " EXPECTED},
    {0, "\x93NUMPY", NULL, NULL, "an array of NumPy, " EXPECTED},
    {4, "TFL3", NULL, NULL, "a model of TensorFlow Lite, " EXPECTED},
    {0, "", NULL, ".onnx", "a model of ONNX, " EXPECTED},
    {0, "<?xml", NULL, ".xml", "a model of OpenVINO, " EXPECTED},
    {0, "version https://git-lfs", NULL, NULL, "a pointer of Git LFS, not the file itself: run 'git lfs pull' in its folder, or download the file"},
    {0, "<!DOCTYPE", NULL, NULL, "a page of HTML, not a file of weights: download it again (a login or an error page came instead)"},
    {0, "<!doctype", NULL, NULL, "a page of HTML, not a file of weights: download it again (a login or an error page came instead)"},
    {0, "<html", NULL, NULL, "a page of HTML, not a file of weights: download it again (a login or an error page came instead)"},
    {0, "{", "\"class_name\"", ".json", "a graph file (a model of Keras), which has no weights; " EXPECTED},
    {0, "{", "\"weight_map\"", ".weights.json", "the index of weights that Keras saved in parts (max_shard_size); save them in one file: model.save_weights('model.weights.h5')"},
    {0, "{", "\"models\"", ".json", "a pipeline file, which has no weights; " EXPECTED},
    {0, "{", "\"graph\"", ".json", "a graph file, which has no weights; " EXPECTED},
    {0, LRT_PACKED, NULL, NULL, "packed weights, which only a generator reads; expected the checkpoint that they were made from: 'latentc weights list' names it"},
};
/* clang-format on */
enum { N_BEGINNINGS = sizeof beginnings / sizeof beginnings[0] };

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

static const Beginning *beginning_of(const Peek *p)
{
    for (int i = 0; i < N_BEGINNINGS && !p->folder; i++) {
        const Beginning *b = &beginnings[i];
        size_t n = strlen(b->magic);
        if (p->n >= b->offset + n && !memcmp(p->head + b->offset, b->magic, n) &&
            (!b->has || peek_has(p, b->has)) && (!b->ending || ends_with(p->spec, b->ending)))
            return b;
    }
    return NULL;
}

bool is_of_another_kind(const Peek *p) { return beginning_of(p) != NULL; }

void refuse_kind(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    Peek p = peek_at(c->arena, c->path);
    const Beginning *b = beginning_of(&p);
    err("%s: %s", c->spec, b && b->what ? b->what : pickle_advice);
}

/* ---- folders ---- */

bool is_folder(const Peek *p) { return p->folder; }

/* The only file of the folder with this ending; NULL: none, or several. */
static const char *only_file(Arena *a, const char *folder, const char *ending)
{
    DIR *dir = opendir(folder);
    const char *found = NULL;
    int n = 0;
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (*e->d_name != '.' && ends_with(e->d_name, ending) && n++ == 0)
            found = arena_strdup(a, e->d_name);
    if (dir)
        closedir(dir);
    return n == 1 ? found : NULL;
}

void refuse_folder(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    const char *file = only_file(c->arena, c->path, ".safetensors");
    size_t n = strlen(c->spec);
    err("%s: a folder without model_index.json or config.json, expected a diffusers folder or a file of weights%s%s%s%s",
        c->spec, file ? ", such as " : "", file ? c->spec : "",
        file && n && c->spec[n - 1] != '/' ? "/" : "", file ? file : "");
}

/* ---- GGUF ---- */

bool is_gguf(const Peek *p) { return peek_begins(p, "GGUF", 4); }

/* The architecture that the first member of the metadata names ("sd1", "flux"); "": none. A text of
 * GGUF is a length of 8 bytes and its bytes, a value's type 4 bytes in front of it. */
static const char *gguf_architecture(Arena *a, const Peek *p)
{
    static const char key[] = "general.architecture";
    enum { LENGTH = 8, KIND = 4, MOST = 40 };
    size_t at = 24 + LENGTH, end = at + strlen(key);
    if (p->n < end + KIND + LENGTH || memcmp(p->head + at, key, strlen(key)))
        return "";
    size_t length = (unsigned char)p->head[end + KIND], from = end + KIND + LENGTH;
    if (length > MOST || from + length > p->n)
        return "";
    return arena_printf(a, " of \"%.*s\"", (int)length, p->head + from);
}

void refuse_gguf(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    Peek p = peek_at(c->arena, c->path);
    err("%s: a GGUF file%s, whose numbers are quantised; expected safetensors, a diffusers folder or a Keras .h5, such as it was made from",
        c->spec, gguf_architecture(c->arena, &p));
}
