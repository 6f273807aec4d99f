/* A generator's command line, lines of --prompts, and the names of numbered pictures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "numbered_name.h"
#include "prompts.h"
#include "settings.h"
#include "small_pipeline.h"

static void check_name(const char *pattern, int64_t i, int64_t n, const char *tag, const char *want)
{
    char *name = lrt_numbered_name(pattern, i, n, 42, tag);
    assert_string_equal(name, want);
    free(name);
}

static void test_names(void **state)
{
    (void)state;
    check_name("output.png", 1, 1, "", "output.png");
    check_name("output.png", 3, 4, "", "output-3.png");
    check_name("a/b.c/output", 3, 4, "", "a/b.c/output-3");
    check_name("p-%03d.png", 7, 9, "", "p-007.png");
    check_name("p-%d%d.png", 7, 1, "", "p-7%d.png");
    check_name("100%.png", 1, 2, "", "100%-1.png");
    check_name("x.png", 1, 1, ".preview", "x.preview.png");
    check_name("x.png", 2, 2, ".preview", "x-2.preview.png");
    check_name(".hidden", 2, 2, "", ".hidden-2");
    check_name("p-%s.png", 2, 2, "", "p-42.png");
    check_name("%05d-%s-%s.png", 2, 2, "", "00002-42-%s.png");
    check_name("p-%02147483648d.png", 7, 1, "", "p-00000000000000000007.png");
    check_name("p-%99999999999999999999d", 7, 1, "", "p-                   7");
    char *largest = lrt_numbered_name("%s.png", 1, 1, UINT64_MAX, "");
    assert_string_equal(largest, "18446744073709551615.png");
    free(largest);
}

/* Arguments up to a NULL. */
static bool parse(lrt_settings *s, lrt_error *e, char **argv)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    e->text[0] = '\0';
    return lrt_settings_parse(s, &small_pipeline, argc, argv, e);
}
#define PARSE(s, e, ...) parse(s, e, (char *[]){(char *)"test", __VA_ARGS__, NULL})

static void test_settings(void **state)
{
    lrt_settings s;
    lrt_error e;
    (void)state;
    assert_true(PARSE(&s, &e, "-p", "x"));
    assert_true(s.steps == 25 && s.cfg_scale == 7.5 && s.seed.value == 42 && !s.seed.random &&
                s.batch_count == 1 && isnan(s.alpha));
    assert_string_equal(s.sampler->name, "ddim");
    assert_string_equal(s.negative, "");
    assert_true(PARSE(&s, &e, "--prompt=a=b", "-n", "-5 dogs", "-s-3", "--steps", "1000",
                      "--cfg-scale=-1e1", "--sampling-method", "relax", "--alpha", "0.5"));
    assert_string_equal(s.prompt, "a=b");
    assert_string_equal(s.negative, "-5 dogs");
    assert_true(s.seed.random && s.steps == 1000 && s.cfg_scale == -10 && s.alpha == 0.5);
    assert_true(PARSE(&s, &e, "-p", "x", "-s", "18446744073709551615"));
    assert_true(s.seed.value == UINT64_MAX && !s.seed.random);
    assert_true(PARSE(&s, &e, "-p", "x", "-s", "-99999999999999999999") && s.seed.random);
    assert_true(PARSE(&s, &e, "-p", "x", "-s-0") && !s.seed.random && s.seed.value == 0);
    assert_true(PARSE(&s, &e, "-p", ""));
    assert_true(PARSE(&s, &e, "--info"));
    assert_true(PARSE(&s, &e, "-h"));
}

static void test_wrong_usage(void **state)
{
    /* clang-format off */
    static const struct {
        char *argv[6];
        const char *message;
    } cases[] = {
        /* clang-format on */
        {{"test", NULL}, "no prompt"},
        {{"test", "-p", NULL}, "-p: expected TEXT after it"},
        {{"test", "-p", "--steps", "5", NULL}, "-p: expected TEXT after it"},
        {{"test", "--stepps", "5", NULL}, "unknown flag '--stepps': did you mean '--steps'?"},
        {{"test", "-Q", NULL}, "unknown flag '-Q': --help lists the flags"},
        {{"test", "--negative_prompt", "x", NULL}, "did you mean '--negative-prompt'?"},
        {{"test", "--guidance_scale=3", NULL}, "did you mean '--cfg-scale X'?"},
        {{"test", "--num-inference-steps", "3", NULL}, "did you mean '--steps N'?"},
        {{"test", "--num-images", "3", NULL}, "did you mean '--batch-count N'?"},
        {{"test", "--sampler", "Euler a", NULL}, "did you mean '--sampling-method \"Euler a\"'?"},
        {{"test", "--scheduler", "DPM++ 2M Karras", NULL},
         "did you mean '--sampling-method \"DPM++ 2M Karras\"'?"},
        {{"test", "--scheduler", "karras", NULL}, "did you mean '--spacing karras'?"},
        {{"test", "--scheduler=trailing", NULL}, "did you mean '--spacing trailing'?"},
        {{"test", "--scheduler", "x", NULL},
         "did you mean '--sampling-method NAME' or '--spacing NAME'?"},
        {{"test", "--scheduler", NULL},
         "did you mean '--sampling-method NAME' or '--spacing NAME'?"},
        {{"test", "-W", "512", NULL}, "did you mean '--size WxH'?"},
        {{"test", "--height", "512", NULL}, "did you mean '--size WxH'?"},
        {{"test", "--image", "x.png", NULL}, "did you mean '--init-img FILE'?"},
        {{"test", "--denoising-strength", "x.png", NULL}, "did you mean '--strength X'?"},
        {{"test", "--model", "x", NULL}, "the weights are a part of this program"},
        {{"test", "--device", "cuda", NULL}, "programs run on the CPU"},
        {{"test", "-z", NULL}, "unknown flag '-z'"},
        {{"test", "-p", "x", "-o", "a.webp", NULL},
         "a.webp: unknown ending '.webp': expected .png, .jpg or .jpeg"},
        {{"test", "-p", "x", "-o-", "-b2", NULL},
         "-o -: standard output takes one picture: --batch-count must be 1"},
        {{"test", "a red circle", NULL}, "the prompt goes after -p"},
        {{"test", "-p", "x", "--steps", "0", NULL},
         "--steps: expected an integer from 1 to 1000, found '0'"},
        {{"test", "-p", "x", "--steps", "1001", NULL}, "found '1001'"},
        {{"test", "-p", "x", "--steps", "5x", NULL}, "found '5x'"},
        {{"test", "-p", "x", "--cfg-scale", "nan", NULL},
         "--cfg-scale: expected a number from -1000 to 1000, found 'nan'"},
        {{"test", "-p", "x", "--cfg-scale", "inf", NULL}, "found 'inf'"},
        {{"test", "-p", "x", "-s", "18446744073709551616", NULL},
         "--seed: expected an integer from 0 to 18446744073709551615, or a negative one for a random seed; found '18446744073709551616'"},
        {{"test", "-p", "x", "-s", " 1", NULL}, "found ' 1'"},
        {{"test", "-p", "x", "-s", "--1", NULL}, "found '--1'"},
        {{"test", "-p", "x", "-s", "1e3", NULL}, "found '1e3'"},
        {{"test", "-p", "x", "--sampling-method", "ddin", NULL}, "did you mean 'ddim'?"},
        {{"test", "-p", "x", "--rng", "dice", NULL}, "--rng: unknown 'dice'"},
        {{"test", "-p", "x", "--alpha", "0.5", NULL}, "--alpha goes with --sampling-method relax"},
        {{"test", "-p", "x", "--alpha", "0", NULL}, "--alpha: expected a number"},
        {{"test", "--info=yes", NULL}, "--info takes no value"},
        {{"test", "-p", "x", "-t", "0", NULL}, "--threads"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lrt_settings s;
        lrt_error e;
        if (parse(&s, &e, (char **)(uintptr_t)cases[i].argv) || !strstr(e.text, cases[i].message))
            fail_msg("case %zu: found \"%s\", expected \"%s\"", i, e.text, cases[i].message);
    }
}

/* A model with channels for masks draws from a picture and a mask alone. */
static void test_masks(void **state)
{
    static const char needs[] =
        "this model repaints a part of a picture: it needs the picture and a mask of that part: -i FILE --mask FILE";
    static const struct {
        char *argv[8];
        const char *message; /* NULL: nothing is wrong */
    } cases[] = {
        {{"test", "-p", "x", NULL}, needs},
        {{"test", "-p", "x", "-i", "a.png", NULL}, needs},
        {{"test", "-p", "x", "--mask", "a.png", NULL}, "--mask needs an init image: -i FILE"},
        {{"test", "-p", "x", "-i", "a.png", "--mask", "b.png", NULL}, NULL},
        {{"test", "-p", "x", "--print-tokens", NULL}, NULL},
        {{"test", "--prompts", "list.txt", NULL}, NULL},
        {{"test", "--info", NULL}, NULL},
    };
    lrt_pipeline p = small_pipeline;
    (void)state;
    p.masks = 1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lrt_settings s;
        lrt_error e = {.text = ""};
        int argc = 0;
        while (cases[i].argv[argc])
            argc++;
        bool ok = lrt_settings_parse(&s, &p, argc, (char **)(uintptr_t)cases[i].argv, &e);
        if (ok == (cases[i].message != NULL) || (!ok && strcmp(e.text, cases[i].message)))
            fail_msg("case %zu: found \"%s\"", i, e.text);
    }
}

/* --fast is about each picture: its own steps, guidance and settings that were given. */
static void test_fast(void **state)
{
    static const struct {
        const char *line;
        double stop;
        int64_t interval;
    } cases[] = {
        {"a red circle", 0.6, 3},
        {"{\"prompt\": \"x\", \"steps\": 2}", 1, 1},
        {"{\"prompt\": \"x\", \"steps\": 9}", 1, 1},
        {"{\"prompt\": \"x\", \"steps\": 10}", 0.6, 3},
        {"{\"prompt\": \"x\", \"cfg_scale\": 1}", 1, 3},
        {"{\"prompt\": \"x\", \"guidance_start\": 0.8}", 1, 3},
        {"{\"prompt\": \"x\", \"guidance_stop\": 0.9}", 0.9, 3},
        {"{\"prompt\": \"x\", \"cache_interval\": 1}", 0.6, 1},
        {"{\"prompt\": \"x\", \"cache_interval\": null, \"guidance_stop\": null}", 0.6, 3},
        /* 6 of 25 steps run */
        {"{\"prompt\": \"x\", \"init_img\": \"a.png\", \"strength\": 0.25}", 1, 1},
        {"{\"prompt\": \"x\", \"init_img\": \"a.png\", \"strength\": 0.5}", 0.6, 3},
    };
    lrt_settings base, one;
    lrt_error e = {""};
    (void)state;
    assert_true(PARSE(&base, &e, "--prompts", "list", "--fast"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lrt_jobs jobs;
        const lrt_prompts_text line = {"list", cases[i].line, strlen(cases[i].line)};
        if (!lrt_jobs_parse(&line, &small_pipeline, &base, &jobs, &e))
            fail_msg("%s: %s", cases[i].line, e.text);
        one = jobs.jobs[0].set;
        if (one.guidance_stop != cases[i].stop || one.cache_interval != cases[i].interval)
            fail_msg("%s: found --guidance-stop %g --cache-interval %d", cases[i].line,
                     one.guidance_stop, (int)one.cache_interval);
        lrt_jobs_free(&jobs);
    }
    assert_true(PARSE(&one, &e, "-p", "x", "--fast") && one.guidance_stop == 0.6 &&
                one.cache_interval == 3);
    assert_true(PARSE(&one, &e, "-p", "x", "--fast", "--steps", "2") && one.guidance_stop == 1 &&
                one.cache_interval == 1);
    assert_true(PARSE(&base, &e, "--prompts", "list", "--fast", "--cache-interval", "2"));
    assert_true(base.cache_interval == 2 && base.guidance_stop == 1);
}

/* What a program with TAESD alone cannot do; values of switches. */
static void test_taesd(void **state)
{
    lrt_pipeline alone = small_pipeline;
    lrt_settings s;
    lrt_error e = {""};
    const char *const only = "--taesd: found false: TAESD is the only decoder of this program",
                      *const line = "{\"prompt\": \"x\", \"taesd\": false}";
    lrt_jobs jobs;
    (void)state;
    alone.decoder = -1;
    lrt_settings_default(&s, &alone);
    assert_false(lrt_settings_set(&s, &alone, "taesd", "false", &e));
    assert_string_equal(e.text, only);
    assert_true(lrt_settings_set(&s, &alone, "taesd", "true", &e));
    assert_true(lrt_settings_set(&s, &alone, "taesd", NULL, &e));
    assert_false(
        lrt_jobs_parse(&(lrt_prompts_text){"list", line, strlen(line)}, &alone, &s, &jobs, &e));
    assert_non_null(strstr(e.text, only));
    lrt_jobs_free(&jobs);
    lrt_settings_default(&s, &small_pipeline);
    assert_true(lrt_settings_set(&s, &small_pipeline, "taesd", "false", &e) && !s.taesd);
    for (const char *const *v = (const char *const[]){"", "yes", "TRUE", NULL}; *v; v++) {
        assert_false(lrt_settings_set(&s, &small_pipeline, "taesd", *v, &e));
        assert_non_null(strstr(e.text, "--taesd: expected true or false, found '"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),       cmocka_unit_test(test_settings),
        cmocka_unit_test(test_fast),        cmocka_unit_test(test_taesd),
        cmocka_unit_test(test_wrong_usage), cmocka_unit_test(test_masks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
