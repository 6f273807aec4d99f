/* See crew.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* gethostname */
#endif
#include "crew.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"

/* To rank 0. */
typedef struct {
    enum { ASK, RESULT, GOODBYE } kind;
    lrt_result result; /* of RESULT */
} Message;
static const size_t BRIEF = offsetof(Message, result); /* the length of the others */

void lrt_crew_init(lrt_crew *c)
{
    pthread_mutex_init(&c->lock, NULL);
    if (gethostname(c->host, sizeof c->host - 1))
        *c->host = 0;
}

bool lrt_crew_share(lrt_crew *c, bool ok, char **text, size_t *bytes)
{
    int64_t n = ok ? (int64_t)*bytes : -1;
    lrt_ranks_share(&c->ranks, &n, sizeof n);
    if (n < 0)
        return false;
    *bytes = (size_t)n;
    if (c->ranks.rank && n && !(*text = malloc((size_t)n)))
        abort(); /* the other ranks wait for this one: MPI ends the job */
    if (n)
        lrt_ranks_share(&c->ranks, *text, (size_t)n);
    return true;
}

/* ---- rank 0 ---- */

static void put_left(double seconds)
{
    int64_t s = (int64_t)(seconds + 0.5);
    if (s >= 3600)
        fprintf(stderr, "%lld h %02lld min left", (long long)(s / 3600), (long long)(s / 60 % 60));
    else if (s >= 60)
        fprintf(stderr, "%lld min left", (long long)(s / 60));
    else
        fprintf(stderr, "%lld s left", (long long)s);
}

/* "12 of 1000 pictures, 3.2 a minute, 5 h 08 min left": on a terminal always the same line, else
 * one every ten seconds, and the last one. */
static void show_progress(lrt_crew *c)
{
    enum { EVERY = 10 };
    const lrt_results *x = c->results;
    int64_t done = x->drawn + x->existed + x->failed;
    double now = lrt_now(), minutes = (now - c->start) / 60;
    if (c->quiet || (!c->terminal && now - c->shown < EVERY && done < x->total))
        return;
    double rate = (double)x->drawn / (minutes > 0 ? minutes : 1e-9);
    c->shown = now;
    fprintf(stderr, "%s%lld of %lld pictures, %.1f a minute, ", c->terminal ? "\r" : "",
            (long long)done, (long long)x->total, rate);
    put_left(x->drawn ? (double)(x->total - done) / rate * 60 : 0);
    fputs(c->terminal && done < x->total ? "   " : "\n", stderr);
    fflush(stderr);
}

static bool take_next(lrt_crew *c, lrt_unit *u)
{
    pthread_mutex_lock(&c->lock);
    bool there = lrt_unit_next(c->jobs, &c->part, &c->last);
    *u = there ? c->last : LRT_UNIT_BEGIN;
    pthread_mutex_unlock(&c->lock);
    return there;
}

static void add(lrt_crew *c, const lrt_result *x)
{
    pthread_mutex_lock(&c->lock);
    lrt_results_add(c->results, x);
    show_progress(c);
    pthread_mutex_unlock(&c->lock);
}

static void answer(lrt_crew *c, int rank, const Message *m)
{
    lrt_unit u;
    switch (m->kind) {
    case ASK:
        take_next(c, &u);
        lrt_ranks_send(&c->ranks, rank, LRT_TAG_UNIT, &u, sizeof u);
        break;
    case RESULT: add(c, &m->result); break;
    case GOODBYE: c->drawing--; break;
    }
}

/* Answers the other ranks until all have said goodbye. */
static void *serve(void *user)
{
    lrt_crew *c = user;
    Message m;
    for (int sleep = 0; c->drawing;) {
        int rank = lrt_ranks_take(&c->ranks, LRT_TAG_TO_FIRST, &m, sizeof m);
        if (rank < 0) {
            lrt_ranks_pause(&sleep, LRT_PAUSE_LONG);
            continue;
        }
        sleep = 0;
        answer(c, rank, &m);
    }
    return NULL;
}

/* ---- all ranks ---- */

void lrt_crew_begin(lrt_crew *c, const lrt_jobs *jobs, lrt_results *results, lrt_part part,
                    bool quiet)
{
    c->jobs = jobs;
    c->results = results;
    c->part = part;
    c->last = LRT_UNIT_BEGIN;
    c->drawing = c->ranks.rank ? 0 : c->ranks.size - 1;
    c->quiet = quiet;
    c->terminal = isatty(STDERR_FILENO);
    c->start = c->shown = lrt_now();
    c->threaded = c->drawing && !pthread_create(&c->thread, NULL, serve, c);
}

bool lrt_crew_next(lrt_crew *c, lrt_unit *u)
{
    const Message ask = {.kind = ASK};
    if (!c->ranks.rank && !c->threaded)
        serve(c);
    if (!c->ranks.rank)
        return take_next(c, u);
    lrt_ranks_send(&c->ranks, 0, LRT_TAG_TO_FIRST, &ask, BRIEF);
    lrt_ranks_receive(&c->ranks, 0, LRT_TAG_UNIT, u, sizeof *u, LRT_PAUSE_LONG);
    return u->job >= 0;
}

void lrt_crew_count(lrt_crew *c, const lrt_result *x)
{
    Message m = {.kind = RESULT, .result = *x};
    m.result.rank = c->ranks.rank;
    memcpy(m.result.host, c->host, sizeof m.result.host);
    if (c->ranks.rank)
        lrt_ranks_send(&c->ranks, 0, LRT_TAG_TO_FIRST, &m, sizeof m);
    else
        add(c, &m.result);
}

void lrt_crew_end(lrt_crew *c)
{
    const Message goodbye = {.kind = GOODBYE};
    if (c->ranks.rank)
        lrt_ranks_send(&c->ranks, 0, LRT_TAG_TO_FIRST, &goodbye, BRIEF);
    else if (c->threaded)
        pthread_join(c->thread, NULL);
}
