/* Schedulers of diffusers: their config files, and their classes. */
#ifndef LATENTC_DIFFUSERS_SCHEDULER_H
#define LATENTC_DIFFUSERS_SCHEDULER_H
#include "checkpoint_settings.h"

/* clip_sample where a config has none: as the sampler that is chosen has it (so does from_config
 * for classes that do not know the member), on, or off. */
typedef enum { CLIP_AS_SAMPLER, CLIP_ON, CLIP_OFF } ClipDefault;

/* A class of scheduler, the sampler that it is, and its defaults for members that are missing in
 * a config. */
typedef struct {
    const char *class;
    /* Whether its algorithm_type begins with "sde-". */
    bool sde;
    /* NULL: none of latentc's. */
    const char *sampler;
    /* The class is none of latentc's, and this is done instead; NULL: it is the sampler. */
    const char *instead;
    bool alpha_to_one;
    ClipDefault clip;
    /* NULL: the class has a schedule of its own, which is not read. */
    const char *beta_schedule;
    double beta_start, beta_end;
} SchedulerClass;

/* The class that is this sampler; DDIMScheduler for samplers without a class. */
const SchedulerClass *scheduler_class_of(const char *sampler);

/* scheduler_config.json: schedule and sampler. What is not had is a note of *s. Errors as in
 * diffusers_config.h. */
void settings_of_scheduler(Settings *s, Json config);
#endif
