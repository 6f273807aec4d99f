/* A file of prompts: one a line, or JSON lines, {"prompt": "a red circle", "seed": 7, "cfg_scale":
 * 5}, or both. */
#ifndef LATENTRT_PROMPTS_H
#define LATENTRT_PROMPTS_H
#include "settings.h"

/* The pictures of one line. */
typedef struct {
    lrt_settings set;
    int line;        /* from 1 */
    int64_t first;   /* number of its first picture among all of the file's, from 1 */
    bool own_output; /* the line says where its pictures go; otherwise they are numbered among all
                        of the file's */
} lrt_job;
typedef struct {
    lrt_job *jobs;
    size_t n;
    int64_t pictures; /* of all */
    char **texts;     /* owned: settings point to them */
    size_t n_texts;
} lrt_jobs;
enum { LRT_MOST_PICTURES = 1000000 };
/* Empty lines are skipped; a line that begins with '{' is an object whose names are long names of
 * options ('_' for '-' will do), over what base says; any other is a prompt. Negative seeds are
 * made random ones. false: FILE:LINE, what was found, what was expected. Two pictures of one name
 * are a mistake. */
bool lrt_jobs_read(const char *path, const lrt_pipeline *p, const lrt_settings *base,
                   lrt_jobs *jobs, lrt_error *e);
/* The same from memory. */
typedef struct {
    const char *path; /* for messages */
    const char *text;
    size_t bytes;
} lrt_prompts_text;
bool lrt_jobs_parse(const lrt_prompts_text *in, const lrt_pipeline *p, const lrt_settings *base,
                    lrt_jobs *jobs, lrt_error *e);
void lrt_jobs_free(lrt_jobs *jobs);
/* The name of picture i of a job (from 0); malloc'd, NULL when memory is short. */
char *lrt_job_name(const lrt_job *job, int64_t i, int64_t pictures, const char *tag);
#endif
