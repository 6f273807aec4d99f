/* See job_files.h. */
#include "job_files.h"

#include <stdlib.h>

#include "host.h"
#include "numbered_name.h"
#include "output_place.h"

char *lrt_picture_name(const lrt_job *job, int64_t i, int64_t pictures, const char *tag)
{
    const lrt_settings *s = &job->set;
    if (s->prompts)
        return lrt_job_name(job, i, pictures, tag);
    return lrt_numbered_name(s->output, i + 1, s->batch_count, s->seed.value + (uint64_t)i, tag);
}

char *lrt_side_name(const lrt_job *job, const char *pattern, int64_t i, int64_t pictures)
{
    return lrt_numbered_name(pattern, job->first + i, pictures, job->set.seed.value + (uint64_t)i,
                             "");
}

/* The files beside the first picture of a job: those of later pictures have the same pattern. */
static bool claim_side_files(const lrt_job *job, int64_t pictures, lrt_error *e)
{
    const char *const patterns[] = {job->set.trace, job->set.save_latent};
    bool ok = !job->set.latent_in || lrt_output_protect(job->set.latent_in, e);
    for (int i = 0; i < 2 && ok; i++) {
        char *name = patterns[i] ? lrt_side_name(job, patterns[i], 0, pictures) : NULL;
        ok = !patterns[i] || (name ? lrt_output_claim(name, e) : lrt_fail(e, "out of memory"));
        free(name);
    }
    return ok;
}

/* The pictures of a job. That their names differ among jobs, prompts.c has checked. */
static bool check_pictures(const lrt_job *job, int64_t pictures, lrt_error *e)
{
    bool ok = true;
    for (int64_t i = 0; i < job->set.batch_count && ok; i++) {
        char *name = lrt_picture_name(job, i, pictures, "");
        ok = name ? lrt_output_free(name, e) : lrt_fail(e, "out of memory");
        free(name);
    }
    return ok;
}

bool lrt_jobs_claim(const lrt_jobs *jobs, const char *weights_path, lrt_error *e)
{
    const lrt_settings *s = &jobs->jobs[0].set;
    const char *const read[] = {lrt_host_program(), weights_path, s->prompts};
    bool ok = true;
    for (int i = 0; i < 3 && ok; i++)
        ok = !read[i] || lrt_output_protect(read[i], e);
    ok = ok && (!s->profile || lrt_output_claim(s->profile, e)) &&
         (!s->log || lrt_output_claim(s->log, e));
    for (size_t k = 0; k < jobs->n && ok; k++)
        ok = claim_side_files(&jobs->jobs[k], jobs->pictures, e);
    for (size_t k = 0; k < jobs->n && ok; k++)
        ok = check_pictures(&jobs->jobs[k], jobs->pictures, e);
    return ok;
}
