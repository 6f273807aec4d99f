/* The processes of one job, which MPI started. A rank that waits for another sleeps between two
 * looks, so that it takes no time from ranks that draw on the same cores. */
#ifndef LATENTRT_RANKS_H
#define LATENTRT_RANKS_H
#include <pthread.h>

#include "mpi_functions.h"

typedef struct {
    const lrt_mpi *mpi;
    int rank, size;
    pthread_mutex_t lock; /* of all calls of MPI */
} lrt_ranks;
/* Messages of one kind do not overtake each other between the same two ranks. */
typedef enum { LRT_TAG_TO_FIRST = 1, LRT_TAG_UNIT, LRT_TAG_PAIR, LRT_TAG_PREDICTION } lrt_tag;
enum { LRT_PAUSE_LONG = 2000, LRT_PAUSE_SHORT = 100 }; /* microseconds */

/* The MPI's name and version, "Open MPI v4.1.4": what stands in front of the details. Returns name.
 */
const char *lrt_mpi_name(const lrt_mpi *mpi, char *name, size_t n);
/* false: this MPI does not allow several threads. r is usable all the same, to say so. */
bool lrt_ranks_begin(lrt_ranks *r, const lrt_mpi *mpi);
/* Waits until all ranks are here, and ends MPI. */
void lrt_ranks_end(lrt_ranks *r);
/* Sends n bytes; data may be used again afterwards. */
void lrt_ranks_send(lrt_ranks *r, int to, lrt_tag tag, const void *data, size_t n);
/* The same in two parts: data must stay until lrt_ranks_wait for the number that post returned. */
int lrt_ranks_post(lrt_ranks *r, int to, lrt_tag tag, const void *data, size_t n);
void lrt_ranks_wait(lrt_ranks *r, int number);
/* Waits for a message from that rank, of at most n bytes. pause: the longest sleep. */
void lrt_ranks_receive(lrt_ranks *r, int from, lrt_tag tag, void *data, size_t n, int pause);
/* Takes a message of at most n bytes that is there. The rank that sent it; -1: there is none. */
int lrt_ranks_take(lrt_ranks *r, lrt_tag tag, void *data, size_t n);
/* n bytes of rank 0 to all ranks, each of which calls this. */
void lrt_ranks_share(lrt_ranks *r, void *data, size_t n);
/* Sleeps; the first time shortly, then longer and longer, up to `most` microseconds. *sleep: 0 at
 * first. */
void lrt_ranks_pause(int *sleep, int most);
#endif
