/* Files that Keras reads: one for each model, in the layout before Keras 3 (where order counts) or
 * Keras 3's. See keras.c. */
#include <stdlib.h>
#include <string.h>

#include "keras_order.h"
#include "h5.h"
#include "conversion.h"
#include "err.h"
#include "outfile.h"

static void to_h5(void *into, const void *data, size_t bytes) { h5_writer_put(into, data, bytes); }

/* "decoder/layers/resnet_block_1/norm1/vars/0" of the path "mid.res.1.norm1.gamma": the layer
 * "resnet_block_1", and as such layouts name it, "resnet_block_1/norm1/gamma". */
static const char *layer_of(Arena *a, const char *name)
{
    const char *layer = strstr(name, "/layers/") + strlen("/layers/");
    return arena_printf(a, "%.*s", (int)strcspn(layer, "/"), layer);
}

static const char *weight_name(Arena *a, const Written *w)
{
    const char *layer = strstr(w->entry.name, "/layers/") + strlen("/layers/"),
               *vars = strstr(layer, "/vars/"), *dot = strrchr(w->path[0], '.');
    return arena_printf(a, "%.*s/%s", (int)(vars - layer), layer, dot ? dot + 1 : w->path[0]);
}

static Written *written_at(Conversion *v, const SubjectModel *m, const char *path)
{
    for (int i = 0; i < v->n; i++)
        if (v->list[i].model == m && !strcmp(v->list[i].path[0], path))
            return &v->list[i];
    die("keras_write: %s is not listed", path);
}

static void write_one(Conversion *v, H5Writer *h, const Written *w, const char *path)
{
    h5_writer_begin(h, path, w->entry.dtype, w->entry.rank, w->entry.dim);
    conversion_write(v, w);
}

/* Layers in the order in which Keras lists them, and their weights. */
static void write_ordered(Conversion *v, H5Writer *h, const SubjectModel *m)
{
    Arena *a = arena_new();
    const char **path = arena_alloc(a, (m->graph->n_tensors + 1) * sizeof *path);
    size_t n = keras_order(m->graph, path), n_layers = 0;
    const char **layers = arena_alloc(a, (n + 1) * sizeof *layers),
               **names = arena_alloc(a, (n + 1) * sizeof *names);
    for (size_t i = 0, k; i < n; i += k) {
        const char *layer = layers[n_layers++] = layer_of(a, written_at(v, m, path[i])->entry.name);
        for (k = 0; i + k < n; k++) {
            const Written *w = written_at(v, m, path[i + k]);
            if (strcmp(layer_of(a, w->entry.name), layer))
                break;
            names[k] = weight_name(a, w);
            write_one(v, h, w, arena_printf(a, "%s/%s", layer, names[k]));
        }
        h5_writer_texts(h, layer, "weight_names", names, k);
    }
    h5_writer_texts(h, "", "layer_names", layers, n_layers);
    h5_writer_text(h, "backend", "tensorflow");
    h5_writer_text(h, "keras_version",
                   "2.15.0"); /* without it Keras takes the file for one of Keras 1 */
    arena_free(a);
}

static void write_named(Conversion *v, H5Writer *h, const SubjectModel *m)
{
    for (int i = 0; i < v->n; i++)
        if (v->list[i].model == m)
            write_one(v, h, &v->list[i], strchr(v->list[i].entry.name, '/') + 1);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n > k && !strcmp(text + n - k, end);
}

/* One model into a file of that name, or each into OUT/MODEL and the ending. */
static void write_files(Conversion *v, const char *ending,
                        void (*write)(Conversion *v, H5Writer *h, const SubjectModel *m))
{
    Subject *s = v->subject;
    bool file = ends_with(v->out, ".h5");
    if (file && s->n_here > 1)
        usage_err(
            "weights convert: %d models, and Keras has a file for each: give -o a folder, or convert one model",
            s->n_here);
    if (file && ends_with(v->out, ".weights.h5") != !strcmp(ending, ".weights.h5"))
        usage_err(
            "weights convert -o %s: Keras takes *.weights.h5 for Keras 3's layout (--to keras3) and other *.h5 for the older one (--to keras)",
            v->out);
    const char *out = file ? v->out : outfolder_open(v->out);
    for (int i = 0; i < s->n; i++) {
        if (!s->model[i].here)
            continue;
        H5Writer *h = h5_writer_open(
            file ? out : arena_printf(s->arena, "%s/%s%s", out, s->model[i].graph->name, ending));
        v->put = to_h5;
        v->into = h;
        write(v, h, &s->model[i]);
        h5_writer_commit(h);
    }
    if (!file)
        outfolder_commit();
}

void keras_write(Conversion *v) { write_files(v, ".h5", write_ordered); }

void keras3_write(Conversion *v) { write_files(v, ".weights.h5", write_named); }
