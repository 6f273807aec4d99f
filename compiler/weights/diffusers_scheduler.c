/* scheduler/scheduler_config.json of a diffusers folder: see diffusers_scheduler.h. */
#include "diffusers_scheduler.h"

#include <string.h>

#include "config.h"
#include "families.h"

/* clang-format off */
static const SchedulerClass scheduler_classes[] = {
    {"DDIMScheduler", false, "ddim", NULL, true, CLIP_ON, "linear", 0.0001, 0.02},
    {"DDIMParallelScheduler", false, "ddim", NULL, true, CLIP_ON, "linear", 0.0001, 0.02},
    {"DDPMScheduler", false, "ddpm", NULL, true, CLIP_ON, "linear", 0.0001, 0.02},
    {"DDPMParallelScheduler", false, "ddpm", NULL, true, CLIP_ON, "linear", 0.0001, 0.02},
    {"PNDMScheduler", false, "pndm", NULL, false, CLIP_AS_SAMPLER, "linear", 0.0001, 0.02},
    {"LCMScheduler", false, "lcm", NULL, true, CLIP_OFF, "scaled_linear", 0.00085, 0.012},
    {"TCDScheduler", false, "tcd", NULL, true, CLIP_OFF, "scaled_linear", 0.00085, 0.012},
    {"EulerDiscreteScheduler", false, "euler", NULL, true, CLIP_AS_SAMPLER, "linear", 0.0001, 0.02},
    {"EulerAncestralDiscreteScheduler", false, "euler_a", NULL, true, CLIP_AS_SAMPLER, "linear", 0.0001, 0.02},
    {"HeunDiscreteScheduler", false, "heun", NULL, true, CLIP_OFF, "linear", 0.00085, 0.012},
    {"LMSDiscreteScheduler", false, "lms", NULL, true, CLIP_AS_SAMPLER, "linear", 0.0001, 0.02},
    {"KDPM2DiscreteScheduler", false, "dpm2", NULL, true, CLIP_AS_SAMPLER, "linear", 0.00085, 0.012},
    {"KDPM2AncestralDiscreteScheduler", false, "dpm2_a", NULL, true, CLIP_AS_SAMPLER, "linear", 0.00085, 0.012},
    {"DPMSolverMultistepScheduler", false, "dpm++2m", NULL, true, CLIP_AS_SAMPLER, "linear", 0.0001, 0.02},
    {"DPMSolverMultistepScheduler", true, "dpm++2m_sde", NULL, true, CLIP_AS_SAMPLER, "linear", 0.0001, 0.02},
    {"DPMSolverSinglestepScheduler", false, "dpm++2s", NULL, true, CLIP_AS_SAMPLER, "linear", 0.0001, 0.02},
    {"DPMSolverSinglestepScheduler", true, "dpm++2m_sde", "dpm++2m_sde, which is multistep", true, CLIP_AS_SAMPLER, "linear", 0.0001, 0.02},
    {"DEISMultistepScheduler", false, "deis", NULL, true, CLIP_AS_SAMPLER, "linear", 0.0001, 0.02},
    {"UniPCMultistepScheduler", false, "unipc", NULL, true, CLIP_AS_SAMPLER, "linear", 0.0001, 0.02},
    {"IPNDMScheduler", false, "ipndm", "ipndm with the schedule of the pipeline file; the class has one for models of sound", true, CLIP_AS_SAMPLER, NULL, 0, 0},
    /* none of ours, but one is near */
    {"DPMSolverSDEScheduler", false, "dpm++2s_a", "dpm++2s_a, which draws its noise in another way", true, CLIP_AS_SAMPLER, "linear", 0.00085, 0.012},
    {"SASolverScheduler", false, "dpm++2m_sde", "dpm++2m_sde, a multistep solver with new noise, too", true, CLIP_AS_SAMPLER, "linear", 0.0001, 0.02},
    {"DDIMInverseScheduler", false, "ddim", "ddim, from noise to picture", true, CLIP_ON, "linear", 0.0001, 0.02},
    {"DPMSolverMultistepInverseScheduler", false, "dpm++2m", "dpm++2m, from noise to picture", true, CLIP_AS_SAMPLER, "linear", 0.0001, 0.02},
    {"RePaintScheduler", false, "ddpm", "ddpm, which does not jump back", true, CLIP_ON, "linear", 0.0001, 0.02},
    {"", false, NULL, NULL, true, CLIP_AS_SAMPLER, "linear", 0.0001, 0.02}, /* all others */
};

static const Member scheduler_members[] = {
#define MEMBERS_OF_SCHEDULER
#include "config_members.def"
};
/* clang-format on */

const SchedulerClass *scheduler_class_of(const char *sampler)
{
    for (const SchedulerClass *x = scheduler_classes; x->sampler; x++)
        if (!strcmp(x->sampler, sampler) && !x->instead)
            return x;
    return scheduler_classes;
}

static const SchedulerClass *class_of(Json config)
{
    const char *class = config_string(config, "_class_name", ""),
               *algorithm = config_string(config, "algorithm_type", "");
    bool sde = !strncmp(algorithm, "sde-", 4);
    const SchedulerClass *x = scheduler_classes, *plain = NULL;
    for (; *x->class; x++) {
        if (!strcmp(x->class, class) && x->sde == sde)
            return x;
        if (!strcmp(x->class, class) && !plain)
            plain = x;
    }
    return plain ? plain : x;
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
    if (!config_bool(config, "thresholding", false))
        return;
    json_set_bool(schedule, "thresholding", true);
    json_set_real(schedule, "threshold_ratio",
                  config_number(config, "dynamic_thresholding_ratio", 0.995));
    json_set_real(schedule, "threshold_most", config_number(config, "sample_max_value", 1));
}

static void set_final(Json schedule, Json config, const SchedulerClass *class)
{
    static const Word sigmas[] = {{"zero", "zero"}, {"sigma_min", "least"}};
    bool lower = strcmp(class->class, "DPMSolverSinglestepScheduler") != 0;
    if (config_bool(config, "set_alpha_to_one", class->alpha_to_one))
        json_set_int(schedule, "final_alpha", 1);
    else
        json_set_string(schedule, "final_alpha", "first");
    json_set_string(schedule, "final_sigma",
                    CONFIG_WORD(config, "final_sigmas_type", "zero", sigmas));
    json_set_bool(schedule, "lower_order_final", config_bool(config, "lower_order_final", lower));
    if (config_bool(config, "euler_at_final", false))
        json_set_bool(schedule, "euler_at_final", true);
}

/* Betas, and what the model predicts. */
static void set_training(Settings *s, Json to, Json config, const SchedulerClass *class)
{
    static const Word betas[] = {{"linear", "linear"},
                                 {"scaled_linear", "scaled_linear"},
                                 {"squaredcos_cap_v2", "squaredcos_cap_v2"}};
    static const Word predictions[] = {{"epsilon", "epsilon"}, {"v_prediction", "v"}};
    s->prediction = CONFIG_WORD(config, "prediction_type", "epsilon", predictions);
    json_set_int(to, "train_steps", config_int(config, "num_train_timesteps", 1000));
    json_set_real(to, "beta_start", config_number(config, "beta_start", class->beta_start));
    json_set_real(to, "beta_end", config_number(config, "beta_end", class->beta_end));
    json_set_string(to, "beta_schedule",
                    CONFIG_WORD(config, "beta_schedule", class->beta_schedule, betas));
    json_set_string(to, "prediction", s->prediction);
    json_set_bool(to, "zero_snr", config_bool(config, "rescale_betas_zero_snr", false));
}

/* How sigmas are spaced. The first member that is true says it, in the order of diffusers; others
 * beside it are named. */
static void set_sigmas(Settings *s, Json to, Json config)
{
    /* clang-format off */
    static const struct { const char *member, *sigmas; } curves[] = {
        {"use_karras_sigmas", "karras"}, {"use_lu_lambdas", "lu"}, {"use_exponential_sigmas", "exponential"},
        {"use_beta_sigmas", NULL}, /* not here */
    };
    /* clang-format on */
    const char *taken = NULL, *sigmas = NULL;
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        const char *member = curves[i].member;
        if (!config_bool(config, member, false))
            continue;
        if (taken)
            settings_note(s, json_get(config, member),
                          "found true next to %s, expected one of them: %s is taken", taken, taken);
        else if (!curves[i].sigmas)
            settings_note(s, json_get(config, member),
                          "found true: the sigmas of the timesteps are taken");
        else
            sigmas = curves[i].sigmas;
        taken = taken ? taken : member;
    }
    json_set_string(to, "sigmas", sigmas ? sigmas : "timesteps");
}

/* Where the steps go. */
static void set_steps(Settings *s, Json to, Json config)
{
    static const Word spacings[] = {{"", "sampler"},
                                    {"linspace", "linspace"},
                                    {"leading", "leading"},
                                    {"trailing", "trailing"}};
    static const char *const ends[] = {"sigma_min", "sigma_max"};
    json_set_string(to, "spacing", CONFIG_WORD(config, "timestep_spacing", "", spacings));
    json_set_int(to, "steps_offset", config_int(config, "steps_offset", 0));
    json_set_string(to, "previous", "ratio");
    set_sigmas(s, to, config);
    for (int i = 0; i < 2; i++)
        if (json_ok(config_get(config, ends[i])))
            json_set_real(to, ends[i], config_number(config, ends[i], 0));
    Json lambda = config_get(config, "lambda_min_clipped");
    if (json_ok(lambda) && strcmp(json_text(lambda), "-Infinity"))
        json_set_real(to, "lambda_min_clipped", json_number(lambda));
    if (json_ok(config_get(config, "original_inference_steps")))
        json_set_int(to, "original_steps", config_int(config, "original_inference_steps", 50));
    if (json_ok(config_get(config, "timestep_scaling")))
        json_set_real(to, "timestep_scaling", config_number(config, "timestep_scaling", 10));
    json_set_bool(to, "skip_prk_steps", config_bool(config, "skip_prk_steps", false));
}

/* A text that becomes a member of the schedule where it is not the sampler's own. */
static void set_word(Json to, const char *name, const char *word)
{
    if (word)
        json_set_string(to, name, word);
}

static void set_order(Settings *s, Json to, Json config, bool sde)
{
    enum { MOST = 3 };
    int64_t order = config_int(config, "solver_order", 2);
    bool noise = !strcmp(config_string(config, "algorithm_type", ""), "sde-dpmsolver");
    int64_t most = sde && noise ? 2 : MOST;
    if (order > most)
        settings_note(s, json_get(config, "solver_order"), "found %lld: order %lld is taken",
                      (long long)order, (long long)most);
    if (json_ok(config_get(config, "solver_order")))
        json_set_int(to, "solver_order", order < 1 ? 1 : order > most ? most : order);
}

/* Steps that unipc does not correct. */
static void set_corrector(Settings *s, Json to, Json config)
{
    enum { MOST = 63 };
    int64_t steps[MOST];
    int n = 0;
    Json list = config_get(config, "disable_corrector");
    for (Json e = json_ok(list) ? json_first(list) : list; json_ok(e); e = json_next(e)) {
        int64_t step = json_int(e, 0, 1 << 20);
        if (step < MOST && n < MOST)
            steps[n++] = step;
        else
            settings_note(s, e, "found %lld: steps from %d on are corrected", (long long)step,
                          MOST);
    }
    if (n)
        json_set_ints(to, "disable_corrector", steps, n);
}

/* The variance of new noise, which ddpm alone asks for. */
static void set_variance(Settings *s, Json to, Json config, const char *sampler)
{
    const char *variance = config_string(config, "variance_type", "fixed_small");
    if (!strcmp(variance, "fixed_large"))
        json_set_string(to, "variance_type", "fixed_large");
    else if (!strcmp(variance, "fixed_small") || !strcmp(variance, "fixed_small_log"))
        return;
    else if (!strcmp(sampler, "ddpm"))
        settings_note(s, json_get(config, "variance_type"),
                      "found \"%s\": ddpm adds noise of fixed_small", variance);
    else
        settings_note(s, json_get(config, "variance_type"), "found \"%s\": %s does not use it",
                      variance, sampler);
}

/* Parameters of single samplers. Words that mean the sampler's own are those that diffusers'
 * classes replace, too. */
static void set_solver(Settings *s, Json to, Json config, const SchedulerClass *class)
{
    static const Word solvers[] = {{"midpoint", NULL}, {"logrho", NULL}, {"bh2", NULL},
                                   {"heun", "heun"},   {"bh1", "bh1"},   {"", NULL}};
    static const Word algorithms[] = {{"dpmsolver++", NULL},
                                      {"sde-dpmsolver++", NULL},
                                      {"deis", NULL},
                                      {"dpmsolver", "dpmsolver"},
                                      {"data_prediction", NULL},
                                      {"sde-dpmsolver", "dpmsolver"},
                                      {"", NULL},
                                      {"noise_prediction", NULL}};
    static const Word interpolations[] = {{"linear", NULL}, {"log_linear", "log_linear"}};
    static const Word types[] = {{"discrete", NULL}, {"continuous", "continuous"}};
    set_order(s, to, config, class->sde);
    set_corrector(s, to, config);
    set_word(to, "solver_type", CONFIG_WORD(config, "solver_type", "", solvers));
    set_word(to, "algorithm_type", CONFIG_WORD(config, "algorithm_type", "", algorithms));
    set_word(to, "interpolation",
             CONFIG_WORD(config, "interpolation_type", "linear", interpolations));
    set_word(to, "timestep_type", CONFIG_WORD(config, "timestep_type", "discrete", types));
    if (!config_bool(config, "predict_x0", true))
        json_set_bool(to, "predict_x0", false);
    set_variance(s, to, config, class->sampler ? class->sampler : "the sampler");
}

/* A class of which nothing can be read: its models are of another kind. */
static bool is_foreign(Settings *s, Json config, const SchedulerClass *class)
{
    if (class->sampler || json_ok(config_get(config, "beta_start")))
        return false;
    settings_note(s, config,
                  "%s is none of latentc's: schedule and sampler are the pipeline file's",
                  config_string(config, "_class_name", "a scheduler without _class_name"));
    return true;
}

static void name_class(Settings *s, Json config, const SchedulerClass *class)
{
    const char *name = config_string(config, "_class_name", "a scheduler without _class_name");
    if (class->instead)
        settings_note(s, config, "%s%s is none of latentc's: the sampler is %s", name,
                      class->sde ? " with new noise" : "", class->instead);
    else if (!class->sampler)
        settings_note(
            s, config,
            "%s is none of latentc's: the sampler is the pipeline file's, the schedule is read",
            name);
}

void settings_of_scheduler(Settings *s, Json config)
{
    const SchedulerClass *class = class_of(config);
    family_scheduler(s, config);
    if (is_foreign(s, config, class))
        return;
    name_class(s, config, class);
    CONFIG_MEMBERS(s, config, scheduler_members);
    Json to = settings_schedule(s);
    if (class->beta_schedule) {
        set_training(s, to, config, class);
        set_steps(s, to, config);
        set_final(to, config, class);
        set_clip(to, config, class);
        set_solver(s, to, config, class);
    }
    if (class->sampler)
        json_set_string(json_object_at(s->json, "defaults"), "sampler", class->sampler);
}
