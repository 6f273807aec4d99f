/* Files of prompts: refused with file and line, or every line's settings are whole and no two
 * pictures have one name. */
#include "fuzz.h"
#include "small_pipeline.h"
#include "prompts.h"

static void body(const uint8_t *data, size_t size)
{
    lrt_settings base;
    lrt_jobs jobs;
    lrt_error e = {0};
    int64_t pictures = 0;
    lrt_settings_default(&base, &small_pipeline);
    bool ok = lrt_jobs_parse(&(lrt_prompts_text){"fuzz", (const char *)data, size}, &small_pipeline,
                             &base, &jobs, &e);
    if (!ok && (strncmp(e.text, "fuzz", 4) || strchr(e.text, '\n')))
        die("refused without a place: %s", e.text);
    for (size_t i = 0; ok && i < jobs.n; i++) {
        const lrt_job *j = &jobs.jobs[i];
        if (!j->set.prompt || !j->set.sampler || j->set.steps < 1 || j->set.seed.random ||
            j->first != pictures + 1)
            die("line %d: its settings are not whole", j->line);
        pictures += j->set.batch_count;
    }
    if (ok && (pictures != jobs.pictures || jobs.n == 0))
        die("%lld pictures, %lld counted", (long long)pictures, (long long)jobs.pictures);
    lrt_jobs_free(&jobs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_catch(body, data, size);
}
