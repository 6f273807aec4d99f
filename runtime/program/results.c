/* See results.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* gethostname */
#endif
#include "results.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job_files.h"
#include "scan.h"

bool lrt_results_begin(lrt_results *r, const lrt_jobs *jobs, const char *log, lrt_error *e)
{
    *r = (lrt_results){.jobs = jobs, .log_name = log};
    if (gethostname(r->host, sizeof r->host - 1))
        *r->host = 0;
    if (!(r->why = calloc(jobs->n, sizeof *r->why)))
        return lrt_fail(e, "out of memory");
    if (log && !(r->log = fopen(log, "ab")))
        return lrt_fail(e, "%s: cannot be written: %s", log, strerror(errno));
    return true;
}

static void put_member(FILE *f, const char *name, const char *text)
{
    fprintf(f, ", \"%s\": ", name);
    lrt_scan_quote(f, text);
}

/* One line, written at once, so that lines of several processes do not mix. */
static void log_line(lrt_results *r, const lrt_result *x)
{
    static const char *const outcomes[] = {
        [LRT_DRAWN] = "drawn", [LRT_EXISTED] = "exists", [LRT_FAILED] = "failed"};
    const lrt_job *job = &r->jobs->jobs[x->job];
    char *line = NULL, *name = lrt_picture_name(job, x->number, r->jobs->pictures, "");
    size_t bytes = 0;
    FILE *f = open_memstream(&line, &bytes);
    if (f && name) {
        fprintf(f, "{\"picture\": %lld, \"line\": %d", (long long)(job->first + x->number),
                job->line);
        put_member(f, "name", name);
        fprintf(f, ", \"seed\": %llu, \"rank\": %d",
                (unsigned long long)(job->set.seed.value + (uint64_t)x->number), x->rank);
        put_member(f, "host", *x->host ? x->host : r->host);
        fprintf(f, ", \"threads\": %d, \"seconds\": %.3f", x->threads, x->seconds);
        put_member(f, "result", outcomes[x->outcome]);
        if (x->outcome == LRT_FAILED)
            put_member(f, "error", x->why.text);
        fputs("}\n", f);
    }
    bool made = f && !fclose(f) && name;
    if (!made || fwrite(line, 1, bytes, r->log) != bytes || fflush(r->log))
        r->log_lost = true;
    free(line);
    free(name);
}

void lrt_results_add(lrt_results *r, const lrt_result *x)
{
    r->drawn += x->outcome == LRT_DRAWN;
    r->existed += x->outcome == LRT_EXISTED;
    r->failed += x->outcome == LRT_FAILED;
    if (x->outcome == LRT_FAILED && !r->why[x->job]) {
        r->why[x->job] = strdup(x->why.text);
        r->failed_lines++;
    }
    if (r->log)
        log_line(r, x);
}

bool lrt_results_end(lrt_results *r, lrt_error *e)
{
    bool lost = r->log_lost || (r->log && fclose(r->log));
    r->log = NULL;
    return !lost || lrt_fail(e, "%s: cannot be written: %s", r->log_name,
                             errno ? strerror(errno) : "a line is missing");
}

void lrt_results_free(lrt_results *r)
{
    for (size_t i = 0; r->why && i < r->jobs->n; i++)
        free(r->why[i]);
    free(r->why);
    if (r->log)
        fclose(r->log);
    *r = (lrt_results){0};
}
