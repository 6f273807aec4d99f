/* What rank 0 of an MPI job spends on handing out pictures: the others take pictures and draw
 * nothing. bench/cluster.py compiles it, with runtime/cluster/mpi_entry.c, and runs it:
 *
 *     mpirun -n RANKS hand_out PICTURES
 *
 * prints, as JSON, the CPU time of rank 0 for each picture (an answer and a report), the seconds
 * that a rank waited for an answer, and the seconds until all ranks had begun. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crew.h"
#include "progress.h"

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Takes pictures until there are no more; returns how long it waited for one, on average. */
static double take_all(lrt_crew *c)
{
    lrt_unit u;
    lrt_result x = {.outcome = LRT_DRAWN};
    double waited = 0;
    int64_t n = 0;
    for (double t = lrt_now(); lrt_crew_next(c, &u); t = lrt_now(), n++) {
        waited += lrt_now() - t;
        x.number = u.number;
        lrt_crew_count(c, &x);
    }
    return n ? waited / (double)n : 0;
}

int lrt_generator_mpi_main(int argc, char **argv, const lrt_mpi *mpi)
{
    double start = lrt_process_start(), begun, wait = 0;
    lrt_crew crew = {0};
    lrt_error e;
    lrt_results results;
    lrt_job job = {.set = {.output = "picture.png", .batch_count = argc > 1 ? atoll(argv[1]) : 1}};
    lrt_jobs jobs = {.jobs = &job, .n = 1, .pictures = job.set.batch_count};
    char *text = NULL;
    size_t bytes = 0;
    lrt_ranks_begin(&crew.ranks, mpi);
    lrt_crew_init(&crew);
    lrt_crew_share(&crew, true, &text, &bytes);
    begun = lrt_now() - start;
    if (!lrt_results_begin(&results, &jobs, crew.ranks.rank ? NULL : "/dev/null", &e))
        return 1;
    results.total = jobs.pictures;
    double used = cpu();
    lrt_crew_begin(&crew, &jobs, &results, (lrt_part){0, 1}, true);
    if (crew.ranks.rank)
        wait = take_all(&crew);
    lrt_crew_end(&crew);
    used = cpu() - used;
    if (crew.ranks.rank == 1)
        printf("{\"waited\": %.9f}\n", wait);
    if (!crew.ranks.rank)
        printf("{\"ranks\": %d, \"cpu\": %.9f, \"begun\": %.6f, \"message\": %zu}\n",
               crew.ranks.size, used / (double)results.drawn, begun,
               sizeof(lrt_result) + sizeof(lrt_unit) + 16);
    lrt_results_free(&results);
    lrt_ranks_end(&crew.ranks);
    return 0;
}
