/* The "schedule" of a pipeline file. */
#ifndef LATENTC_SCHEDULE_READ_H
#define LATENTC_SCHEDULE_READ_H
#include "json.h"
#include "plan.h"

/* Reads the schedule at `s` into *c. err() names the place of a member that is missing, unknown, or
 * of another kind or value than docs/graph-language.md says. */
void schedule_read(Json s, lrt_schedule_config *c);
#endif
