/* scheduler/scheduler_config.json of a diffusers folder: see diffusers_scheduler.h. */
#include "diffusers_scheduler.h"

#include <string.h>

#include "config.h"

/* clang-format off */
static const SchedulerClass scheduler_classes[] = {
    {"DDIMScheduler", NULL, "ddim", true, CLIP_ON},
    {"DDPMScheduler", NULL, "ddpm", true, CLIP_ON},
    {"PNDMScheduler", NULL, "pndm", false, CLIP_AS_SAMPLER},
    {"LCMScheduler", NULL, "lcm", true, CLIP_OFF},
    {"EulerDiscreteScheduler", NULL, "euler", true, CLIP_AS_SAMPLER},
    {"EulerAncestralDiscreteScheduler", NULL, "euler_a", true, CLIP_AS_SAMPLER},
    {"HeunDiscreteScheduler", NULL, "heun", true, CLIP_OFF},
    {"LMSDiscreteScheduler", NULL, "lms", true, CLIP_AS_SAMPLER},
    {"DPMSolverMultistepScheduler", "dpmsolver++", "dpm++2m", true, CLIP_AS_SAMPLER},
    {"DPMSolverMultistepScheduler", "sde-dpmsolver++", "dpm++2m_sde", true, CLIP_AS_SAMPLER},
    {"UniPCMultistepScheduler", NULL, "unipc", true, CLIP_AS_SAMPLER},
    {"", NULL, NULL, true, CLIP_AS_SAMPLER}, /* all others */
};
/* clang-format on */

const SchedulerClass *scheduler_class_of(const char *sampler)
{
    for (const SchedulerClass *x = scheduler_classes; x->sampler; x++)
        if (!strcmp(x->sampler, sampler))
            return x;
    return scheduler_classes;
}

static const SchedulerClass *class_of(Json config)
{
    const char *class = config_string(config, "_class_name", ""),
               *algorithm = config_string(config, "algorithm_type", "dpmsolver++");
    const SchedulerClass *x = scheduler_classes;
    while (*x->class &&
           (strcmp(x->class, class) || (x->algorithm && strcmp(x->algorithm, algorithm))))
        x++;
    return x;
}

static void set_clip(Json schedule, Json config, const SchedulerClass *class)
{
    bool given = json_ok(config_get(config, "clip_sample"));
    if (!given && class->clip == CLIP_AS_SAMPLER)
        json_set_string(schedule, "clip_sample", "sampler");
    else if (!given)
        json_set_bool(schedule, "clip_sample", class->clip == CLIP_ON);
    else if (config_bool(config, "clip_sample", false))
        json_set_real(schedule, "clip_sample", config_number(config, "clip_sample_range", 1));
    else
        json_set_bool(schedule, "clip_sample", false);
}

static void set_final(Json schedule, Json config, const SchedulerClass *class)
{
    static const Word sigmas[] = {{"zero", "zero"}, {"sigma_min", "least"}};
    if (config_bool(config, "set_alpha_to_one", class->alpha_to_one))
        json_set_int(schedule, "final_alpha", 1);
    else
        json_set_string(schedule, "final_alpha", "first");
    json_set_string(schedule, "final_sigma",
                    CONFIG_WORD(config, "final_sigmas_type", "zero", sigmas));
}

void settings_of_scheduler(Settings *s, Json config)
{
    static const Word betas[] = {{"scaled_linear", "scaled_linear"}, {"linear", "linear"}};
    static const Word predictions[] = {{"epsilon", "epsilon"}, {"v_prediction", "v"}};
    static const Word spacings[] = {{"", "sampler"},
                                    {"linspace", "linspace"},
                                    {"leading", "leading"},
                                    {"trailing", "trailing"}};
    static const Must musts[] = {{"trained_betas", ""},
                                 {"thresholding", "false"},
                                 {"use_flow_sigmas", "false"},
                                 {"use_exponential_sigmas", "false"},
                                 {"use_beta_sigmas", "false"}};
    const SchedulerClass *class = class_of(config);
    CONFIG_CHECK(config, musts);
    Json to = settings_schedule(s);
    s->prediction = CONFIG_WORD(config, "prediction_type", "epsilon", predictions);
    json_set_int(to, "train_steps", config_int(config, "num_train_timesteps", 1000));
    json_set_real(to, "beta_start", config_number(config, "beta_start", 0.0001));
    json_set_real(to, "beta_end", config_number(config, "beta_end", 0.02));
    json_set_string(to, "beta_schedule", CONFIG_WORD(config, "beta_schedule", "linear", betas));
    json_set_string(to, "prediction", s->prediction);
    json_set_string(to, "spacing", CONFIG_WORD(config, "timestep_spacing", "", spacings));
    json_set_int(to, "steps_offset", config_int(config, "steps_offset", 0));
    json_set_string(to, "previous", "ratio");
    set_final(to, config, class);
    json_set_string(to, "sigmas",
                    config_bool(config, "use_karras_sigmas", false) ? "karras" : "timesteps");
    json_set_bool(to, "lower_order_final", config_bool(config, "lower_order_final", true));
    json_set_bool(to, "skip_prk_steps", config_bool(config, "skip_prk_steps", false));
    set_clip(to, config, class);
    json_set_bool(to, "zero_snr", config_bool(config, "rescale_betas_zero_snr", false));
    if (class->sampler)
        json_set_string(json_object_at(s->json, "defaults"), "sampler", class->sampler);
}
