/* Keras' JSON as graph files (data/keras, as keras-cv 0.9.0 and Keras 3.15 write it): the models of
 * Stable Diffusion are the graphs of graphs/, and need the same kernels; weights are where Keras
 * stores them, in its order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"
#include "description.h"
#include "graphfile.h"
#include "graph_same.h"
#include "keras_order.h"
#include "alloc.h"
#include "files.h"

#define KERAS SOURCE_DIR "/tests/data/keras/"
#define GRAPHS SOURCE_DIR "/graphs/"

/* A model in both languages; model: its name in data/keras3-names.tsv, NULL: none; open: its size
 * is. */
typedef struct {
    const char *keras, *graph, *model;
    bool open;
} Pair;
static const Pair pairs[] = {
    {"DiffusionModelV2.functional", "sd2/diffusion_model", "diffusion_model", false},
    {"DiffusionModel.functional", "sd1/diffusion_model", NULL, false},
    {"Decoder.to_json", "sd2/decoder", "decoder", false},
    {"ImageEncoder.to_json", "sd2/image_encoder", "image_encoder", true},
};
enum { N_PAIRS = sizeof pairs / sizeof pairs[0] };

static Graph *load(const char *folder, const char *name, bool open)
{
    const ParamSet sets[] = {{.name = "img_height", .value = 512},
                             {.name = "img_width", .value = 512}};
    char path[512];
    snprintf(path, sizeof path, "%s%s.json", folder, name);
    return graph_load(path, sets, open ? 2 : 0);
}

static void the_same(const Graph *a, const Graph *b, uint32_t **map)
{
    const char *wrong = graph_difference(a, b, map);
    if (wrong)
        fail_msg("%s and %s differ: %s", a->file, b->file, wrong);
}

static void test_same_graphs(void **state)
{
    (void)state;
    for (int i = 0; i < N_PAIRS; i++) {
        Graph *a = load(KERAS, pairs[i].keras, pairs[i].open),
              *b = load(GRAPHS, pairs[i].graph, false);
        uint32_t *map;
        the_same(a, b, &map);
        for (uint32_t k = 0; k < a->n_tensors; k++) /* marks of cacheable values */
            assert_int_equal(a->tensors[k].cache, map[k] ? b->tensors[map[k] - 1].cache : 0);
        free(map);
        the_same(b, a, NULL);
        graph_free(a);
        graph_free(b);
    }
}

/* A comparison that cannot fail proves nothing. */
static void test_differences(void **state)
{
    (void)state;
    Graph *a = load(KERAS, "Decoder.to_json", false), *b = load(GRAPHS, "sd2/decoder", false);
    for (uint32_t i = 0; i < b->n_ops; i++) {
        Op *o = &b->ops[i], before = *o;
        if (o->kind == OP_GROUP_NORM)
            o->attr.norm.eps *= 2;
        else if (o->kind == OP_CONV2D)
            o->attr.contract.stride = 3;
        else if (o->kind == OP_ADD)
            o->in[1] = o->in[0];
        else
            continue;
        assert_non_null(graph_difference(a, b, NULL));
        *o = before;
    }
    the_same(a, b, NULL);
    graph_free(a);
    graph_free(b);
}

/* Of a class without layers it is that very graph. */
static void test_classes(void **state)
{
    (void)state;
    static const char *const models[][2] = {{"DiffusionModelV2.to_json", "sd2/diffusion_model"},
                                            {"TextEncoderV2.to_json", "sd2/text_encoder"},
                                            {"DiffusionModel.to_json", "sd1/diffusion_model"},
                                            {"TextEncoder.to_json", "sd1/text_encoder"}};
    for (int i = 0; i < 4; i++) {
        Graph *a = load(KERAS, models[i][0], false), *b = load(GRAPHS, models[i][1], false);
        the_same(a, b, NULL);
        assert_string_equal(a->name, b->name);
        for (uint32_t k = 0; k < a->n_ops; k++)
            assert_string_equal(a->ops[k].path, b->ops[k].path);
        assert_int_equal(a->n_keras, 0);
        graph_free(a);
        graph_free(b);
    }
}

/* ---- kernels ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The descriptions of the graph's kernels, sorted; the graph is freed. */
static char **kernels_of(Graph *g, bool bf16, int *n)
{
    Program *p = program_new(target_for("x86-64-v4-bf16", bf16), FUSE_ALL, CONV_AUTO, bf16);
    program_add(p, g);
    char **list = xcalloc((size_t)p->n_kernels + 1, sizeof *list);
    for (*n = 0; *n < p->n_kernels; ++*n) {
        Buf b = {0};
        const Kernel *k = &p->kernels[*n];
        buf_printf(&b, "%d", (int)k->kind);
        description_print(&b, description_fields(k->kind), k->description);
        list[*n] = b.data;
    }
    qsort(list, (size_t)*n, sizeof *list, by_text);
    program_free(p);
    graph_free(g);
    return list;
}

static void test_same_kernels(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * N_PAIRS; i++) {
        const Pair *p = &pairs[i / 2];
        int n, m;
        char **a = kernels_of(load(KERAS, p->keras, p->open), i % 2, &n),
             **b = kernels_of(load(GRAPHS, p->graph, false), i % 2, &m);
        assert_int_equal(n, m);
        for (int k = 0; k < n; k++) {
            assert_string_equal(a[k], b[k]);
            free(a[k]);
            free(b[k]);
        }
        free(a);
        free(b);
    }
}

/* ---- where weights are stored ---- */

/* The third column of the line that begins with the first two; the caller frees it. */
static char *table_name(const char *table, const char *model, const char *path)
{
    char line[512];
    int n = snprintf(line, sizeof line, "\n%s\t%s\t", model, path);
    const char *at = strstr(table, line);
    assert_non_null(at);
    return strndup(at + n, strcspn(at + n, "\n"));
}

static void test_stored(void **state)
{
    (void)state;
    char *table = read_file(SOURCE_DIR "/tests/data/keras3-names.tsv", NULL);
    for (int i = 0; i < N_PAIRS; i++) {
        if (!pairs[i].model)
            continue;
        Graph *a = load(KERAS, pairs[i].keras, pairs[i].open),
              *b = load(GRAPHS, pairs[i].graph, false);
        uint32_t *map;
        the_same(a, b, &map);
        const char **order = xcalloc(b->n_tensors + 1, sizeof *order);
        assert_int_equal(keras_order(b, order), a->n_keras);
        for (uint32_t k = 0; k < a->n_keras; k++) {
            const KerasWeight *w = &a->keras[k];
            uint32_t t = 0;
            while (a->tensors[t].kind != T_WEIGHT || strcmp(a->tensors[t].name, w->path))
                t++;
            const char *there = b->tensors[map[t] - 1].name;
            char *stored = table_name(table, pairs[i].model, there);
            assert_string_equal(w->stored, stored);
            assert_string_equal(there, order[k]);
            free(stored);
        }
        free(order);
        free(map);
        graph_free(a);
        graph_free(b);
    }
    free(table);
}

static void test_narrow(void **state)
{
    (void)state;
    Graph *g = load(KERAS, "narrow_unet", false);
    char *table = read_file(KERAS "narrow_unet.tsv", NULL);
    uint32_t lines = 0;
    for (const char *p = table; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(g->n_keras, lines - 1); /* the first is a remark */
    for (uint32_t k = 0; k < g->n_keras; k++) {
        const Tensor *t = NULL;
        for (uint32_t i = 0; i < g->n_tensors; i++)
            if (g->tensors[i].kind == T_WEIGHT && !strcmp(g->tensors[i].name, g->keras[k].path))
                t = &g->tensors[i];
        assert_non_null(t);
        char line[512];
        int n = snprintf(line, sizeof line, "\n%s\t", g->keras[k].stored);
        for (int d = 0; d < t->shape.rank; d++)
            n += snprintf(line + n, sizeof line - (size_t)n, "%s%lld", d ? "x" : "",
                          (long long)t->shape.dim[d]);
        snprintf(line + n, sizeof line - (size_t)n, "\n");
        if (!strstr(table, line))
            fail_msg("Keras does not store %s as %s", g->keras[k].path, line + 1);
    }
    free(table);
    graph_free(g);
}

/* A tensor of one pixel is added to every pixel, whichever operand it is; one of another rank is so
 * by Keras' layer alone. */
static void test_one_pixel(void **state)
{
    (void)state;
    static const char form[] =
        "{\"module\":\"keras\",\"class_name\":\"Functional\",\"config\":{\"name\":\"m\",\"layers\":["
        "{\"module\":\"keras.layers\",\"class_name\":\"InputLayer\",\"name\":\"a\",\"config\":{"
        "\"batch_shape\":[null,4,4,8]},\"inbound_nodes\":[]},"
        "{\"module\":\"keras.layers\",\"class_name\":\"InputLayer\",\"name\":\"v\",\"config\":{"
        "\"batch_shape\":%s},\"inbound_nodes\":[]},"
        "{\"module\":\"%s\",\"class_name\":\"Add\",\"name\":\"sum\",\"config\":{},\"inbound_nodes\":[{"
        "\"args\":[[{\"class_name\":\"__keras_tensor__\",\"config\":{\"keras_history\":[\"%s\",0,0]}},"
        "{\"class_name\":\"__keras_tensor__\",\"config\":{\"keras_history\":[\"%s\",0,0]}}]]}]}],"
        "\"input_layers\":[[\"a\",0,0],[\"v\",0,0]],\"output_layers\":[\"sum\",0,0]}}";
    static const char *const cases[][4] = {
        {"[null,1,1,8]", "keras.layers", "a", "v"},
        {"[null,1,1,8]", "keras.layers", "v", "a"},
        {"[null,1,1,8]", "keras.src.ops.numpy", "v", "a"},
        {"[null,8]", "keras.layers", "a", "v"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[2048];
        int n = snprintf(text, sizeof text, form, cases[i][0], cases[i][1], cases[i][2],
                         cases[i][3]);
        Json root = json_parse(text, (size_t)n, "text");
        Graph *g = graph_from_json(root, NULL, 0);
        const Op *last = &g->ops[g->n_ops - 1];
        assert_int_equal(last->kind, OP_ADD);
        assert_int_equal(tensor(g, last->in[0])->shape.rank, 4);
        assert_int_equal(tensor(g, last->in[1])->shape.rank, 2);
        assert_int_equal(tensor(g, last->out)->shape.dim[2], 4);
        json_free(root);
        graph_free(g);
    }
}

#define KERAS_INPUT(name)                                                         \
    "{\"module\":\"keras.layers\",\"class_name\":\"InputLayer\",\"name\":\"" name \
    "\",\"config\":{\"batch_shape\":[null,4,4,8]},\"inbound_nodes\":[]}"
#define KERAS_TENSOR(name) \
    "{\"class_name\":\"__keras_tensor__\",\"config\":{\"keras_history\":[\"" name "\",0,0]}}"

/* A model of two inputs in a model, called twice; outputs count its calls from 1, as Keras does. */
static void test_nested_inputs(void **state)
{
    (void)state;
    /* clang-format off */
    static const char form[] =
        "{\"module\":\"keras\",\"class_name\":\"Functional\",\"config\":{\"name\":\"m\",\"layers\":["
        KERAS_INPUT("x") "," KERAS_INPUT("y") ","
        "{\"module\":\"keras\",\"class_name\":\"Functional\",\"name\":\"inner\",\"config\":{\"layers\":["
        KERAS_INPUT("a") "," KERAS_INPUT("b") ","
        "{\"module\":\"keras.layers\",\"class_name\":\"ReLU\",\"name\":\"relu\",\"config\":{},"
        "\"inbound_nodes\":[{\"args\":[" KERAS_TENSOR("a") "],\"kwargs\":{}}]},"
        "{\"module\":\"keras.layers\",\"class_name\":\"Add\",\"name\":\"sum\",\"config\":{},"
        "\"inbound_nodes\":[{\"args\":[[" KERAS_TENSOR("relu") "," KERAS_TENSOR("b") "]]}]}],"
        "\"input_layers\":%s,\"output_layers\":[\"sum\",0,0]},"
        "\"inbound_nodes\":[{\"args\":[%s],\"kwargs\":{\"mask\":%s}},{\"args\":[%s],"
        "\"kwargs\":{\"mask\":[[null],null]}}]}],"
        "\"input_layers\":[[\"x\",0,0],[\"y\",0,0]],"
        "\"output_layers\":[[\"inner\",1,0],[\"inner\",2,0]]}}";
    static const char *const cases[][4] = {
        {"[[\"a\",0,0],[\"b\",0,0]]", "[" KERAS_TENSOR("y") "," KERAS_TENSOR("x") "]", "[null,null]",
         "[" KERAS_TENSOR("inner") "," KERAS_TENSOR("y") "]"},
        {"{\"b\":[\"b\",0,0],\"a\":[\"a\",0,0]}", /* by the names of its inputs */
         "{\"a\":" KERAS_TENSOR("y") ",\"b\":" KERAS_TENSOR("x") "}", "{\"a\":null,\"b\":null}",
         "{\"b\":" KERAS_TENSOR("y") ",\"a\":" KERAS_TENSOR("inner") "}"}};
    /* clang-format on */
    for (int i = 0; i < 2; i++) {
        char text[4096];
        int n = snprintf(text, sizeof text, form, cases[i][0], cases[i][1], cases[i][2],
                         cases[i][3]);
        Json root = json_parse(text, (size_t)n, "text");
        Graph *g = graph_from_json(root, NULL, 0);
        assert_int_equal(g->n_ops, 4);
        const Op *o = g->ops;
        TensorId x = g->inputs[0], y = g->inputs[1];
        assert_true(o[0].in[0].id == y.id && o[1].in[0].id == o[0].out.id && o[1].in[1].id == x.id);
        assert_true(o[2].in[0].id == o[1].out.id && o[3].in[0].id == o[2].out.id &&
                    o[3].in[1].id == y.id);
        assert_true(g->outputs[0].id == o[1].out.id && g->outputs[1].id == o[3].out.id);
        json_free(root);
        graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_graphs), cmocka_unit_test(test_differences),
        cmocka_unit_test(test_classes),     cmocka_unit_test(test_same_kernels),
        cmocka_unit_test(test_stored),      cmocka_unit_test(test_narrow),
        cmocka_unit_test(test_one_pixel),   cmocka_unit_test(test_nested_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
