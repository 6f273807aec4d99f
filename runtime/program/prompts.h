/* A file of prompts: one per line, or JSON lines ({"prompt": "a red circle", "seed": 7,
 * "cfg_scale": 5}), or both. */
#ifndef LATENTRT_PROMPTS_H
#define LATENTRT_PROMPTS_H
#include "settings.h"

/* A line of the file, and its pictures. */
typedef struct {
    lrt_settings set;
    /* From 1. */
    int line;
    /* Number of its first picture among all of the file, from 1. */
    int64_t first;
    /* The line sets "output"; else its pictures are numbered among all of the file. */
    bool own_output;
    /* Its seed was drawn: any other one would do. */
    bool any_seed;
} lrt_job;
typedef struct {
    lrt_job *jobs;
    size_t n;
    int64_t pictures; /* of all jobs */
    char **texts;     /* owned; settings point to them */
    size_t n_texts;
} lrt_jobs;
enum { LRT_MOST_PICTURES = 1000000, LRT_MOST_PROMPTS = 256000000 /* bytes */ };
/* The name of standard input. */
#define LRT_STANDARD_INPUT "-"
/* The file in messages: path, or "standard input". */
const char *lrt_jobs_place(const char *path);
/* Reads the text of the file, or of standard input: malloc'd. false, with *e: it cannot be read, or
 * is endless. */
bool lrt_prompts_read(const char *path, char **text, size_t *bytes, lrt_error *e);
typedef struct {
    const char *path; /* for messages */
    const char *text;
    size_t bytes;
} lrt_prompts_text;
/* The jobs of a text. Empty lines are skipped. A line that begins with '{' is an
 * object: its names are long names of settings ('_' may stand for '-'), and its values overrule
 * those of base; null does not. Any other line is a prompt. A random seed is drawn. false, with *e
 * ("FILE:LINE: ..."): a line is wrong, or two pictures have the same name. */
bool lrt_jobs_parse(const lrt_prompts_text *in, const lrt_pipeline *p, const lrt_settings *base,
                    lrt_jobs *jobs, lrt_error *e);
/* The same of a text that another process has read with lrt_jobs_parse: names of pictures, which
 * are many calls of the system, are not compared again. */
bool lrt_jobs_parse_again(const lrt_prompts_text *in, const lrt_pipeline *p,
                          const lrt_settings *base, lrt_jobs *jobs, lrt_error *e);
void lrt_jobs_free(lrt_jobs *jobs);
/* The file name of picture i of a job (from 0). tag: see lrt_numbered_name. malloc'd; NULL when
 * memory is short. */
char *lrt_job_name(const lrt_job *job, int64_t i, int64_t pictures, const char *tag);
#endif
