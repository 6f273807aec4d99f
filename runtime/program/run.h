/* One run of a generator's program: its state, and what it says. */
#ifndef LATENTRT_RUN_H
#define LATENTRT_RUN_H
#include "crew.h"
#include "metadata.h"
#include "output.h"
#include "pair.h"
#include "picture_writer.h"
#include "progress.h"
#include "session.h"

/* How far a line of --prompts is. */
typedef enum { LRT_LINE_NEW, LRT_LINE_READ, LRT_LINE_READY, LRT_LINE_FAILED } lrt_line_state;

typedef struct {
    const char *program; /* for messages: the last part of argv[0] */
    lrt_session s;
    char *staged[2];       /* --stage-to: the copies of the program and of its weights; NULL */
    lrt_error unusable;    /* --info: why the file of weights is not usable; "": it is */
    lrt_recorded recorded; /* by --from-png */
    lrt_jobs jobs;         /* of --prompts, or the one that the command line describes */
    lrt_part part;         /* which of them are drawn */
    lrt_results results;   /* of rank 0 */
    double start;          /* lrt_now() when the process began */
    const lrt_mpi *mpi;    /* NULL: the program was built without it */
    lrt_crew own_crew;
    bool joined;          /* MPI was begun */
    bool threads_allowed; /* by MPI */
    lrt_crew *crew;       /* the ranks of an MPI job; NULL: this process is alone */
    lrt_pair own_pair;
    lrt_pair *pair;               /* --split guidance: two ranks draw each picture; NULL without */
    bool mute;                    /* says nothing: another rank says the same */
    bool silent;                  /* no progress and no line for each picture */
    bool stopped;                 /* something failed that ends the run */
    lrt_unit unit;                /* the current picture */
    const lrt_job *job;           /* its line */
    lrt_line_state state;         /* of the job */
    lrt_error line_error;         /* why it failed */
    int64_t number;               /* within the job, from 0 */
    char name[sizeof(lrt_error)]; /* for messages: FILE:LINE of --prompts, or "" */
    double begin;                 /* lrt_now() */
    lrt_progress progress;
    lrt_output trace;
    lrt_picture_writer writer; /* of the picture before the current one */
    lrt_result written;        /* what becomes of it */
    float *latent_in;          /* the tensor of --latent-in, for the record; NULL without */
} lrt_run;

/* "PROGRAM: ..." on standard error: one line, whatever bytes of files it quotes (utf8.h). */
void lrt_run_say(const lrt_run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints notices, a line each. */
void lrt_run_notice(const lrt_run *r, const char *notice);
/* The current picture, as a result that is not filled in. */
lrt_result lrt_run_result(const lrt_run *r);
/* Counts a result: here, or at rank 0. */
void lrt_run_count(lrt_run *r, const lrt_result *x);
#endif
