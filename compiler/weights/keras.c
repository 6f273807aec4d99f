/* Weights as Keras writes them: one HDF5 file for each model of keras-cv, in one of two layouts.
 *
 * Before Keras 3 (and by its legacy writer) order matters and names do not. The root's attribute
 * layer_names lists groups; each group's weight_names lists its datasets; the order of layers is
 * their distance from the output. In Keras 3 (.weights.h5) names matter: layers/CLASS_N/.../vars/K
 * (names.def). */
#include "keras.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "err.h"
#include "h5.h"
#include "keras_order.h"
#include "library_guard.h"
#include "models.h"
#include "own.h"

enum { MOST_FILES = 64 };

/* One weight of a bound graph and the stored tensor that has its position. */
typedef struct {
    const char *path, *name;
} Bound;
typedef struct {
    H5 *file;
    /* The group that has the layers' groups: "", or "model_weights" in a file of a whole model. */
    const char *root;
    /* The layout in which order matters; its n stored names in their order. */
    bool ordered;
    const char **order;
    size_t n;
    /* Sorted by path, once a graph is bound. */
    Bound *bound;
    size_t n_bound;
} Model;
typedef struct {
    Model model[MODEL_COUNT];
    H5 *file[MOST_FILES];
    int n_files;
} Keras;

/* The row of models.def with this name; -1: none. */
static int model_index(const char *name)
{
    for (int i = 0; i < MODEL_COUNT; i++)
        if (!strcmp(model_rows[i].name, name))
            return i;
    return -1;
}

/* ---- which model a file has ---- */

/* The first tensors show it: two tables; a dense layer for the time; the 1x1 convolution before a
 * decoder; a 3x3 convolution. */
static const char *model_of(const Stored *first, const Stored *second)
{
    ModelId id;
    if (first->rank == 2)
        id = second->rank == 2 ? MODEL_TEXT_ENCODER : MODEL_DIFFUSION_MODEL;
    else if (first->rank == 4)
        id = first->dim[0] == 1 && first->dim[1] == 1 ? MODEL_DECODER : MODEL_IMAGE_ENCODER;
    else
        return NULL;
    return model_rows[id].name;
}

static void refuse_relatives(const char *path, ModelId model, const Stored *t, size_t n)
{
    bool old = false, ours = false;
    for (size_t i = 0; i < n && t[i].rank <= 2; i++) /* a text encoder's tables */
        old |= i < 2 && model == MODEL_TEXT_ENCODER && t[i].rank == 2 && t[i].dim[1] == 768;
    for (size_t i = 0; i < n && model == MODEL_DIFFUSION_MODEL; i++) {
        old |= t[i].rank == 2 && t[i].dim[0] == 768;
        ours |= t[i].rank == 2 && t[i].dim[0] == 1024;
    }
    if (old && !ours)
        err("%s: this is Stable Diffusion 1.x (a context of 768 channels): latentc's graphs are Stable Diffusion 2's",
            path);
}

/* ---- opening ---- */

typedef struct {
    Checkpoint *c;
    H5 *file;
    Stored *list;
    size_t n, cap;
} Found;

static void found(void *context, const char *path)
{
    Found *f = context;
    ARENA_GROW(f->c->arena, f->list, f->n, f->cap);
    f->list[f->n++] = h5_dataset(f->file, path);
}

/* Adds the datasets in the order of the lists. */
static void find_ordered(Found *f, const char *root, const char **layers, size_t n_layers)
{
    Arena *a = f->c->arena;
    for (size_t i = 0; i < n_layers; i++) {
        size_t n;
        const char *group = arena_printf(a, "%s%s%s", root, *root ? "/" : "", layers[i]);
        const char **weights = h5_has_group(f->file, group)
                                   ? h5_texts(f->file, group, "weight_names", &n)
                                   : NULL;
        if (!weights)
            err("%s: layer \"%s\" is listed, but there is no group of this name with weight_names",
                f->c->spec, layers[i]);
        for (size_t k = 0; k < n; k++)
            found(f, arena_printf(a, "%s/%s", group, weights[k]));
    }
}

static const Stored *found_at(const Found *f, const char *path)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->list[i].name, path))
            return &f->list[i];
    return NULL;
}

/* The model by the first layer's tensors, whose names in Keras 3 these are. */
static const char *model_of_names(const Found *f)
{
    /* clang-format off */
    static const char *const first[][2] = {
        {"layers/clip_embedding/token_embedding/vars/0", "layers/clip_embedding/position_embedding/vars/0"},
        {"layers/dense/vars/0", "layers/dense/vars/1"},
        {"layers/padded_conv2d/conv2d/vars/0", "layers/padded_conv2d/conv2d/vars/1"},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        const Stored *a = found_at(f, first[i][0]), *b = found_at(f, first[i][1]);
        if (a && b)
            return model_of(a, b);
    }
    return NULL;
}

static const char *about_model(const char *model)
{
    static const char *const about[] = {[MODEL_TEXT_ENCODER] = "keras-cv's TextEncoderV2",
                                        [MODEL_DIFFUSION_MODEL] = "keras-cv's DiffusionModelV2",
                                        [MODEL_DECODER] = "keras-cv's Decoder",
                                        [MODEL_IMAGE_ENCODER] = "keras-cv's ImageEncoder",
                                        [MODEL_TINY_DECODER] = "TAESD's decoder",
                                        [MODEL_TINY_IMAGE_ENCODER] = "TAESD's encoder"};
    _Static_assert(sizeof about / sizeof about[0] == MODEL_COUNT, "a model is missing");
    return about[model_index(model)];
}

/* Adds the file's tensors to the checkpoint as MODEL/PATH; k owns the file. Returns the model's
 * name. */
static const char *add_file(Checkpoint *c, Keras *k, H5 *file, const char *path)
{
    if (k->n_files == MOST_FILES)
        err("%s: more than %d .h5 files", c->spec, MOST_FILES);
    int index = k->n_files++;
    k->file[index] = file;
    Found f = {.c = c, .file = file};
    size_t n_layers;
    const char *root = "", **layers = h5_texts(file, "", "layer_names", &n_layers), *model = NULL;
    if (!layers && h5_has_group(file, "model_weights"))
        layers = h5_texts(file, root = "model_weights", "layer_names", &n_layers);
    if (layers)
        find_ordered(&f, root, layers, n_layers);
    else if (h5_has_group(file, "layers"))
        h5_walk(file, "layers", found, &f);
    else
        err("%s: an HDF5 file, but not Keras' weights: it has neither the attribute layer_names nor the group layers",
            path);
    if (f.n > 1)
        model = layers ? model_of(&f.list[0], &f.list[1]) : model_of_names(&f);
    if (!model)
        err("%s: Keras' weights (%zu tensors), but of none of Stable Diffusion 2's models", path,
            f.n);
    ModelId id = (ModelId)model_index(model);
    refuse_relatives(path, id, f.list, f.n);
    Model *m = &k->model[id];
    if (m->file)
        err("%s: %s is there twice, the second time in %s", c->spec, about_model(model), path);
    *m = (Model){.file = file,
                 .root = root,
                 .ordered = layers,
                 .n = f.n,
                 .order = arena_alloc(c->arena, (f.n + 1) * sizeof *m->order)};
    for (size_t i = 0; i < f.n; i++) {
        Stored t = f.list[i];
        t.place = (uint64_t)index;
        t.name = m->order[i] = arena_printf(c->arena, "%s/%s", model, t.name);
        checkpoint_add(c, t);
    }
    return model;
}

/* libhdf5 trusts files: on a damaged one it may crash, or never end. */
static const char *open_file(Checkpoint *c, Keras *k, const char *path)
{
    enum { SECONDS = 10 }; /* of computing; it takes milliseconds */
    library_guard(path, "HDF5's library", SECONDS);
    const char *model = add_file(c, k, h5_open(path), path);
    library_guard_end();
    return model;
}

static void read_tensor(const Checkpoint *c, const Stored *t, void *dst)
{
    const Keras *k = c->state;
    h5_read(k->file[t->place], strchr(t->name, '/') + 1, dst, t->bytes);
}

/* Facts in keras-cv's code; they replace the pipeline file's. */
static const char settings[] =
    "{\"models\":{\"text_encoder\":{\"parameters\":{\"gelu\":\"tanh\",\"eps_layer\":1e-05}},"
    "\"diffusion_model\":{\"parameters\":{\"gelu\":\"tanh\",\"eps_res\":1e-05,\"eps_transformer\":1e-05,\"eps_layer\":1e-05}},"
    "\"decoder\":{\"parameters\":{\"eps\":1e-05}},\"image_encoder\":{\"parameters\":{\"eps\":1e-05}}},"
    "\"pad_token\":\"end_of_text\",\"rounding\":\"down\",\"encoding\":\"mean\",\"schedule\":{\"spacing\":\"linspace\",\"steps_offset\":0,\"final_alpha\":1}}";

static void close_files(Checkpoint *c)
{
    Keras *k = c->state;
    for (int i = 0; i < k->n_files; i++)
        h5_close(k->file[i]);
}

static Keras *keras_begin(Checkpoint *c)
{
    Keras *k = c->state = arena_alloc(c->arena, sizeof *k);
    c->read = read_tensor;
    c->close = close_files;
    c->scheme = &keras_scheme;
    c->settings = json_parse(settings, strlen(settings), c->spec);
    return k;
}

bool is_keras_file(const Peek *p) { return !p->folder && h5_signature(p->head, p->n); }

static void finish_file(Checkpoint *c, Keras *k, const char *model)
{
    c->taken_for = about_model(model);
    c->why = k->model[model_index(model)].ordered
                 ? "Keras' layout with layer_names; its first tensors are such a model's"
                 : "Keras 3's layout; its first layer is such a model's";
}

void open_keras_file(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    Keras *k = keras_begin(c);
    finish_file(c, k, open_file(c, k, c->spec));
}

void open_keras_image(Checkpoint *c, const void *data, size_t bytes)
{
    Keras *k = keras_begin(c);
    finish_file(c, k, add_file(c, k, h5_from_memory(c->spec, data, bytes), c->spec));
}

/* ---- a folder of .h5 files ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n > k && !strcmp(text + n - k, end);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of .h5 files in the folder, sorted. */
static size_t h5_files(Arena *a, const char *folder, const char **names)
{
    size_t n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir)) && n < MOST_FILES;)
        if (ends_with(e->d_name, ".h5"))
            names[n++] = arena_strdup(a, e->d_name);
    if (dir)
        closedir(dir);
    qsort(names, n, sizeof *names, by_text);
    return n;
}

bool is_keras_folder(const Peek *p)
{
    Arena *a = arena_new();
    const char *names[MOST_FILES];
    bool any = p->folder && h5_files(a, p->spec, names) > 0;
    arena_free(a);
    return any;
}

static const char *vocabulary(Arena *a, const char *folder)
{
    static const char *const names[] = {"bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt",
                                        "tokenizer", "tokenizer.json", "merges.txt"};
    struct stat st;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *path = arena_printf(a, "%s/%s", folder, names[i]);
        if (!stat(path, &st))
            return path;
    }
    return NULL;
}

void open_keras_folder(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    const char *names[MOST_FILES], *parts = "";
    Keras *k = keras_begin(c);
    size_t n = h5_files(c->arena, c->path, names);
    for (size_t i = 0; i < n; i++) {
        const char *path = arena_printf(c->arena, "%s/%s", c->path, names[i]);
        parts = arena_printf(c->arena, "%s%s%s", parts, i ? ", " : "", open_file(c, k, path));
    }
    c->taken_for = "Stable Diffusion 2 as keras-cv has it";
    c->why = arena_printf(c->arena, "a folder of Keras' files: %s", parts);
    c->vocab = vocabulary(c->arena, c->path);
}

/* ---- order ---- */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const Bound *)a)->path, ((const Bound *)b)->path);
}

static void keras_bind(Checkpoint *c, const Graph *g)
{
    int index = model_index(g->name);
    Model *m = index < 0 ? NULL : &((Keras *)c->state)->model[index];
    if (!m || !m->ordered || m->bound)
        return;
    const char **paths = xcalloc(g->n_tensors + 1, sizeof *paths);
    size_t n = keras_order(g, paths);
    m->n_bound = n < m->n ? n : m->n;
    m->bound = arena_alloc(c->arena, (m->n_bound + 1) * sizeof *m->bound);
    for (size_t i = 0; i < m->n_bound; i++)
        m->bound[i] = (Bound){arena_strdup(c->arena, paths[i]), m->order[i]};
    qsort(m->bound, m->n_bound, sizeof *m->bound, by_path);
    free(paths);
}

static bool keras_spell(const Scheme *s, const Checkpoint *c, const WeightName *w, int choice,
                        Place *out)
{
    int index = model_index(w->model);
    const Model *m = c && index >= 0 ? &((const Keras *)c->state)->model[index] : NULL;
    if (!m || !m->ordered)
        return spell_by_rules(s, c, w, choice, out);
    const Bound *b = m->n_bound ? bsearch(&(Bound){.path = w->path}, m->bound, m->n_bound,
                                          sizeof *m->bound, by_path)
                                : NULL;
    *out = (Place){.parts = 1};
    return b && snprintf(out->name, sizeof out->name, "%s", b->name) < (int)sizeof out->name &&
           !choice;
}

static const char *const none[] = {NULL};
const Scheme keras_scheme = {
    .name = "keras",
    .about = "MODEL/layers/CLASS_N/... as Keras 3 has it; in its older layout the order counts",
    .column = COLUMN_KERAS,
    .spell = keras_spell,
    .owns = owns_model_folder,
    .ignored = none,
    .bind = keras_bind};
