/* See run.h. */
#include "run.h"

#include <stdarg.h>
#include <string.h>

#include "utf8.h"

void lrt_run_say(const lrt_run *r, const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    if (r->mute)
        return;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) >= (int)sizeof text)
        lrt_utf8_trim(text);
    va_end(ap);
    lrt_put_plain(stderr, r->program, strlen(r->program));
    fputs(": ", stderr);
    lrt_put_plain(stderr, text, strlen(text));
    fputc('\n', stderr);
}

void lrt_run_notice(const lrt_run *r, const char *notice)
{
    for (const char *line = notice; line && *line; line += strcspn(line, "\n"), line += *line != 0)
        lrt_run_say(r, "%s%.*s", r->name, (int)strcspn(line, "\n"), line);
}

lrt_result lrt_run_result(const lrt_run *r)
{
    return (lrt_result){.job = r->job - r->jobs.jobs,
                        .number = r->number,
                        .threads = (int)r->s.set.threads,
                        .seconds = lrt_now() - r->begin};
}

void lrt_run_count(lrt_run *r, const lrt_result *x)
{
    if (r->crew)
        lrt_crew_count(r->crew, x);
    else
        lrt_results_add(&r->results, x);
}
