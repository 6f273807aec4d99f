/* Weights as Keras writes them: one HDF5 file for each model, alone or in a .keras archive, in one
 * of two layouts. keras_bind.c finds a graph's weights in them.
 *
 * Before Keras 3 (and by its legacy writer) order matters and names do not. The root's attribute
 * layer_names lists groups; each group's weight_names lists its datasets; the order of layers is
 * their distance from the output. In Keras 3 (.weights.h5) names matter: layers/CLASS_N/.../vars/K
 * (names.def). */
#include "keras_state.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "graph_json.h"
#include "library_guard.h"
#include "models.h"

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

/* The version of a text encoder by its first table, of a U-Net by the keys and values of its
 * context. */
static Version version_of(ModelId model, const Stored *t, size_t n)
{
    if (model == MODEL_TEXT_ENCODER)
        return version_of_width(t[0].dim[1]);
    bool first = false, second = false;
    for (size_t i = 0; i < n && model == MODEL_DIFFUSION_MODEL; i++) {
        first |= t[i].rank == 2 && version_of_width(t[i].dim[0]) == VERSION_1;
        second |= t[i].rank == 2 && version_of_width(t[i].dim[0]) == VERSION_2;
    }
    return second ? VERSION_2 : first ? VERSION_1 : VERSION_OTHER;
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

static const char *about_model(const KerasFile *m)
{
    bool text = !strcmp(m->prefix, "text_encoder");
    if (m->version == VERSION_1)
        return text ? "keras-cv's TextEncoder" : "keras-cv's DiffusionModel";
    static const char *const about[] = {[MODEL_TEXT_ENCODER] = "keras-cv's TextEncoderV2",
                                        [MODEL_DIFFUSION_MODEL] = "keras-cv's DiffusionModelV2",
                                        [MODEL_DECODER] = "keras-cv's Decoder",
                                        [MODEL_IMAGE_ENCODER] = "keras-cv's ImageEncoder",
                                        [MODEL_TINY_DECODER] = "TAESD's decoder",
                                        [MODEL_TINY_IMAGE_ENCODER] = "TAESD's encoder"};
    _Static_assert(sizeof about / sizeof about[0] == MODEL_COUNT, "a model is missing");
    return about[model_index(m->prefix)];
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n > k && !strcmp(text + n - k, end);
}

/* "unet" of "models/unet.weights.h5". */
static const char *stem_of(Arena *a, const char *path)
{
    static const char *const endings[] = {".weights.h5", ".h5", ".hdf5", ".keras"};
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (ends_with(base, endings[i]))
            return arena_printf(a, "%.*s", (int)(strlen(base) - strlen(endings[i])), base);
    return arena_strdup(a, base);
}

/* The file's tensors, in its order; sets *m's root and layout. */
static Found find_all(Checkpoint *c, KerasFile *m, const char *path)
{
    Found f = {.c = c, .file = m->file};
    size_t n_layers;
    const char **layers = h5_texts(m->file, "", "layer_names", &n_layers);
    m->root = "";
    if (!layers && h5_has_group(m->file, "model_weights"))
        layers = h5_texts(m->file, m->root = "model_weights", "layer_names", &n_layers);
    m->ordered = layers;
    if (layers)
        find_ordered(&f, m->root, layers, n_layers);
    else if (h5_has_group(m->file, "layers"))
        h5_walk(m->file, "layers", found, &f);
    else
        err("%s: an HDF5 file, but not Keras' weights: it has neither the attribute layer_names nor the group layers",
            path);
    if (!f.n && !m->archive) /* an archive has its model too, which may need none */
        err("%s: Keras' weights, but there are none in it", path);
    return f;
}

/* One of the models of graphs/sd2 may be there once. */
static void check_once(const Checkpoint *c, const Keras *k, const KerasFile *m, const char *path)
{
    for (int i = 0; i < k->n_files; i++)
        if (m->known && k->file[i].known && !strcmp(k->file[i].prefix, m->prefix))
            err("%s: %s is there twice, the second time in %s", c->spec, about_model(m), path);
}

/* Adds the file's tensors to the checkpoint as PREFIX/PATH; k owns it and its archive. */
static const KerasFile *add_file(Checkpoint *c, Keras *k, H5 *file, Archive *archive,
                                 const char *path)
{
    if (k->n_files == MOST_KERAS_FILES)
        err("%s: more than %d .h5 files", c->spec, MOST_KERAS_FILES);
    KerasFile m = {.file = file, .archive = archive};
    Found f = find_all(c, &m, path);
    const char *model = f.n < 2     ? NULL
                        : m.ordered ? model_of(&f.list[0], &f.list[1])
                                    : model_of_names(&f);
    m.known = model;
    m.prefix = model ? model : stem_of(c->arena, path);
    m.list = f.list;
    m.n = f.n;
    check_once(c, k, &m, path);
    if (model)
        m.version = version_of((ModelId)model_index(model), f.list, f.n);
    else
        m.foreign =
            "Keras' weights of a model that is none of Stable Diffusion 2's: give its .keras archive or its JSON as the graph";
    for (size_t i = 0; i < f.n; i++) {
        f.list[i].place = (uint64_t)k->n_files;
        f.list[i].name = arena_printf(c->arena, "%s/%s", m.prefix, f.list[i].name);
        checkpoint_add(c, f.list[i]);
    }
    k->file[k->n_files] = m;
    return &k->file[k->n_files++];
}

/* libhdf5 trusts files: on a damaged one it may crash, or never end. */
static const KerasFile *open_file(Checkpoint *c, Keras *k, const char *path)
{
    enum { SECONDS = 10 }; /* of computing; it takes milliseconds */
    library_guard(path, "HDF5's library", SECONDS);
    const KerasFile *m = add_file(c, k, h5_open(path), NULL, path);
    library_guard_end();
    return m;
}

static void read_tensor(const Checkpoint *c, const Stored *t, void *dst)
{
    const Keras *k = c->state;
    const KerasFile *m = &k->file[t->place];
    h5_read(m->file, t->name + strlen(m->prefix) + 1, dst, t->bytes);
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
    for (int i = 0; i < k->n_files; i++) {
        h5_close(k->file[i].file);
        archive_close(k->file[i].archive);
    }
}

static Keras *keras_begin(Checkpoint *c)
{
    Keras *k = c->state = arena_alloc(c->arena, sizeof *k);
    c->read = read_tensor;
    c->close = close_files;
    c->scheme = &keras_scheme;
    return k;
}

/* keras-cv's facts are those of its own models; widths where they are a published version's. */
static void settle(Checkpoint *c, const Keras *k)
{
    bool known = false;
    for (int i = 0; i < k->n_files; i++)
        known |= k->file[i].known;
    if (!known)
        return;
    c->settings = json_parse(settings, strlen(settings), c->spec);
    const Settings s = {.arena = c->arena, .json = c->settings};
    for (int i = 0; i < k->n_files; i++) {
        const KerasFile *m = &k->file[i];
        if (m->known && m->version != VERSION_OTHER)
            version_settings(&s, m->version, m->prefix);
        else if (m->known && !strcmp(m->prefix, "text_encoder"))
            json_remove(settings_model(&s, m->prefix), "gelu"); /* it may be either's */
    }
}

bool is_keras_file(const Peek *p) { return !p->folder && h5_signature(p->head, p->n); }

static void finish_file(Checkpoint *c, const KerasFile *m)
{
    c->taken_for = m->known ? about_model(m) : "a model of Keras";
    c->why = !m->known
                 ? "Keras' layout; its first tensors are of none of Stable Diffusion 2's models"
             : m->ordered ? "Keras' layout with layer_names; its first tensors are such a model's"
                          : "Keras 3's layout; its first layer is such a model's";
    c->foreign = m->foreign;
    settle(c, c->state);
}

void open_keras_file(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    finish_file(c, open_file(c, keras_begin(c), c->spec));
}

void open_keras_image(Checkpoint *c, const void *data, size_t bytes)
{
    Keras *k = keras_begin(c);
    finish_file(c, add_file(c, k, h5_from_memory(c->spec, data, bytes), NULL, c->spec));
}

/* ---- archives ---- */

bool is_keras_archive(const Peek *p)
{
    return !p->folder && begins_model_archive(p->spec, p->head, p->n);
}

static const char *text_member(Json object, const char *key)
{
    Json j = json_kind(object) == JSON_OBJECT ? json_get(object, key) : (Json){0};
    return json_ok(j) && json_kind(j) == JSON_STRING ? json_string(j) : "";
}

/* A model that is no class of keras-cv: its first tensors may look like one of those, but what
 * holds for them is not said of it. */
static void name_class(Checkpoint *c, Archive *z)
{
    enum { MOST_BYTES = 64 << 20 };
    size_t n;
    const char *text = archive_text(z, "config.json", MOST_BYTES, &n);
    Json config = json_parse_python(text, n, c->spec);
    if (strncmp(text_member(config, "module"), "keras_cv.", strlen("keras_cv."))) {
        c->taken_for = arena_printf(c->arena, "a model of Keras, class %s",
                                    text_member(config, "class_name"));
        c->why = "its config.json says so";
        c->foreign = NULL; /* it has its graph; a pipeline may take it */
        json_free(c->settings);
        c->settings = (Json){0};
    }
    json_free(config);
}

static void open_archive(Checkpoint *c, Archive *z)
{
    enum { SECONDS = 10 };
    size_t bytes;
    Keras *k = keras_begin(c);
    const void *data = archive_mapped(z, "model.weights.h5", &bytes);
    library_guard(c->spec, "HDF5's library", SECONDS);
    finish_file(c, add_file(c, k, h5_from_memory(c->spec, data, bytes), z, c->spec));
    library_guard_end();
    name_class(c, z);
}

void open_keras_archive(Checkpoint *c, const CheckpointOptions *o)
{
    (void)o;
    open_archive(c, archive_open(c->spec));
}

void open_keras_archive_image(Checkpoint *c, const void *data, size_t bytes)
{
    open_archive(c, archive_from_memory(c->spec, data, bytes));
}

/* ---- a folder of .h5 files ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of .h5 files in the folder, sorted. */
static size_t h5_files(Arena *a, const char *folder, const char **names)
{
    size_t n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir)) && n < MOST_KERAS_FILES;)
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
    const char *names[MOST_KERAS_FILES];
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
    const char *names[MOST_KERAS_FILES], *parts = "";
    Keras *k = keras_begin(c);
    size_t n = h5_files(c->arena, c->path, names);
    for (size_t i = 0; i < n; i++) {
        const char *path = arena_printf(c->arena, "%s/%s", c->path, names[i]);
        parts = arena_printf(c->arena, "%s%s%s", parts, i ? ", " : "",
                             open_file(c, k, path)->prefix);
    }
    c->foreign = n ? k->file[0].foreign : NULL;
    for (size_t i = 0; i < n && c->foreign; i++)
        c->foreign = k->file[i].foreign;
    settle(c, k);
    c->taken_for = "Stable Diffusion 2 as keras-cv has it";
    c->why = arena_printf(c->arena, "a folder of Keras' files: %s", parts);
    c->vocab = vocabulary(c->arena, c->path);
}
