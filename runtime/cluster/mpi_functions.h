/* What a generator needs of MPI. mpi_entry.c fills this in for the MPI that the generator is linked
 * with; it sees no other header of the runtime.
 *
 * Calls come from several threads, one at a time. None of them waits for another rank, except begin
 * and end, so that a rank that waits can sleep. */
#ifndef LATENTRT_MPI_FUNCTIONS_H
#define LATENTRT_MPI_FUNCTIONS_H
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    /* The name and version of the library; before begin, too. */
    const char *(*library)(void);
    /* MPI_Init_thread. false: this MPI cannot be called by several threads in turn. */
    bool (*begin)(int *rank, int *size);
    void (*end)(void);
    /* These three begin something and return its number, for `done`; data must stay until then.
     * send: n bytes to a rank. share: n bytes of rank 0 to all ranks. meet: all ranks come here. */
    int (*send)(int to, int tag, const void *data, size_t n);
    int (*share)(void *data, size_t n);
    int (*meet)(void);
    /* Whether it is complete; its number is free then. */
    bool (*done)(int number);
    /* Whether a message is there: of n bytes, from rank *from; *from < 0: from any, which is filled
     * in. */
    bool (*waiting)(int *from, int tag, size_t *n);
    /* Takes a message that is there. */
    void (*receive)(int from, int tag, void *data, size_t n);
} lrt_mpi;
/* The generator's program; mpi_entry.c holds the main() that calls it. Returns the exit code. */
int lrt_generator_mpi_main(int argc, char **argv, const lrt_mpi *mpi);
#endif
