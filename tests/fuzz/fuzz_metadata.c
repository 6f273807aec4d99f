/* What pictures record: text as it is in the chunk, or a whole PNG. What is read is written and
 * read again, and is the same then. */
#include "fuzz.h"
#include "small_pipeline.h"
#include "metadata.h"
#include "alloc.h"
#include "metadata_dream.h"
#include "picture_text.h"

/* White space in a prompt is one space to the tokenizer. */
static bool same_prompt(const char *a, const char *b)
{
    const char *space = " \n";
    a += strspn(a, space);
    b += strspn(b, space);
    for (; *a && *b; a++, b++)
        if (*a != *b && !(strchr(space, *a) && strchr(space, *b)))
            return false;
    return a[strspn(a, space)] == b[strspn(b, space)];
}

static void read_text(const char *text)
{
    lrt_settings s, back;
    lrt_option table[LRT_SETTING_COUNT];
    lrt_recorded r = {0}, again = {0};
    lrt_error e = {0};
    lrt_settings_default(&s, &small_pipeline);
    lrt_settings_default(&back, &small_pipeline);
    bool ok = lrt_metadata_parse(text, "fuzz", &small_pipeline, &s, &r, &e);
    if (!ok && strncmp(e.text, "fuzz: ", 6))
        die("refused without a place: %s", e.text);
    lrt_settings_table(table, &s, &small_pipeline);
    ok = ok && lrt_recorded_complete(&r, "fuzz", &s, &e) && lrt_settings_find_sampler(&s, &e);
    if (ok && !lrt_recorded_fit(&r, "fuzz", &small_pipeline, &s, table, &e))
        die("a recorded setting does not fit, and is not left out: %s", e.text);
    if (ok && !s.seed.random) {
        char *written = lrt_metadata_text(
            &small_pipeline, &(lrt_picture_record){.settings = &s, .seed = s.seed.value});
        if (!lrt_metadata_parse(written, "again", &small_pipeline, &back, &again, &e))
            die("written, but not read: %s: %s", e.text, written);
        if (!same_prompt(s.prompt, back.prompt) || !same_prompt(s.negative, back.negative) ||
            s.steps != back.steps || s.seed.value != back.seed.value ||
            memcmp(&s.cfg_scale, &back.cfg_scale, sizeof s.cfg_scale) ||
            memcmp(&s.alpha, &back.alpha, sizeof s.alpha) ||
            !lrt_settings_check(&back, &small_pipeline, &e) || s.sampler != back.sampler ||
            s.rng != back.rng || s.curve != back.curve ||
            memcmp(&s.schedule, &back.schedule, sizeof s.schedule))
            die("read otherwise than written: %s", written);
        free(written);
    }
    lrt_recorded_free(&r);
    lrt_recorded_free(&again);
}

static void body(const uint8_t *data, size_t size)
{
    char *text = xmalloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    read_text(text);
    char *dream = lrt_dream_record(text);
    free(text);
    if (dream)
        read_text(dream);
    free(dream);
    FILE *f = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
    lrt_error e = {0};
    static const char *const keys[] = {"parameters", LRT_DREAM_CHUNK, "workflow"};
    lrt_found_text found = {NULL, -1};
    if (f && !lrt_picture_text_stream(f, "fuzz", &(lrt_text_keys){keys, 3}, &found, &e) && !*e.text)
        die("refused without a reason");
    if (found.text)
        read_text(found.text);
    free(found.text);
    if (f)
        fclose(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_catch(body, data, size);
}
