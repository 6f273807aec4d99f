/* Pipeline files: what is read, and messages about mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "caught.h"
#include "files.h"
#include "graphfile.h"
#include "json.h"
#include "pipeline.h"
#include "round_trip.h"

#define SD2 SOURCE_DIR "/graphs/sd2/"

static void test_pipelines(void **state)
{
    (void)state;
    ParamSet sets[] = {{.name = "img_height", .value = 256}, {.name = "batch", .value = 2}};
    Pipeline *p = pipeline_load(SOURCE_DIR "/graphs/shapes/pipeline.json", sets, 2);
    assert_int_equal(p->img_height, 256);
    assert_int_equal(p->img_width, 128);
    for (int i = 0; i < MODEL_COUNT; i++) {
        const PipelineModel *m = &p->model[i];
        if (!m->graph)
            continue; /* TAESD's */
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
    for (int m = 0; m < MODEL_COUNT && p->model[m].graph; m++) {
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
    assert_string_equal(p->schedule.beta_schedule == LRT_BETAS_SCALED_LINEAR ? "scaled_linear"
                                                                             : "linear",
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
    {"\"sampler\": \"ddim\"", "\"sampler\": \"eulre\"", "/defaults/sampler: unknown sampler 'eulre': did you mean 'euler'?"},
    {"\"output.png\"", "\"x.webp\"", "/defaults/output: x.webp: unknown ending '.webp': expected .png, .jpg or .jpeg"},
    {"\"cfg_scale\": 7.5", "\"cfg_scale\": -1001", "/defaults/cfg_scale: found -1001, expected -1000 to 1000"},
    {"\"beta_end\": 0.012", "\"beta_end\": 2", "/schedule/beta_end: found 2, expected 0.00085 to 0.999"},
    {"\"beta_end\": 0.012,", "", "/schedule: \"beta_end\" is missing"},
    {"\"prediction\": \"epsilon\"", "\"prediction\": \"x0\"", "/schedule/prediction: unknown 'x0': expected epsilon or v"},
    {"\"linspace\"", "\"karras\"", "/schedule/spacing: unknown 'karras': expected linspace, leading, trailing, sgm_uniform, simple or sampler"},
    {"\"linspace\"", "\"leading\", \"steps_offset\": -1", "/schedule/steps_offset: found -1, expected 0 to 999"},
    {"\"linspace\"", "\"linspace\", \"sigmas\": \"cosine\"", "/schedule/sigmas: unknown 'cosine': expected timesteps, karras, exponential or lu"},
    {"\"linspace\"", "\"linspace\", \"previous\": 1", "/schedule/previous: found a number, expected a string"},
    {"\"linspace\"", "\"linspace\", \"final_sigma\": \"one\"", "/schedule/final_sigma: unknown 'one': expected zero or least"},
    {"\"linspace\"", "\"linspace\", \"clip_sample\": 0", "/schedule/clip_sample: found 0, expected 1e-09 to 1000000000"},
    {"\"linspace\"", "\"linspace\", \"zero_snr\": true",
     "/schedule: \"zero_snr\" starts from nothing but noise, where a \"prediction\" of epsilon says nothing: expected v"},
    {"\"final_alpha\": 1.0", "\"final_alpha\": \"last\"", "/schedule/final_alpha: found \"last\", expected \"first\" or an alpha above 0, at most 1"},
    {"\"final_alpha\": 1.0", "\"final_alpha\": 0", "/schedule/final_alpha: found 0, expected 1e-09 to 1"},
    {"\"pad_token\": \"end_of_text\"", "\"pad_token\": \"zero\"",
     "/pad_token: found \"zero\", expected \"end_of_text\" or a token's number"},
    {"\"pad_token\": \"end_of_text\"", "\"encoding\": \"median\"", "/encoding: unknown 'median': did you mean 'mean'?"},
    {"\"pad_token\": \"end_of_text\"", "\"rounding\": \"up\"", "/rounding: unknown 'up': expected down or nearest"},
    {"\"img_width\": 512,", "", "/parameters: an integer \"img_width\" is missing"},
    {"\"schedule\"", "\"shedule\"", "/shedule: unknown name: did you mean 'schedule'?"},
    {"\"graph\": \"decoder.json\"", "\"file\": \"decoder.json\"", "/models/decoder/file: unknown name: expected graph, parameters, weights or inputs"},
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
    assert_non_null(
        strstr(err_text(), "unknown parameter 'img_heigth': did you mean 'img_height'?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pipelines),
                                       cmocka_unit_test(test_shapes_parameters),
                                       cmocka_unit_test(test_pipeline_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
