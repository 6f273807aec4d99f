/* A profile's regions, as profile.c records them and profile_tables.c prints them. */
#ifndef LATENTRT_PROFILE_REGIONS_H
#define LATENTRT_PROFILE_REGIONS_H
#include <stdbool.h>

#include "profile.h"

/* A region. stage NULL: no instance ran in it; else spans are those of the instance, in order. */
typedef struct {
    const char *what;
    int number;
    bool beside; /* in a thread of its own, while others ran */
    const lrt_stage *stage;
    double begin, end; /* lrt_now() */
    lrt_span *spans;
    size_t n_spans;
} lrt_region;
struct lrt_profile {
    double start; /* of the process */
    int threads;
    lrt_region *regions; /* in the order of their ends */
    size_t n, cap;
    lrt_region *open;
    lrt_instance *instance; /* of the open region */
};
/* Steps of all plans of a stage, and the one of that number (lrt_span.step). */
uint32_t lrt_profile_steps(const lrt_stage *s);
const lrt_step *lrt_profile_step(const lrt_stage *s, uint32_t number);
/* When the first step of the first loop began, in seconds since the start; negative without one. */
double lrt_profile_first_step(const lrt_profile *p);
#endif
