/* What became of the pictures of a run: how many were drawn, the lines that failed, the log. */
#ifndef LATENTRT_RESULTS_H
#define LATENTRT_RESULTS_H
#include <stdio.h>

#include "prompts.h"

typedef enum { LRT_DRAWN, LRT_EXISTED, LRT_FAILED } lrt_outcome;
/* Of one picture. Plain memory: it is sent between processes. */
typedef struct {
    int64_t job, number; /* picture `number` of that job, both from 0 */
    lrt_outcome outcome;
    int rank, threads; /* who drew it, with how many threads */
    double seconds;    /* how long it took, without writing the file */
    char host[64];     /* "": this one */
    lrt_error why;     /* of LRT_FAILED */
} lrt_result;

/* Zero-initialise. */
typedef struct {
    const lrt_jobs *jobs;
    int64_t total, drawn, existed, failed; /* pictures; total: that this run is to draw */
    char **why;                            /* by job: why its first picture failed; NULL */
    size_t failed_lines;
    FILE *log; /* of --log; NULL without */
    const char *log_name;
    bool log_lost; /* a line could not be written */
    char host[64];
} lrt_results;

/* Opens the log, to which lines are added, and counts nothing yet. jobs must outlive r. log: NULL
 * without. */
bool lrt_results_begin(lrt_results *r, const lrt_jobs *jobs, const char *log, lrt_error *e);
/* Counts a result, and adds a line to the log. Of a line of --prompts with several failed pictures,
 * the first reason is kept. */
void lrt_results_add(lrt_results *r, const lrt_result *x);
/* Closes the log. false, with *e, when something could not be written there. */
bool lrt_results_end(lrt_results *r, lrt_error *e);
void lrt_results_free(lrt_results *r);
#endif
