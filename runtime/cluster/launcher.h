/* What mpirun or srun says about the processes that it started, before MPI is asked. */
#ifndef LATENTRT_LAUNCHER_H
#define LATENTRT_LAUNCHER_H

typedef struct {
    const char *variable; /* that says so; NULL: no launcher is known */
    long size, rank;      /* how many processes, and which one this is */
} lrt_launcher;
/* Reads OMPI_COMM_WORLD_SIZE, PMI_SIZE, or in a step of srun SLURM_NTASKS: the first one that is
 * set. A batch script has SLURM_NTASKS, too, and is one process: it is no step. */
lrt_launcher lrt_launcher_read(void);
#endif
