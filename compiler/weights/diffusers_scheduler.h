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
    /* algorithm_type; NULL: the class has none. */
    const char *algorithm;
    /* NULL: none of latentc's. */
    const char *sampler;
    bool alpha_to_one;
    ClipDefault clip;
} SchedulerClass;

/* The class that is this sampler; DDIMScheduler for samplers without a class. */
const SchedulerClass *scheduler_class_of(const char *sampler);

/* scheduler_config.json: schedule and sampler. Errors as in diffusers_config.h. */
void settings_of_scheduler(Settings *s, Json config);
#endif
