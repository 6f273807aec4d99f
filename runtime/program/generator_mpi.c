/* The program of a generator that was built with --mpi: mpi_entry.c calls it. A file of its own,
 * since only generators have latentrt_pipeline. */
#include "generator.h"

int lrt_generator_mpi_main(int argc, char **argv, const lrt_mpi *mpi)
{
    return lrt_generator_run(argc, argv, &latentrt_pipeline, mpi);
}
