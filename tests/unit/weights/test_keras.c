/* Keras' order and names of all 1306 weights of Stable Diffusion 2, against tables of what Keras
 * itself wrote (data/weight-names.tsv, data/keras3-names.tsv); and of a narrow variant, through
 * files and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include <unistd.h>

#include "caught.h"
#include "formats.h"
#include "h5.h"
#include "keras_order.h"
#include "schemes.h"
#include "graphfile.h"
#include "weights.h"
#include "alloc.h"
#include "files.h"

enum { WEIGHTS = 1306, MODELS = 4 };
static const char *const models[MODELS] = {"text_encoder", "diffusion_model", "decoder",
                                           "image_encoder"};

static Graph *load(const char *model)
{
    char path[512];
    snprintf(path, sizeof path, SOURCE_DIR "/graphs/sd2/%s.json", model);
    return graph_load(path, NULL, 0);
}

/* Calls each with the columns of a line; returns how many lines there are. */
static int each_row(const char *file, void (*each)(void *context, char **column), void *context)
{
    size_t length;
    int n = 0;
    char *text = read_file(file, &length), *rest = text, *column[16];
    for (char *line; (line = strtok_r(rest, "\n", &rest));) {
        if (*line == '#')
            continue;
        int k = 0;
        for (char *at = line; at && k < 16; at = strchr(at, '\t')) {
            if (k)
                *at++ = 0;
            column[k++] = at;
        }
        each(context, column);
        n++;
    }
    free(text);
    return n;
}

/* The place of each weight in a file: layer, weight in it. */
typedef struct {
    char path[128];
    int layer, weight;
} Listed;
typedef struct {
    const char *model;
    Listed list[WEIGHTS];
    int n;
} Order;

static void take_order(void *context, char **column)
{
    Order *o = context;
    if (strcmp(column[0], o->model))
        return;
    Listed *l = &o->list[o->n++];
    snprintf(l->path, sizeof l->path, "%s", column[1]);
    l->layer = atoi(column[8]);
    l->weight = atoi(column[9]);
}

static int by_place(const void *a, const void *b)
{
    const Listed *x = a, *y = b;
    return x->layer != y->layer ? x->layer - y->layer : x->weight - y->weight;
}

static void order(void **state)
{
    (void)state;
    static Order o;
    for (int i = 0; i < MODELS; i++) {
        Graph *g = load(models[i]);
        const char **path = xcalloc(g->n_tensors, sizeof *path);
        o = (Order){.model = models[i]};
        each_row(TEST_DATA_DIR "/weight-names.tsv", take_order, &o);
        qsort(o.list, (size_t)o.n, sizeof *o.list, by_place);
        assert_int_equal(keras_order(g, path), o.n);
        for (int k = 0; k < o.n; k++)
            assert_string_equal(path[k], o.list[k].path);
        free(path);
        graph_free(g);
    }
}

typedef struct {
    Counts counts[MODELS];
} Known;

static void check_name(void *context, char **column)
{
    const Known *k = context;
    const Scheme *s = scheme_find("keras");
    char want[256];
    Place p;
    for (int i = 0; i < MODELS; i++)
        if (!strcmp(models[i], column[0])) {
            assert_true(
                s->spell(s, NULL, &(WeightName){column[0], column[1], &k->counts[i]}, 0, &p));
            snprintf(want, sizeof want, "%s/%s", column[0], column[2]);
            assert_string_equal(p.name, want);
            assert_int_equal(p.parts, 1);
        }
}

static void names(void **state)
{
    (void)state;
    Known k;
    for (int i = 0; i < MODELS; i++) {
        Graph *g = load(models[i]);
        k.counts[i] = counts_of(g);
        graph_free(g);
    }
    assert_int_equal(each_row(TEST_DATA_DIR "/keras3-names.tsv", check_name, &k), WEIGHTS);
}

/* Other numbers of blocks and levels: every weight has a name of its own. */
static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void distinct(void **state)
{
    (void)state;
    const Scheme *s = scheme_find("keras");
    for (int blocks = 1; blocks <= 3; blocks++)
        for (int i = 1; i < MODELS; i++) {
            char path[512];
            ParamSet set = {.name = "blocks", .value = blocks};
            snprintf(path, sizeof path, SOURCE_DIR "/graphs/sd2/%s.json", models[i]);
            Graph *g = graph_load(path, &set, 1);
            Counts n = counts_of(g);
            char **list = xcalloc(g->n_tensors, sizeof *list);
            size_t count = 0;
            for (uint32_t t = 0; t < g->n_tensors; t++) {
                Place p;
                if (g->tensors[t].kind != T_WEIGHT)
                    continue;
                assert_true(s->spell(
                    s, NULL, &(WeightName){models[i], g->tensors[t].parts[0].path, &n}, 0, &p));
                assert_null(strchr(p.name, '-')); /* a negative number */
                list[count++] = strdup(p.name);
            }
            qsort(list, count, sizeof *list, by_text);
            for (size_t k = 1; k < count; k++)
                assert_string_not_equal(list[k - 1], list[k]);
            for (size_t k = 0; k < count; k++)
                free(list[k]);
            free(list);
            graph_free(g);
        }
}

/* ---- a graph of Keras' JSON ---- */

/* A file of the older layout with the weights of g in the order of `place`; its datasets are called
 * LAYER/KIND, as the graph's paths end. */
static void write_legacy(const char *path, const Graph *g, const uint32_t *place)
{
    H5Writer *w = h5_writer_open(path);
    const char *layer = "all", *names[64];
    for (uint32_t i = 0; i < g->n_keras; i++) {
        const char *from = g->keras[place[i]].path, *dot = strrchr(from, '.');
        static const float zeros[1024];
        char *name = xmalloc(strlen(from) + 16);
        int64_t dim[4] = {1};
        int rank = 1;
        size_t bytes = sizeof *zeros;
        for (uint32_t t = 0; t < g->n_tensors; t++)
            if (g->tensors[t].kind == T_WEIGHT && !strcmp(g->tensors[t].parts[0].path, from)) {
                rank = g->tensors[t].shape.rank;
                memcpy(dim, g->tensors[t].shape.dim, (size_t)rank * sizeof *dim);
                bytes = (size_t)shape_count(&g->tensors[t].shape) * sizeof *zeros;
            }
        sprintf(name, "l%u/%s", i, dot + 1);
        names[i] = name;
        char whole[256];
        snprintf(whole, sizeof whole, "%s/%s", layer, name);
        h5_writer_begin(w, whole, ST_F32, rank, dim);
        h5_writer_put(w, zeros, bytes);
    }
    h5_writer_texts(w, layer, "weight_names", names, g->n_keras);
    h5_writer_texts(w, "", "layer_names", &layer, 1);
    h5_writer_commit(w);
}

/* Order decides in the older layout: the right one fits; a bias in the place of a kernel is seen.
 */
static void legacy_order(void **state)
{
    (void)state;
    char path[] = "/tmp/latentc-keras-XXXXXX", file[64];
    int code;
    Graph *g = graph_load(TEST_DATA_DIR "/keras/stack.json", NULL, 0);
    uint32_t place[64];
    assert_int_equal(g->n_keras, 10);
    for (uint32_t i = 0; i < g->n_keras; i++)
        place[i] = i;
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/m.h5", path);
    write_legacy(file, g, place);
    WeightSource *w = weights_open(file, g->name);
    CAUGHT(code, weights_check(w, g));
    assert_int_equal(code, 0);
    weights_close(w);
    place[2] = 3;
    place[3] = 2;
    write_legacy(file, g, place);
    w = weights_open(file, g->name);
    CAUGHT(code, weights_check(w, g));
    assert_int_equal(code, EXIT_USER);
    assert_non_null(
        strstr(err_text(), "tensor 3 of 10 is \"all/l2/bias\", expected kernel of layer "));
    assert_non_null(strstr(err_text(), "only the order of tensors tells them apart"));
    unlink(file);
    rmdir(path);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(order), cmocka_unit_test(names),
                                       cmocka_unit_test(distinct), cmocka_unit_test(legacy_order)};
    return cmocka_run_group_tests_name("keras", tests, NULL, NULL);
}
