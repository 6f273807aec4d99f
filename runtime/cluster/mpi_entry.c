/* main() of a generator that was built with --mpi, and the functions of mpi_functions.h. Each MPI
 * has a binary interface of its own: `latentc build --mpi` compiles this file with the mpicc that
 * it finds, and links it in front of the runtime library. */
#include <mpi.h>
#include <stdio.h>

#include "mpi_functions.h"

enum { SLOTS = 16 };
static MPI_Request slot[SLOTS];
static char used[SLOTS];

/* A slot for a request; there are more than the runtime ever has open at once. */
static int claim(void)
{
    int i = 0;
    while (i < SLOTS - 1 && used[i])
        i++;
    if (used[i]) {
        fputs("error: too many open requests of MPI\n", stderr);
        MPI_Abort(MPI_COMM_WORLD, 70);
    }
    used[i] = 1;
    return i;
}

static const char *library(void)
{
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int n;
    MPI_Get_library_version(text, &n);
    return text;
}

static bool begin(int *rank, int *size)
{
    int level;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, rank);
    MPI_Comm_size(MPI_COMM_WORLD, size);
    return level >= MPI_THREAD_SERIALIZED;
}

static void end(void) { MPI_Finalize(); }

static int send_to(int to, int tag, const void *data, size_t n)
{
    int i = claim();
    MPI_Isend(data, (int)n, MPI_BYTE, to, tag, MPI_COMM_WORLD, &slot[i]);
    return i;
}

static int share(void *data, size_t n)
{
    int i = claim();
    MPI_Ibcast(data, (int)n, MPI_BYTE, 0, MPI_COMM_WORLD, &slot[i]);
    return i;
}

static int meet(void)
{
    int i = claim();
    MPI_Ibarrier(MPI_COMM_WORLD, &slot[i]);
    return i;
}

static bool done(int i)
{
    int flag;
    MPI_Test(&slot[i], &flag, MPI_STATUS_IGNORE);
    used[i] = !flag;
    return flag;
}

static bool waiting(int *from, int tag, size_t *n)
{
    int flag, bytes;
    MPI_Status status;
    MPI_Iprobe(*from < 0 ? MPI_ANY_SOURCE : *from, tag, MPI_COMM_WORLD, &flag, &status);
    if (!flag)
        return false;
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    *from = status.MPI_SOURCE;
    *n = (size_t)bytes;
    return true;
}

static void receive(int from, int tag, void *data, size_t n)
{
    MPI_Recv(data, (int)n, MPI_BYTE, from, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

int main(int argc, char **argv)
{
    static const lrt_mpi functions = {library, begin, end,     send_to, share,
                                      meet,    done,  waiting, receive};
    return lrt_generator_mpi_main(argc, argv, &functions);
}
