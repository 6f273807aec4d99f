/* The ranks of an MPI job that draw one list together. Rank 0 hands out the pictures one by one,
 * since ranks are not equally fast, and draws, too: a thread of it answers the others. */
#ifndef LATENTRT_CREW_H
#define LATENTRT_CREW_H
#include "ranks.h"
#include "results.h"
#include "units.h"

typedef struct {
    lrt_ranks ranks;
    const lrt_jobs *jobs;
    char host[64];
    /* ---- of rank 0; lock: of what follows ---- */
    pthread_mutex_t lock;
    pthread_t thread;
    bool threaded; /* it answers the others; if none could be started, rank 0 does nothing else */
    lrt_part part;
    lrt_unit last; /* that was handed out */
    lrt_results *results;
    int drawing;         /* other ranks that have not said goodbye */
    bool quiet;          /* no line of progress */
    bool terminal;       /* which is redrawn */
    double start, shown; /* lrt_now(): the beginning, and the last line */
} lrt_crew;
/* Begins after the ranks have begun. */
void lrt_crew_init(lrt_crew *c);
/* Sends the list from rank 0 to all. text: malloc'd; of others than rank 0 it is filled in. ok: of
 * rank 0: whether it can be drawn. false: rank 0 said no. */
bool lrt_crew_share(lrt_crew *c, bool ok, char **text, size_t *bytes);
/* Begins the work. results: of rank 0, where all are counted; part and quiet: of rank 0. */
void lrt_crew_begin(lrt_crew *c, const lrt_jobs *jobs, lrt_results *results, lrt_part part,
                    bool quiet);
/* The next picture for this rank; waits for rank 0's answer. false: there is none. */
bool lrt_crew_next(lrt_crew *c, lrt_unit *u);
/* Reports what became of a picture. */
void lrt_crew_count(lrt_crew *c, const lrt_result *x);
/* After the last report of this rank. Rank 0 waits for all others. */
void lrt_crew_end(lrt_crew *c);
#endif
