/* See units.h. */
#include "units.h"

bool lrt_unit_next(const lrt_jobs *jobs, const lrt_part *part, lrt_unit *u)
{
    if (u->job >= 0 && u->number + 1 < jobs->jobs[u->job].set.batch_count) {
        u->number++;
        return true;
    }
    int64_t job = u->job + 1;
    while (job < (int64_t)jobs->n && job % part->of != part->k)
        job++;
    if (job == (int64_t)jobs->n)
        return false;
    *u = (lrt_unit){.job = job, .seed = jobs->jobs[job].set.seed.value};
    return true;
}
