/* The pictures of a run, in the order in which they are drawn. */
#ifndef LATENTRT_UNITS_H
#define LATENTRT_UNITS_H
#include "part.h"
#include "prompts.h"

/* Picture `number` of a job, both from 0. Plain memory: it is sent between processes. */
typedef struct {
    int64_t job, number;
    uint64_t seed; /* of the job */
} lrt_unit;
/* Before the first one. */
#define LRT_UNIT_BEGIN ((lrt_unit){.job = -1})
/* Goes on to the next picture of that part. false: there is none; u stays. */
bool lrt_unit_next(const lrt_jobs *jobs, const lrt_part *part, lrt_unit *u);
#endif
