/* The graph language, the text form, pipelines and the utilities below them. Graph errors are pairs
 * of files in tests/error/graph. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <stdio.h>

#include "attr.h"
#include "construct.h"
#include "cost.h"
#include "expr.h"
#include "listing.h"
#include "parse_text.h"
#include "print.h"
#include "shared_flags.h"
#include "graphfile.h"
#include "pipeline.h"
#include "json.h"
#include "pass.h"
#include "verify.h"
#include "err.h"
#include "files.h"
#include "outfile.h"

#define SD2 SOURCE_DIR "/graphs/sd2/"

/* Runs statement and gives the exit code it would have ended with, 0 when it came through; its
 * message is err_text(). */
#define CAUGHT(code, statement) \
    do {                        \
        jmp_buf back;           \
        code = setjmp(back);    \
        if (code == 0) {        \
            err_catch(&back);   \
            statement;          \
        }                       \
        err_catch(NULL);        \
    } while (0)

static char *text_of(const Graph *g)
{
    Buf b = {0};
    graph_print_text(g, &b);
    return b.data;
}

static void assert_round_trip(const Graph *g)
{
    char *text = text_of(g);
    Graph *again = graph_parse_text(text, "printed");
    char *twice = text_of(again);
    assert_string_equal(text, twice);
    graph_verify(again, "parse");
    free(text);
    free(twice);
    graph_free(again);
}

/* ---- the real models
 * ------------------------------------------------------------------------------------------------------
 */

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

/* ---- the graph and its editing
 * ------------------------------------------------------------------------------------------------
 */

static Op op1(OpKind k, const char *path, TensorId x)
{
    Op o = op_make(k, path);
    o.in[0] = x;
    return o;
}

static void test_editing(void **state)
{
    (void)state;
    Graph *g = graph_new("g");
    TensorId x = graph_add_input(g, "x", DT_F32, shape2(2, 8), BIND_TIME);
    TensorId a = graph_add_op(g, op1(OP_SWISH, "a", x)), b = graph_add_op(g, op1(OP_SWISH, "b", a));
    TensorId unused = graph_add_op(g, op1(OP_SWISH, "unused", a));
    graph_add_output(g, "output", b);
    assert_int_equal(graph_use_count(g, a), 2);
    assert_int_equal(graph_use_count(g, b), 1);
    assert_int_equal(tensor(g, b)->binding, BIND_TIME);
    assert_int_equal(graph_use_count(g, unused), 0);
    assert_int_equal(graph_sweep(g), 1);
    graph_replace_uses(g, b, a);
    assert_int_equal(graph_sweep(g), 1);
    assert_int_equal(g->n_ops, 1);
    graph_verify(g, "test");
    graph_free(g);
}

static void test_toposort(void **state)
{
    (void)state;
    Graph *g = graph_new("g");
    TensorId x = graph_add_input(g, "x", DT_F32, shape2(1, 8), BIND_STEP);
    TensorId a = graph_add_op(g, op1(OP_SWISH, "a", x)), b = graph_add_op(g, op1(OP_SWISH, "b", x));
    g->ops[0].in[0] = b; /* a now comes after b */
    graph_add_output(g, "output", a);
    graph_toposort(g);
    assert_string_equal(g->ops[0].path, "b");
    graph_verify(g, "test");
    g->ops[0].in[0] = a;
    int code;
    CAUGHT(code, graph_toposort(g));
    assert_int_equal(code, EXIT_BUG);
    graph_free(g);
}

/* The verifier names the pass and the broken rule. */
static void test_verify(void **state)
{
    (void)state;
    Graph *g = graph_new("g");
    TensorId x = graph_add_input(g, "x", DT_F32, shape2(1, 8), BIND_STEP);
    TensorId a = graph_add_op(g, op1(OP_SWISH, "a", x));
    graph_add_output(g, "output", a);
    int code;
    tensor(g, a)->shape.dim[1] = 9;
    CAUGHT(code, graph_verify(g, "mypass"));
    assert_int_equal(code, EXIT_BUG);
    assert_non_null(strstr(err_text(), "after mypass: a (swish)"));
    tensor(g, a)->shape.dim[1] = 8;
    tensor(g, a)->binding = BIND_CONST;
    CAUGHT(code, graph_verify(g, "mypass"));
    assert_non_null(strstr(err_text(), "bindings follow the operands"));
    tensor(g, a)->binding = BIND_STEP;
    g->ops[0].in[0] = a;
    CAUGHT(code, graph_verify(g, "mypass"));
    assert_non_null(strstr(err_text(), "used before it is computed"));
    graph_free(g);
}

static void test_weight_parts(void **state)
{
    (void)state;
    Graph *g = graph_new("g");
    TensorId x = graph_add_input(g, "x", DT_F32, shape2(1, 8), BIND_STEP);
    TensorId parts[] = {graph_add_weight(g, "q.kernel", shape2(8, 4)),
                        graph_add_weight(g, "k.kernel", shape2(8, 2))};
    double scale[] = {0.125, 1};
    Op o = op1(OP_DENSE, "q", x);
    o.in[SLOT_KERNEL] = graph_add_weight_parts(g, parts, 2, scale);
    graph_add_output(g, "output", graph_add_op(g, o));
    char *text = text_of(g);
    assert_non_null(strstr(text, "kernel=w(\"q.kernel\"[4]*0.125+\"k.kernel\"[2])[8,6]"));
    assert_round_trip(g);
    free(text);
    graph_free(g);
}

/* Every attribute of every op is printed when it differs from its default, and read back. */
static void test_attributes(void **state)
{
    (void)state;
    for (int k = 0; k < OP_COUNT; k++)
        for (int i = 0; i < attr_tables[k].n; i++) {
            const AttrField *f = &attr_tables[k].fields[i];
            Op o = op_make((OpKind)k, "x");
            assert_ptr_equal(attr_find((OpKind)k, f->name), f);
            for (int e = 0; e < (f->type == ATTR_PAD ? 4 : 1); e++) {
                assert_true(attr_get(&o, f, e) == f->fallback);
                attr_set(&o, f, e, 1 + e);
                assert_true(attr_get(&o, f, e) == 1 + e);
            }
        }
}

/* ---- pipelines
 * --------------------------------------------------------------------------------------------------------------
 */

static void test_pipelines(void **state)
{
    (void)state;
    ParamSet sets[] = {{.name = "img_height", .value = 256}, {.name = "batch", .value = 2}};
    Pipeline *p = pipeline_load(SOURCE_DIR "/graphs/shapes/pipeline.json", sets, 2);
    assert_int_equal(p->img_height, 256);
    assert_int_equal(p->img_width, 128);
    for (int i = 0; i < MODEL_COUNT; i++) {
        const PipelineModel *m = &p->model[i];
        Graph *g = graph_load(m->graph, m->params, m->n_params);
        assert_int_equal(tensor(g, g->inputs[0])->shape.dim[0], 2);
        if (i == MODEL_DIFFUSION_MODEL)
            assert_int_equal(tensor(g, g->inputs[0])->shape.dim[1], 32);
        assert_round_trip(g);
        graph_free(g);
    }
    assert_string_equal(p->sampler, "ddim");
    assert_int_equal(p->pad_token, -1);
    arena_free(p->arena);
}

/* The value that a pipeline gives a model's parameter, as JSON has it: numbers are compared as
 * text. */
static void assert_same_parameter(const PipelineModel *m, const char *name, Json expected)
{
    for (int i = 0; i < m->n_params; i++) {
        const ParamSet *p = &m->params[i];
        if (strcmp(p->name, name) != 0)
            continue;
        if (p->kind != PARAM_INTS) {
            assert_true(json_number(expected) ==
                        (p->kind == PARAM_REAL ? p->real : (double)p->value));
            return;
        }
        assert_int_equal(json_count(expected), p->n_ints);
        int k = 0;
        for (Json e = json_first(expected); json_ok(e); e = json_next(e))
            assert_int_equal(json_int(e, 0, INT64_MAX), p->ints[k++]);
        return;
    }
    fail_msg("graphs/shapes/pipeline.json does not set %s of %s", name, m->graph);
}

/* The pipeline of graphs/shapes describes the model that was trained with params.json. */
static void test_shapes_parameters(void **state)
{
    (void)state;
    static const char *const names[] = {"widths",        "blocks",  "head_size",  "groups",
                                        "context_width", "time_in", "time_width", "vocab_size",
                                        "width",         "heads",   "layers",     "mlp_width"};
    Pipeline *p = pipeline_load(SOURCE_DIR "/graphs/shapes/pipeline.json", NULL, 0);
    Json root = json_load(SOURCE_DIR "/graphs/shapes/params.json"),
         schedule = json_get(root, "schedule"), d = json_get(root, "defaults");
    /* clang-format off */
    for (int m = 0; m < MODEL_COUNT; m++) {
        Json trained = json_need(root, model_rows[m].name), scale = json_get(trained, "scale");
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (json_ok(json_get(trained, names[i])))
                assert_same_parameter(&p->model[m], names[i], json_get(trained, names[i]));
        if (json_ok(scale))
            assert_same_parameter(&p->model[m], "latent_scale", scale);
    }
    /* clang-format on */
    assert_int_equal(p->img_height, json_int(json_get(root, "image_size"), 1, 4096));
    assert_int_equal(p->max_text_length,
                     json_int(json_get(json_get(root, "vocabulary"), "max_text_length"), 1, 4096));
    assert_true(p->schedule.beta_start == json_number(json_get(schedule, "beta_start")) &&
                p->schedule.beta_end == json_number(json_get(schedule, "beta_end")));
    assert_int_equal(p->schedule.train_steps,
                     json_int(json_get(schedule, "train_steps"), 1, 100000));
    assert_string_equal(p->schedule.beta_scaled_linear ? "scaled_linear" : "linear",
                        json_string(json_get(schedule, "beta")));
    assert_int_equal(p->steps, json_int(json_get(d, "steps"), 1, 1000));
    assert_true(p->cfg_scale == json_number(json_get(d, "guidance_scale")));
    json_free(root);
    arena_free(p->arena);
}

/* Each edit of the sd2 pipeline, and what it must be answered with. */
/* clang-format off */
static const struct { const char *from, *to, *message; } pipeline_errors[] = {
    {"\"steps\": 25", "\"steps\": 0", "/defaults/steps: found 0, expected 1 to 1000"},
    {"\"steps\": 25", "\"steps\": 2.5", "/defaults/steps: found 2.5, expected an integer"},
    {"\"sampler\": \"ddim\"", "\"sampler\": \"eulre\"", "/defaults/sampler: unknown sampler \"eulre\", did you mean euler?"},
    {"\"cfg_scale\": 7.5", "\"cfg_scale\": -1", "/defaults/cfg_scale: found -1, expected 0 to 1000"},
    {"\"beta_end\": 0.012", "\"beta_end\": 2", "/schedule/beta_end: found 2, expected 0.00085 to 0.999"},
    {"\"beta_end\": 0.012,", "", "/schedule: \"beta_end\" is missing"},
    {"\"prediction\": \"epsilon\"", "\"prediction\": \"x0\"", "/schedule/prediction: found \"x0\", expected \"epsilon\" or \"v\""},
    {"\"linspace\"", "\"karras\"", "/schedule/spacing: found \"karras\", expected \"linspace\" or \"leading\" or \"trailing\" or \"sampler\""},
    {"\"linspace\"", "\"leading\", \"steps_offset\": -1", "/schedule/steps_offset: found -1, expected 0 to 999"},
    {"\"linspace\"", "\"linspace\", \"sigmas\": \"exponential\"", "/schedule/sigmas: found \"exponential\", expected \"timesteps\" or \"karras\""},
    {"\"linspace\"", "\"linspace\", \"previous\": 1", "/schedule/previous: found a number, expected a string"},
    {"\"linspace\"", "\"linspace\", \"final_sigma\": \"one\"", "/schedule/final_sigma: found \"one\", expected \"zero\" or \"least\""},
    {"\"linspace\"", "\"linspace\", \"clip_sample\": 0", "/schedule/clip_sample: found 0, expected 1e-09 to 1000000000"},
    {"\"linspace\"", "\"linspace\", \"zero_snr\": true",
     "/schedule: \"zero_snr\" starts from nothing but noise, where a \"prediction\" of epsilon says nothing: expected v"},
    {"\"final_alpha\": 1.0", "\"final_alpha\": \"last\"", "/schedule/final_alpha: found \"last\", expected \"first\" or an alpha above 0, at most 1"},
    {"\"final_alpha\": 1.0", "\"final_alpha\": 0", "/schedule/final_alpha: found 0, expected 1e-09 to 1"},
    {"\"pad_token\": \"end_of_text\"", "\"pad_token\": \"zero\"",
     "/pad_token: found \"zero\", expected \"end_of_text\" or a token's number"},
    {"\"pad_token\": \"end_of_text\"", "\"encoding\": \"median\"", "/encoding: found \"median\", expected \"mean\" or \"sample\""},
    {"\"pad_token\": \"end_of_text\"", "\"rounding\": \"up\"", "/rounding: found \"up\", expected \"down\" or \"nearest\""},
    {"\"img_width\": 512,", "", "/parameters: an integer \"img_width\" is missing"},
    {"\"schedule\"", "\"shedule\"", "/shedule: unknown name, did you mean \"schedule\"?"},
    {"\"graph\": \"decoder.json\"", "\"file\": \"decoder.json\"", "/models/decoder/file: unknown name, expected one of: graph, parameters, weights"},
};
/* clang-format on */

static void test_pipeline_errors(void **state)
{
    (void)state;
    char *text = read_file(SD2 "pipeline.json", NULL);
    for (size_t i = 0; i < sizeof pipeline_errors / sizeof pipeline_errors[0]; i++) {
        const char *at = strstr(text, pipeline_errors[i].from);
        assert_non_null(at);
        Buf b = {0};
        buf_add(&b, text, (size_t)(at - text));
        buf_printf(&b, "%s%s", pipeline_errors[i].to, at + strlen(pipeline_errors[i].from));
        int code;
        CAUGHT(code,
               pipeline_from_json(json_parse(b.data, b.len, "p.json"), SD2 "p.json", NULL, 0));
        assert_int_equal(code, EXIT_USER);
        assert_string_equal(err_text() + strlen("p.json: "), pipeline_errors[i].message);
        buf_free(&b);
    }
    free(text);
    ParamSet set = {.name = "img_heigth", .value = 64};
    int code;
    CAUGHT(code, pipeline_load(SD2 "pipeline.json", &set, 1));
    assert_int_equal(code, EXIT_USER);
    assert_non_null(strstr(err_text(), "unknown parameter img_heigth, did you mean img_height?"));
}

/* ---- expressions
 * ---------------------------------------------------------------------------------------------------------------
 */

static const char *no_name(void *context, const char *name, Number *out)
{
    (void)context;
    *out = (Number){.i = 7};
    return strcmp(name, "seven") == 0 ? NULL : "unknown";
}

static const char *no_element(void *context, const char *list, int64_t index, Number *out)
{
    (void)context, (void)list;
    *out = (Number){.i = 100 + index};
    return NULL;
}

static const char *no_property(void *context, const char *function, const char *of, Number *out)
{
    (void)context, (void)function, (void)of;
    *out = (Number){.i = 3};
    return NULL;
}

static void test_expressions(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct { const char *text; double value; bool is_real; } good[] = {
        {"1 + 2 * 3", 7, false}, {"(1 + 2) * 3", 9, false}, {"512 / 8", 64, false}, {"-3 + 5", 2, false}, {"17 % 5", 2, false},
        {"seven - 1 - 2", 4, false}, {"w[seven - 1]", 106, false}, {"len(w)", 3, false}, {"1.0 / 4", 0.25, true},
        {"1 / sqrt(64)", 0.125, true}, {"1 < 2 && 2 <= 2", 1, false}, {"1 > 2 || 3 != 3", 0, false}, {"!(1 == 2)", 1, false},
        {"min(4, 2) + max(4, 2)", 6, false}, {"1e-5", 1e-5, true}, {" 2 - -2 ", 4, false},
    };
    /* clang-format on */
    static const char *const bad[] = {"",
                                      "1 +",
                                      "(1",
                                      "1)",
                                      "1 2",
                                      "w[",
                                      "w[1.5]",
                                      "f(",
                                      "5 / 2",
                                      "1 / 0",
                                      "7 % 0",
                                      "9223372036854775807 + 1",
                                      "9223372036854775808",
                                      "1e999",
                                      "other",
                                      "sqrt(-1)",
                                      "min(1)",
                                      "$"};
    const ExprScope scope = {NULL, no_name, no_element, no_property};
    Arena *a = arena_new();
    Number n;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_null(expr_eval(a, good[i].text, &scope, &n));
        assert_true(n.is_real == good[i].is_real);
        assert_true(number_real(n) == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(expr_eval(a, bad[i], &scope, &n));
    arena_free(a);
}

/* ---- utilities
 * -------------------------------------------------------------------------------------------------------------------
 */

static void test_flags(void **state)
{
    (void)state;
    bool quick = false;
    int64_t steps = 25;
    const char *output = "output.png", *argument = NULL;
    FlagList sets = {0};
    /* clang-format off */
    const Flag flags[] = {
        {"quick", 'q', FLAG_BOOL, &quick, NULL, "", 0, 0},
        {"steps", 0, FLAG_INT, &steps, "N", "", 1, 1000},
        {"output", 'o', FLAG_STRING, &output, "FILE", "", 0, 0},
        {"set", 0, FLAG_LIST, &sets, "NAME=VALUE", "", 0, 0},
    };
    /* clang-format on */
    const Command cmd = {"test FILE", "", flags, 4, 1, 1, &argument};
    char *good[] = {"test", "-q", "--steps=30", "in", "-ox.png", "--set", "a=1", "--set", "b=-2"};
    assert_int_equal(flags_parse(&cmd, 9, good), 1);
    assert_true(quick && steps == 30 && strcmp(output, "x.png") == 0 &&
                strcmp(argument, "in") == 0);
    ParamSet *list;
    assert_int_equal(flags_sets(&sets, &list), 2);
    assert_true(strcmp(list[1].name, "b") == 0 && list[1].value == -2);
    /* clang-format off */
    static const struct { char *argv[4]; const char *message; } bad[] = {
        {{"test", "in", "--step", "3"}, "unknown flag --step; did you mean --steps?"},
        {{"test", "in", "--steps", "0"}, "--steps: found 0, expected 1 to 1000"},
        {{"test", "in", "--steps", "3x"}, "--steps: found '3x', expected an integer"},
        {{"test", "in", "-q", "--output"}, "--output: expected a value (FILE) after it"},
        {{"test", "in", "in2", "-q"}, "unexpected argument 'in2'; usage: test FILE"},
        {{"test", "-q", "-q", "-q"}, "an argument is missing; usage: test FILE"},
        {{"test", "in", "--quick=1", "-q"}, "--quick takes no value, found '1'"},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int code;
        CAUGHT(code, flags_parse(&cmd, 4, (char **)bad[i].argv));
        assert_int_equal(code, EXIT_USAGE);
        assert_string_equal(err_text(), bad[i].message);
    }
    free((void *)list[0].name);
    free((void *)list[1].name);
    free(list);
    free(sets.items);
}

static void test_numbers_read_back(void **state)
{
    (void)state;
    static const double values[] = {0,     1,      -1,     0.1, 1e-5, 1.0 / 3, 5.489980785067252,
                                    1e300, 5e-324, 0.18215};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        Buf b = {0};
        buf_real(&b, values[i]);
        assert_true(strtod(b.data, NULL) == values[i]);
        buf_free(&b);
    }
}

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/* A file appears whole or not at all. */
static void test_outfile(void **state)
{
    (void)state;
    char folder[] = "/tmp/latentc-test-XXXXXX", path[64], temp[128];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/out", folder);
    OutFile *f = outfile_open(path);
    snprintf(temp, sizeof temp, "%s", outfile_temp_path(f));
    outfile_write(f, "hello", 5);
    assert_false(exists(path));
    outfile_commit(f, 0644);
    assert_true(exists(path) && !exists(temp));
    size_t n;
    char *back = read_file(path, &n);
    assert_true(n == 5 && strcmp(back, "hello") == 0);
    free(back);
    unlink(path);
    for (int how = 0; how < 2; how++) { /* killed, or out with an error: nothing is left */
        pid_t child = fork();
        if (child == 0) {
            int quiet = open("/dev/null", O_WRONLY);
            dup2(quiet, 2);
            outfile_write(outfile_open(path), "half", 4);
            if (how == 0)
                raise(SIGTERM);
            err("enough");
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(how == 0 ? WIFSIGNALED(status) : WEXITSTATUS(status) == EXIT_USER);
        assert_int_equal(rmdir(folder), 0);
        assert_int_equal(mkdir(folder, 0700), 0);
    }
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diffusion_model),
        cmocka_unit_test(test_text_encoder),
        cmocka_unit_test(test_decoder),
        cmocka_unit_test(test_image_encoder),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_bindings),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_round_trip_of_passes),
        cmocka_unit_test(test_editing),
        cmocka_unit_test(test_toposort),
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_weight_parts),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_pipelines),
        cmocka_unit_test(test_shapes_parameters),
        cmocka_unit_test(test_pipeline_errors),
        cmocka_unit_test(test_expressions),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_numbers_read_back),
        cmocka_unit_test(test_outfile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
