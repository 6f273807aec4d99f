/* See ranks.h. */
#include "ranks.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Open MPI: "Open MPI v4.1.4, package: ..."; MPICH: "MPICH Version:\t4.0.2\n...". */
const char *lrt_mpi_name(const lrt_mpi *mpi, char *name, size_t n)
{
    static const char version[] = " Version:\t";
    const char *text = mpi->library(), *cut = strstr(text, version);
    size_t length = strcspn(text, ",\n");
    if (cut && (size_t)(cut - text) < length)
        snprintf(name, n, "%.*s %.*s", (int)(cut - text), text,
                 (int)(text + length - cut - strlen(version)), cut + strlen(version));
    else
        snprintf(name, n, "%.*s", (int)length, text);
    return name;
}

void lrt_ranks_pause(int *sleep, int most)
{
    *sleep = *sleep < 10 ? 10 : *sleep * 3 / 2;
    *sleep = *sleep > most ? most : *sleep;
    nanosleep(&(struct timespec){.tv_nsec = *sleep * 1000L}, NULL);
}

bool lrt_ranks_begin(lrt_ranks *r, const lrt_mpi *mpi)
{
    *r = (lrt_ranks){.mpi = mpi, .lock = PTHREAD_MUTEX_INITIALIZER};
    return mpi->begin(&r->rank, &r->size);
}

void lrt_ranks_wait(lrt_ranks *r, int number)
{
    for (int sleep = 0;; lrt_ranks_pause(&sleep, LRT_PAUSE_LONG)) {
        pthread_mutex_lock(&r->lock);
        bool done = r->mpi->done(number);
        pthread_mutex_unlock(&r->lock);
        if (done)
            return;
    }
}

void lrt_ranks_end(lrt_ranks *r)
{
    lrt_ranks_wait(r, r->mpi->meet()); /* MPI_Finalize may spin until the last rank is there */
    r->mpi->end();
}

int lrt_ranks_post(lrt_ranks *r, int to, lrt_tag tag, const void *data, size_t n)
{
    pthread_mutex_lock(&r->lock);
    int number = r->mpi->send(to, tag, data, n);
    pthread_mutex_unlock(&r->lock);
    return number;
}

void lrt_ranks_send(lrt_ranks *r, int to, lrt_tag tag, const void *data, size_t n)
{
    lrt_ranks_wait(r, lrt_ranks_post(r, to, tag, data, n));
}

/* *from: the rank, or -1 for any. */
static bool take(lrt_ranks *r, int *from, lrt_tag tag, void *data, size_t n)
{
    size_t bytes;
    pthread_mutex_lock(&r->lock);
    bool there = r->mpi->waiting(from, tag, &bytes);
    if (there)
        r->mpi->receive(*from, tag, data, bytes < n ? bytes : n);
    pthread_mutex_unlock(&r->lock);
    return there;
}

void lrt_ranks_receive(lrt_ranks *r, int from, lrt_tag tag, void *data, size_t n, int pause)
{
    for (int sleep = 0; !take(r, &from, tag, data, n);)
        lrt_ranks_pause(&sleep, pause);
}

int lrt_ranks_take(lrt_ranks *r, lrt_tag tag, void *data, size_t n)
{
    int from = -1;
    return take(r, &from, tag, data, n) ? from : -1;
}

void lrt_ranks_share(lrt_ranks *r, void *data, size_t n)
{
    pthread_mutex_lock(&r->lock);
    int number = r->mpi->share(data, n);
    pthread_mutex_unlock(&r->lock);
    lrt_ranks_wait(r, number);
}
