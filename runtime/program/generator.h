/* A generator's program: its command line, prompts and output files. */
#ifndef LATENTRT_GENERATOR_H
#define LATENTRT_GENERATOR_H
#include "mpi_functions.h"
#include "plan.h"

enum { LRT_EXIT_OK = 0, LRT_EXIT_USER = 1, LRT_EXIT_USAGE = 2, LRT_EXIT_BUG = 70 };

/* The whole program; generator_entry.c holds the main() that calls it. mpi: NULL without. Returns
 * LRT_EXIT_*. */
int lrt_generator_run(int argc, char **argv, const lrt_pipeline *p, const lrt_mpi *mpi);
#endif
