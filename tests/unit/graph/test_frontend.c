/* Graph files: the published models operation by operation, at other sizes and depths, and in text
 * form. Mistakes are pairs of files in tests/error/graph. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cost.h"
#include "graphfile.h"
#include "json.h"
#include "listing.h"
#include "pass.h"
#include "round_trip.h"
#include "verify.h"

#define SD2 SOURCE_DIR "/graphs/sd2/"

static int64_t shape_product(Json list)
{
    int64_t n = 1;
    for (Json d = json_first(list); json_ok(d); d = json_next(d))
        n *= json_int(d, 1, INT64_MAX);
    return n;
}

/* "64x64x320" equals the listed shape, whose batch of 1 stands first. */
static void assert_shape(const char *path, const char *expected, Json listed)
{
    Buf b = {0};
    Json first = json_first(listed);
    assert_int_equal(json_int(first, 1, INT64_MAX), 1);
    for (Json d = json_next(first); json_ok(d); d = json_next(d))
        buf_printf(&b, "%s%lld", b.len ? "x" : "", (long long)json_int(d, 1, INT64_MAX));
    if (strcmp(b.data, expected) != 0)
        fail_msg("%s: shape %s, expected %s", path, b.data, expected);
    assert_true(shape_product(listed) > 0);
    buf_free(&b);
}

static Json find_op(Json ops, const char *path)
{
    for (Json o = json_first(ops); json_ok(o); o = json_next(o))
        if (strcmp(json_string(json_get(o, "path")), path) == 0)
            return o;
    fail_msg("%s is not listed", path);
    return ops;
}

/* Every row of the reference listing, tests/data/ops/NAME.txt: path, shape in, shape out,
 * parameters, multiply-adds. */
static void check_listing(const char *name, int64_t parameters, int64_t macs)
{
    char path[512], op[256], in[64], out[64];
    long long op_parameters, op_macs;
    int rows = 0;
    snprintf(path, sizeof path, SD2 "%s.json", name);
    Graph *g = graph_load(path, NULL, 0);
    assert_round_trip(g);
    Buf b = {0};
    graph_print_json(g, &b);
    Json root = json_parse(b.data, b.len, name), ops = json_get(root, "ops");
    assert_int_equal(json_int(json_get(root, "parameters"), 0, INT64_MAX), parameters);
    assert_int_equal(json_int(json_get(root, "macs"), 0, INT64_MAX), macs);
    snprintf(path, sizeof path, TEST_DATA_DIR "/ops/%s.txt", name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (; fscanf(f, "%255s %63s %63s %lld %lld", op, in, out, &op_parameters, &op_macs) == 5;
         rows++) {
        Json o = find_op(ops, op);
        assert_shape(op, in, json_get(o, "in"));
        assert_shape(op, out, json_get(o, "out"));
        assert_int_equal(json_int(json_get(o, "parameters"), 0, INT64_MAX), op_parameters);
        assert_int_equal(json_int(json_get(o, "macs"), 0, INT64_MAX), op_macs);
    }
    assert_int_equal(rows, json_count(ops));
    fclose(f);
    json_free(root);
    buf_free(&b);
    graph_free(g);
}

static void test_diffusion_model(void **state)
{
    (void)state;
    check_listing("diffusion_model", 865910724, 402128732160);
}

static void test_text_encoder(void **state)
{
    (void)state;
    check_listing("text_encoder", 340387840, 22563616768);
}

static void test_decoder(void **state)
{
    (void)state;
    check_listing("decoder", 49490199, 1257259466752);
}

static void test_image_encoder(void **state)
{
    (void)state;
    check_listing("image_encoder", 34163664, 558329233408);
}

/* Sizes, batches and text lengths other than the defaults; the parameters never change with them.
 */
static void test_sizes(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        ParamSet sets[] = {{.name = "img_height", .value = 64 * (i + 1)},
                           {.name = "img_width", .value = 64 * (5 - i)},
                           {.name = "batch", .value = i + 1},
                           {.name = "max_text_length", .value = 1 + 40 * i}};
        Graph *g = graph_load(SD2 "diffusion_model.json", sets, 4);
        const Shape latent = shape4(i + 1, 8 * (i + 1), 8 * (5 - i), 4);
        assert_true(shape_eq(&tensor(g, g->outputs[0])->shape, &latent));
        assert_int_equal(graph_parameters(g), 865910724);
        assert_round_trip(g);
        graph_free(g);
    }
}

/* What changes per step, per time and per prompt: the keys and values of cross-attention depend on
 * the prompt alone. */
static void test_bindings(void **state)
{
    (void)state;
    Graph *g = graph_load(SD2 "diffusion_model.json", NULL, 0);
    int seen = 0;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        const Op *o = &g->ops[i];
        Binding b = tensor(g, o->out)->binding;
        bool of_prompt = strstr(o->path, "attn2.to_k") || strstr(o->path, "attn2.to_v");
        bool of_time = strncmp(o->path, "time.", 5) == 0 || strstr(o->path, "emb.dense") ||
                       strstr(o->path, "emb.swish");
        assert_int_equal(b, of_prompt ? BIND_PROMPT : of_time ? BIND_TIME : BIND_STEP);
        seen += of_prompt;
    }
    assert_int_equal(seen, 32);
    graph_free(g);
}

/* A deeper transformer has further layer paths, and the first keeps its own. */
static void test_depth(void **state)
{
    (void)state;
    ParamSet set = {.name = "depth", .value = 2};
    Graph *g = graph_load(SD2 "diffusion_model.json", &set, 1);
    char *text = text_of(g);
    assert_non_null(strstr(text, "@\"mid.attn.0.block.attn1.qk\""));
    assert_non_null(strstr(text, "@\"mid.attn.0.block1.attn1.qk\""));
    free(text);
    graph_free(g);
}

/* The text form holds whatever passes make. */
/* The small and inpainting U-Nets at full width: as many parameters as diffusers' have with the
 * published configs. */
static void test_unets(void **state)
{
    (void)state;
    static int64_t three[] = {320, 640, 1280}, prompt_first[] = {2, 1, 1};
    const ParamSet blocks = {.name = "blocks", .value = 1}, none = {.name = "mid_blocks"},
                   widths = {.name = "widths", .kind = PARAM_INTS, .ints = three, .n_ints = 3},
                   cross = {.name = "attention",
                            .kind = PARAM_INTS,
                            .ints = prompt_first,
                            .n_ints = 3},
                   masks = {.name = "mask_channels", .value = 5};
    const struct {
        const char *graph;
        ParamSet sets[4];
        int n;
        int64_t parameters;
    } cases[] = {
        {"sd2", {blocks}, 1, 583480964},                      /* BK-SDM v2 base */
        {"sd2", {blocks, none}, 2, 485787524},                /* small */
        {"sd2", {blocks, none, widths}, 3, 326825604},        /* tiny */
        {"sd2", {blocks, none, widths, cross}, 4, 328177284}, /* SDXS-512-0.9 */
        {"sd2", {masks}, 1, 865925124},                       /* 2 inpainting */
        {"sd1", {blocks}, 1, 579384964},                      /* BK-SDM base */
        {"sd1", {blocks, none}, 2, 482346884},                /* small */
        {"sd1", {blocks, none, widths}, 3, 323384964},        /* tiny */
        {"sd1", {masks}, 1, 859535364},                       /* 1.5 inpainting */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[512];
        snprintf(path, sizeof path, SOURCE_DIR "/graphs/%s/diffusion_model.json", cases[i].graph);
        Graph *g = graph_load(path, cases[i].sets, cases[i].n);
        assert_int_equal(graph_parameters(g), cases[i].parameters);
        graph_free(g);
    }
}

/* An input with "if" is there only when that is not 0. */
static void test_input_if(void **state)
{
    (void)state;
    static const char text[] =
        "{\"graph\":\"g\",\"parameters\":{\"more\":0,\"list\":[3]},\"inputs\":{"
        "\"a\":{\"if\":\"more > 0\",\"shape\":[1,\"more\"],\"varies\":\"time\"},"
        "\"b\":{\"shape\":[1,\"at(list, 0, 9)\"],\"varies\":\"step\"}},\"outputs\":{\"y\":\"x\"},"
        "\"body\":[{\"op\":\"relu\",\"path\":\"r\",\"in\":\"b\"},{\"if\":\"more > 0\",\"do\":["
        "{\"op\":\"concat\",\"path\":\"c\",\"in\":[\"x\",\"a\"]}]}]}";
    for (int64_t more = 0; more < 3; more++) {
        ParamSet set = {.name = "more", .value = more};
        Json root = json_parse(text, strlen(text), "text");
        Graph *g = graph_from_json(root, &set, 1);
        assert_int_equal(g->n_inputs, more ? 2 : 1);
        assert_string_equal(tensor(g, g->inputs[more > 0])->name, "b");
        assert_int_equal(tensor(g, g->outputs[0])->shape.dim[1], 3 + more);
        graph_free(g);
        json_free(root);
    }
}

static void test_round_trip_of_passes(void **state)
{
    (void)state;
    static const char *const models[] = {"diffusion_model", "text_encoder", "decoder",
                                         "image_encoder"};
    for (int i = 0; i < 4; i++) {
        char path[512];
        snprintf(path, sizeof path, SD2 "%s.json", models[i]);
        Graph *g = graph_load(path, NULL, 0);
        passes_run(g, FUSE_ALL, NULL, false);
        graph_verify(g, "all passes");
        assert_round_trip(g);
        graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diffusion_model), cmocka_unit_test(test_text_encoder),
        cmocka_unit_test(test_decoder),         cmocka_unit_test(test_image_encoder),
        cmocka_unit_test(test_sizes),           cmocka_unit_test(test_bindings),
        cmocka_unit_test(test_depth),           cmocka_unit_test(test_unets),
        cmocka_unit_test(test_input_if),        cmocka_unit_test(test_round_trip_of_passes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
