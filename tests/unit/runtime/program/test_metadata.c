/* Records of pictures: the texts of other programs, their files, and settings that do not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadata.h"
#include "metadata_dream.h"
#include "metadata_fields.h"
#include "settings.h"
#include "small_pipeline.h"

/* What a record says, in one line: only what is not the default above. */
static void describe(const lrt_settings *s, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "[%s|%s] %s %d", s->prompt, s->negative, s->sampler_name,
                                (int)s->steps);
    if (s->spacing_name)
        n += (size_t)snprintf(out + n, size - n, " %s", s->spacing_name);
    if (s->cfg_scale != 7.5)
        n += (size_t)snprintf(out + n, size - n, " cfg=%g", s->cfg_scale);
    if (s->seed.random || s->seed.value != 42)
        n += (size_t)snprintf(out + n, size - n, s->seed.random ? " random" : " seed=%llu",
                              (unsigned long long)s->seed.value);
    if (s->eta != 0)
        n += (size_t)snprintf(out + n, size - n, " eta=%g", s->eta);
    if (s->strength == s->strength)
        n += (size_t)snprintf(out + n, size - n, " strength=%g", s->strength);
    if (strcmp(s->rng_name, "cuda"))
        snprintf(out + n, size - n, " rng=%s", s->rng_name);
}

/* A record, what describe says of it, and its notice. */
typedef struct {
    const char *text, *want, *notice;
} Case;

static void check_cases(const Case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        lrt_settings s;
        lrt_option table[LRT_SETTING_COUNT];
        lrt_recorded r = {0};
        lrt_error e = {""};
        char got[1024] = "";
        lrt_settings_default(&s, &small_pipeline);
        if (!lrt_metadata_parse(cases[i].text, "x.png", &small_pipeline, &s, &r, &e))
            fail_msg("%s: refused: %s", cases[i].text, e.text);
        lrt_settings_table(table, &s, &small_pipeline);
        if (!lrt_recorded_fit(&r, "x.png", &small_pipeline, &s, table, &e))
            fail_msg("%s: does not fit: %s", cases[i].text, e.text);
        describe(&s, got, sizeof got);
        if (strcmp(got, cases[i].want) || strcmp(r.notice ? r.notice : "", cases[i].notice))
            fail_msg("%s\nfound    %s\n         %sexpected %s\n         %s", cases[i].text, got,
                     r.notice ? r.notice : "\n", cases[i].want, cases[i].notice);
        lrt_recorded_free(&r);
    }
}
#define NO_SAMPLER(name)                                                                           \
    "x.png: its sampler " name " is not used: this program does not have it; it draws with ddim: " \
    "--sampling-method NAME chooses another\n"
#define CHECK_CASES(cases) check_cases(cases, sizeof(cases) / sizeof *(cases))

/* clang-format off */
static void test_forms(void **state)
{
    static const Case cases[] = {
        /* values that nobody quotes: JSON, tuples, lists, dates */
        {"a\nSteps: 3, Sampler: Euler a, Civitai resources: [{\"type\":\"a, Steps: 9\",\"w\":0.5},{\"n\":1}], Seed: 7, Civitai metadata: {}",
         "[a|] Euler a 3 seed=7", "x.png: not used: Civitai resources, Civitai metadata\n"},
        {"a\nSteps: 3, ADM Guidance: (1.5, 0.8, 0.3), Regional Ratio: 1,2,1, Seed: 7, Created Date: 2024-05-01T12:34:56.789Z",
         "[a|] ddim 3 seed=7", "x.png: not used: ADM Guidance, Regional Ratio, Created Date\n"},
        {"a\nSteps: 3, Broken: {\"x\": [1, Seed: 7, Also: \"not closed, CFG scale: 4", "[a|] ddim 3 cfg=4 seed=7", "x.png: not used: Broken, Also\n"},
        {"a\nSteps: 3, Lora hashes: \"a: 1, Seed: 9\", TI: \"a\" b, Seed: 7", "[a|] ddim 3 seed=7", "x.png: not used: Lora hashes, TI\n"},
        /* a field ends at its line's end; other programs' lines behind the fields */
        {"a\nSteps: 3, Seed: 7\nTemplate: a {x|y}, seed: 9, Steps: 9\nNegative Template: ", "[a|] ddim 3 seed=7",
         "x.png: not used: Template, Negative Template\n"},
        {"a\nSteps: 3, Sampler: Euler\nSeed: 7, CFG scale: 4\n\n", "[a|] Euler 3 cfg=4 seed=7", ""},
        {"a\r\nNegative prompt: b\r\nSteps: 3, Sampler: Euler, Seed: 7\r\n", "[a\r|b\r] Euler 3 seed=7", ""},
        {"a,\n b\nNegative prompt:c\nd\nSteps:3, Seed:7", "[a,\n b|c\nd] ddim 3 seed=7", ""},
        {"a\nNegative prompt:\nSteps: 3", "[a|] ddim 3", ""},
        {"Steps: 3, Seed: 7,, ,", "[|] ddim 3 seed=7", ""},
        {"a\nSeed: 7, Steps: 3, Sampler: Euler, cfg scale: 4", "[a|] Euler 3 cfg=4 seed=7", ""},
        /* stable-diffusion.cpp */
        {"a\nSteps: 3, CFG scale: 4.000000, Guidance: 3.500000, Eta: inf, Seed: 7, RNG: std_default, Sampler: euler_a discrete, SDCPP: {\"a\":{\"eta\":null,\"l\":[1,2]}}",
         "[a|] euler_a 3 cfg=4 seed=7", "x.png: not used: Guidance, Eta inf, RNG std_default, the schedule discrete, SDCPP\n"},
        {"a\nSteps: 3, Sampler: dpm++2m karras, RNG: cpu", "[a|] dpm++2m 3 karras rng=cpu", ""},
        {"a\nSteps: 3, Sampler: ddim_trailing", "[a|] ddim 3 trailing", ""},
        /* nodes of ComfyUI */
        {"a\nSteps: 3, Sampler: dpmpp_2m_sde_gpu_karras, Denoise: 1.0, Size: -5x3", "[a|] dpmpp_2m_sde_gpu 3 karras",
         "x.png: not used: Size -5x3\nx.png: its strength is not used: --strength needs an init image: -i FILE\n"},
        {"a\nSteps: 3, Sampler: euler_ancestral, Scheduler: karras", "[a|] euler_ancestral 3 karras", ""},
        {"a\nSteps: 3, Sampler: DPM++ 2M, Schedule type: Align Your Steps", "[a|] DPM++ 2M 3", "x.png: not used: Schedule type Align Your Steps\n"},
        /* marks of web interfaces in prompts */
        {"a (red:1.2) <lora:x:0.8> circle\nSteps: 3", "[a (red:1.2) <lora:x:0.8> circle|] ddim 3",
         "x.png: its prompt has weights, (word:1.2), which are read as words\nx.png: its prompt has networks, <lora:name:1>, which are read as words\n"},
        {"a (red:1.2) circle\nSteps: 3, Version: latentc 0.1.0", "[a (red:1.2) circle|] ddim 3", ""},
        {"12:30 :) (a: 1)\nNegative prompt: (bad:1.)\nSteps: 3", "[12:30 :) (a: 1)|(bad:1.)] ddim 3",
         "x.png: its prompt has weights, (word:1.2), which are read as words\n"},
        /* a name that only begins like one of ours */
        {"a\nSteps: 3, Sampler: DPM++ 2M SDE Heun Karras", "[a|] ddim 3", NO_SAMPLER("DPM++ 2M SDE Heun Karras")},
        {"a\nSteps: 3, Seed: -1, Size: large, Model: other", "[a|] ddim 3 random",
         "x.png: this is test, it was drawn by the model other\nx.png: not used: Size large\n"},
        {"a\nSteps: 3, Seed: 9, \x1b[31mred: x\xe2\x80\xae, Seed: 7", "[a|] ddim 3 seed=7", "x.png: not used: \\x1b[31mred: x\\u202e\n"},
    };
    (void)state;
    CHECK_CASES(cases);
}

/* What nobody typed is not refused, but left out and said. */
static void test_unfit(void **state)
{
    static const Case cases[] = {
        {"a\nSteps: 3, Sampler: Restart, Seed: 7", "[a|] ddim 3 seed=7", NO_SAMPLER("Restart")},
        {"a\nSteps: 3, Sampler: DPM fast, Eta: 0.5", "[a|] ddim 3 eta=0.5", NO_SAMPLER("DPM fast")},
        {"a\nSteps: 3, Sampler: DDIM CFG++, Schedule type: Karras", "[a|] ddim 3",
         NO_SAMPLER("DDIM CFG++") "x.png: its spacing is not used: --spacing karras does not go with --sampling-method ddim\n"},
        {"a\nSteps: 1001, CFG scale: nan, Seed: 18446744073709551616, RNG: dice", "[a|] ddim 25",
         "x.png: not used: Steps 1001, CFG scale nan, Seed 18446744073709551616, RNG dice\n"},
        {"a\nSteps: 3, Sampler: Euler, Denoising strength: 0.5, Eta: 0.67", "[a|] Euler 3",
         "x.png: its eta is not used: --eta goes with --sampling-method ddim or tcd, not with euler\n"
         "x.png: its strength is not used: --strength needs an init image: -i FILE\n"},
        {"a\nSteps: 3, Sampler: DDIM, Schedule type: Karras, Eta: 0.5", "[a|] DDIM 3 eta=0.5",
         "x.png: its spacing is not used: --spacing karras does not go with --sampling-method ddim\n"},
        {"a\nSteps: 3, Sampler: DDIM, Spacing: odd, Prediction: x, Alpha: 0.5, Keep pixels: true", "[a|] DDIM 3",
         "x.png: its spacing is not used: --spacing: unknown 'odd': expected "},
    };
    enum { LAST = sizeof cases / sizeof *cases - 1 };
    lrt_settings s;
    lrt_recorded r = {0};
    lrt_error e;
    (void)state;
    check_cases(cases, LAST);
    lrt_settings_default(&s, &small_pipeline);
    assert_true(lrt_metadata_parse(cases[LAST].text, "x.png", &small_pipeline, &s, &r, &e));
    lrt_option table[LRT_SETTING_COUNT];
    lrt_settings_table(table, &s, &small_pipeline);
    assert_true(lrt_recorded_fit(&r, "x.png", &small_pipeline, &s, table, &e));
    for (const char *const *w = (const char *const[]){"spacing", "prediction", "alpha", "keep-pixels", NULL}; *w; w++) {
        char want[80];
        snprintf(want, sizeof want, "x.png: its %s is not used: --%s", *w, *w);
        if (!strstr(r.notice, want))
            fail_msg("expected '%s' in %s", want, r.notice);
    }
    table[LRT_SETTING_alpha].given = true; /* what was typed is refused */
    s.alpha = 0.5;
    assert_false(lrt_recorded_fit(&r, "x.png", &small_pipeline, &s, table, &e));
    table[LRT_SETTING_alpha].given = false;
    table[LRT_SETTING_sampler_name].given = true;
    s.sampler_name = "Restart";
    assert_false(lrt_recorded_fit(&r, "x.png", &small_pipeline, &s, table, &e));
    lrt_recorded_free(&r);
}

/* Files as Pillow and piexif write them (recorded/record_records.py). */
static void test_files(void **state)
{
    static const struct {
        const char *file, *want;
    } cases[] = {
        {"latin1.png", "[a caf\xc3\xa9 red circle|blue] Euler a 3 cfg=4 seed=12345678901234567890"},
        {"ztxt.png", "[a caf\xc3\xa9 red circle|blue] Euler a 3 cfg=4 seed=12345678901234567890"},
        {"any.png", "[a caf\xc3\xa9 \xe4\xb8\x80 red circle|blue] Euler a 3 cfg=4 seed=12345678901234567890"},
        {"itxt-zip.png", "[a caf\xc3\xa9 \xe4\xb8\x80 red circle|blue] Euler a 3 cfg=4 seed=12345678901234567890"},
        {"exif.png", "[a caf\xc3\xa9 \xe4\xb8\x80 red circle|blue] Euler a 3 cfg=4 seed=12345678901234567890"},
        {"comfyui-node.png", "[a caf\xc3\xa9 \xe4\xb8\x80 red circle|blue] Euler a 3 cfg=4 seed=12345678901234567890"},
        {"dream.png", "[a red circle  |blue green ] k_euler_a 3 cfg=4 seed=7"},
        {"webui.jpg", "[a caf\xc3\xa9 \xe4\xb8\x80 red circle|blue] Euler a 3 cfg=4 seed=12345678901234567890"},
        {"little.jpg", "[a caf\xc3\xa9 \xe4\xb8\x80 red circle|blue] Euler a 3 cfg=4 seed=12345678901234567890"},
        {"mark.jpg", "[a caf\xc3\xa9 \xe4\xb8\x80 red circle|blue] Euler a 3 cfg=4 seed=12345678901234567890"},
        {"undefined.jpg", "[a caf\xc3\xa9 \xe4\xb8\x80 red circle|blue] Euler a 3 cfg=4 seed=12345678901234567890"},
        {"ascii.jpg", "[a cafe red circle|blue] Euler a 3 cfg=4 seed=12345678901234567890"},
        {"comfyui.png", "records a workflow of ComfyUI: expected a text 'parameters'"},
        {"comfyui-api.png", "records a workflow of ComfyUI: expected a text 'parameters'"},
        {"prompt.png", "does not record how it was drawn: a text 'parameters' is missing"},
        {"comfyui.jpg", "records a workflow of ComfyUI: expected a text 'parameters'"},
        {"invokeai.png", "records settings of InvokeAI as JSON: expected a text 'parameters'"},
        {"plain.jpg", "does not record how it was drawn: a text 'parameters' is missing"},
        {"missing.jpg", "cannot be read: No such file or directory"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lrt_settings s;
        lrt_recorded r = {0};
        lrt_error e = {""};
        char path[512], got[1024] = "";
        snprintf(path, sizeof path, "%s/records/%s", TEST_DATA_DIR, cases[i].file);
        lrt_settings_default(&s, &small_pipeline);
        if (lrt_metadata_read(path, &small_pipeline, &s, &r, &e))
            describe(&s, got, sizeof got);
        if (*got ? strcmp(got, cases[i].want) : !strstr(e.text, cases[i].want))
            fail_msg("%s: found %s%s, expected %s", cases[i].file, got, e.text, cases[i].want);
        lrt_recorded_free(&r);
    }
}
/* clang-format on */

/* Hostile texts take linear time, and a bounded number of names is listed. */
static void test_limits(void **state)
{
    enum { N = 300000 };
    static const char *const parts[] = {"k: (", "k: {\"", ",", "a:b,", "\"", "Steps: 3, "};
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        lrt_settings s;
        lrt_recorded r = {0};
        lrt_error e;
        size_t n = strlen(parts[i]);
        char *text = malloc(N + 32), *o = text + sprintf(text, "a\nSteps: 3, ");
        for (; o + n < text + N; o += n)
            memcpy(o, parts[i], n);
        *o = '\0';
        lrt_settings_default(&s, &small_pipeline);
        assert_true(lrt_metadata_parse(text, "x.png", &small_pipeline, &s, &r, &e));
        assert_true(!r.notice || strlen(r.notice) < 10000);
        lrt_recorded_free(&r);
        free(text);
    }
}

static void test_dream(void **state)
{
    static const char *const cases[][2] = {
        {"\"a \\\"red\\\" circle\" -s 50 -S 42 -W 512 -H 256 -C 7.5 -A k_lms -f 0.5",
         "a \"red\" circle\nNegative prompt: \nSteps: 50, Sampler: k_lms, CFG scale: 7.5, Seed: 42, Denoising strength: 0.5, Size: 512x256"},
        {"a red-hot -ish circle -s50 -S7 -Ak_euler",
         "a red-hot -ish circle\nNegative prompt: \nSteps: 50, Sampler: k_euler, Seed: 7"},
        {"", "\nNegative prompt: \nSteps: "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *got = lrt_dream_record(cases[i][0]);
        assert_string_equal(got, cases[i][1]);
        free(got);
    }
}

/* The level of step caching is recorded where short steps were drawn. */
static void test_cache_level(void **state)
{
    lrt_settings s;
    lrt_error e;
    lrt_recorded r = {0};
    (void)state;
    lrt_settings_default(&s, &small_pipeline);
    s.prompt = "a";
    assert_true(lrt_settings_check(&s, &small_pipeline, &e));
    char *text = lrt_metadata_text(&small_pipeline, &(lrt_picture_record){.settings = &s});
    assert_null(strstr(text, "Cache"));
    free(text);
    s.cache_interval = 3;
    text = lrt_metadata_text(&small_pipeline, &(lrt_picture_record){.settings = &s});
    assert_non_null(strstr(text, ", Cache interval: 3, Cache level: 2, Version: "));
    lrt_settings_default(&s, &small_pipeline);
    assert_true(lrt_metadata_parse(text, "x.png", &small_pipeline, &s, &r, &e));
    assert_true(s.cache_interval == 3 && r.cache_level == 2 && !r.notice);
    lrt_recorded_free(&r);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms), cmocka_unit_test(test_unfit),
        cmocka_unit_test(test_files), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_dream), cmocka_unit_test(test_cache_level)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
