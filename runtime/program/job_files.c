/* See job_files.h. */
#include "job_files.h"

#include <stdlib.h>
#include <string.h>

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

/* ---- what lines start from ---- */

typedef struct {
    char *file; /* however its name is spelled */
    const lrt_job *job;
} Source;

typedef struct {
    const lrt_jobs *jobs;
    lrt_part part;
    bool ranks;
    Source *sources; /* by file */
    size_t n;
} Sources;

static int by_file(const void *a, const void *b)
{
    return strcmp(((const Source *)a)->file, ((const Source *)b)->file);
}

/* The init images and masks of all lines. */
static bool gather(Sources *x, lrt_error *e)
{
    bool ok = (x->sources = calloc(2 * x->jobs->n, sizeof *x->sources)) ||
              lrt_fail(e, "out of memory");
    for (size_t k = 0; k < x->jobs->n && ok; k++) {
        const lrt_job *job = &x->jobs->jobs[k];
        const char *const names[] = {job->set.init_img, job->set.mask};
        for (int i = 0; i < 2 && ok; i++) {
            if (!names[i])
                continue;
            x->sources[x->n] = (Source){lrt_output_identity(names[i], e), job};
            ok = x->sources[x->n].file;
            x->n += ok;
        }
    }
    qsort(x->sources, x->n, sizeof *x->sources, by_file);
    return ok;
}

/* Whether the same process draws both lines, in their order. */
static bool same_process(const Sources *x, const lrt_job *a, const lrt_job *b)
{
    return a == b || (!x->ranks && (a - b) % x->part.of == 0);
}

/* A line that starts from this file, which another process draws; NULL: there is none. */
static const lrt_job *reader(const Sources *x, const char *file, const lrt_job *drawn)
{
    const Source key = {(char *)file, NULL},
                 *found = bsearch(&key, x->sources, x->n, sizeof key, by_file),
                 *end = x->sources + x->n;
    if (!found)
        return NULL;
    while (found > x->sources && !by_file(found - 1, &key))
        found--;
    for (; found < end && !by_file(found, &key); found++)
        if (!same_process(x, found->job, drawn))
            return found->job;
    return NULL;
}

/* Whether no line that another process draws starts from a picture of this job. */
static bool check_drawn(const Sources *x, const lrt_job *job, lrt_error *e)
{
    bool ok = true;
    for (int64_t i = 0; i < job->set.batch_count && ok; i++) {
        char *name = lrt_picture_name(job, i, x->jobs->pictures, ""),
             *file = name ? lrt_output_identity(name, e) : NULL;
        const lrt_job *other = file ? reader(x, file, job) : NULL;
        ok = name ? file != NULL : lrt_fail(e, "out of memory");
        if (other)
            ok = lrt_fail(
                e,
                "%.200s:%d: it starts from %.160s, which line %d draws, maybe at the same time: put it into a second list, to be drawn when this one is done",
                lrt_jobs_place(job->set.prompts), other->line, name, job->line);
        free(name);
        free(file);
    }
    return ok;
}

bool lrt_jobs_check_sources(const lrt_jobs *jobs, lrt_part part, bool ranks, lrt_error *e)
{
    Sources x = {.jobs = jobs, .part = part, .ranks = ranks};
    if (!ranks && part.of == 1)
        return true;
    bool ok = gather(&x, e);
    for (size_t k = 0; k < jobs->n && ok && x.n; k++)
        ok = check_drawn(&x, &jobs->jobs[k], e);
    for (size_t i = 0; i < x.n; i++)
        free(x.sources[i].file);
    free(x.sources);
    return ok;
}
