/* A graph as a graph file: reading what graph_write_file wrote gives the same graph with the same
 * paths; for the graphs that come with latentc and for Keras' models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "graph_same.h"
#include "graph_write.h"
#include "graphfile.h"

static const char *const files[] = {
    "graphs/sd2/text_encoder.json",
    "graphs/sd2/diffusion_model.json",
    "graphs/sd2/decoder.json",
    "graphs/sd2/image_encoder.json",
    "graphs/sd1/diffusion_model.json",
    "graphs/sd1/text_encoder.json",
    "graphs/taesd/decoder.json",
    "graphs/taesd/encoder.json",
    "tests/data/keras/narrow_unet.json",
    "tests/data/keras/DiffusionModelV2.functional.json",
    "tests/data/keras/Decoder.to_json.json",
    "tests/data/keras/shared.json",
};

static void check(const Graph *g)
{
    Buf text = {0};
    graph_write_file(g, &text);
    Json root = json_parse(text.data, text.len, g->file);
    Graph *again = graph_from_json(root, NULL, 0);
    const char *wrong = graph_difference(g, again, NULL);
    if (wrong)
        fail_msg("%s, written and read, differs: %s", g->file, wrong);
    assert_string_equal(g->name, again->name);
    for (uint32_t i = 0; i < g->n_ops; i++) {
        assert_string_equal(g->ops[i].path, again->ops[i].path);
        assert_int_equal(tensor(g, g->ops[i].out)->cache, tensor(again, again->ops[i].out)->cache);
    }
    for (uint32_t i = 0; i < g->n_inputs; i++)
        assert_string_equal(tensor(g, g->inputs[i])->name, tensor(again, again->inputs[i])->name);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        assert_string_equal(g->output_names[i], again->output_names[i]);
    json_free(root);
    graph_free(again);
    buf_free(&text);
}

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[512];
        snprintf(path, sizeof path, SOURCE_DIR "/%s", files[i]);
        Graph *g = graph_load(path, NULL, 0);
        check(g);
        graph_free(g);
    }
}

/* Layers that are called twice, and a model that is: one weight each. */
static void test_shared(void **state)
{
    (void)state;
    Graph *g = graph_load(SOURCE_DIR "/tests/data/keras/shared.json", NULL, 0);
    int weights = 0, dense = 0;
    for (uint32_t i = 0; i < g->n_tensors; i++)
        weights += g->tensors[i].kind == T_WEIGHT;
    for (uint32_t i = 0; i < g->n_ops; i++)
        dense += g->ops[i].kind == OP_DENSE;
    assert_int_equal(dense, 7);
    assert_int_equal(weights, 6);
    assert_int_equal(g->n_keras, 6);
    assert_string_equal(g->keras[0].stored, "layers/sequential/layers/dense/vars/0");
    assert_string_equal(g->keras[2].stored, "layers/dense/vars/0");
    assert_string_equal(g->keras[4].stored, "layers/functional/layers/dense/vars/0");
    assert_string_equal(g->keras[4].layer, "fun");
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files), cmocka_unit_test(test_shared)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
