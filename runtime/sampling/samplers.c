/* See samplers.h. */
#include "samplers.h"

#include <string.h>

#include "sampler_steps.h"
#include "spacing.h"

enum {
    BY_SIGMA = LRT_TAKES_SPACING | LRT_TAKES_CURVES | LRT_OBEYS_CURVES,
    MULTISTEP = LRT_OBEYS_LU | LRT_THRESHOLDS | LRT_CLIPS_SIGMA,
    LINSPACE = LRT_SPACING_LINSPACE,
    LEADING = LRT_SPACING_LEADING
};

/* clang-format off */
const lrt_sampler lrt_samplers[] = {
    {"ddim", "DDIM", NULL, "each step goes to the noise level that the schedule says; with --eta, some of the noise is new",
     LRT_TAKES_SPACING | LRT_TAKES_ETA | LRT_CLIPS | LRT_CLIPS_ITSELF | LRT_THRESHOLDS | LRT_SINGLE, LEADING, 0, lrt_plan_ddim, lrt_step_ddim},
    {"pndm", "PNDM", NULL, "plms or pndm_prk, as the checkpoint says",
     LRT_TAKES_SPACING | LRT_PLAIN_BETAS, LEADING, 6, lrt_plan_pndm, lrt_step_pndm},
    {"plms", "PLMS", NULL, "linear multistep of order 4 over predictions",
     LRT_TAKES_SPACING | LRT_PLAIN_BETAS, LEADING, 5, lrt_plan_plms, lrt_step_plms},
    {"pndm_prk", NULL, NULL, "the same, but the first three steps are Runge-Kutta steps of four calls",
     LRT_TAKES_SPACING | LRT_PLAIN_BETAS, LEADING, 6, lrt_plan_pndm_prk, lrt_step_pndm_prk},
    {"euler", "Euler", "k_euler", "straight to the next sigma",
     BY_SIGMA | LRT_OBEYS_FINAL_SIGMA | LRT_OBEYS_INTERPOLATION, LINSPACE, 0, lrt_plan_euler, lrt_step_euler},
    {"euler_a", "Euler a", "euler_ancestral,k_euler_a", "below the next sigma, then back up with new noise",
     LRT_TAKES_SPACING | LRT_TAKES_CURVES, LINSPACE, 0, lrt_plan_euler_a, lrt_step_euler_a},
    {"heun", "Heun", "k_heun", "repeats each step with the mean slope of both ends; two calls per step",
     BY_SIGMA | LRT_CLIPS | LRT_PLAIN_BETAS, LINSPACE, 2, lrt_plan_heun, lrt_step_heun},
    {"lms", "LMS", "k_lms", "linear multistep of order 4 over slopes",
     BY_SIGMA | LRT_PLAIN_BETAS | LRT_OWN_KARRAS_ENDS, LINSPACE, 4, lrt_plan_euler, lrt_step_lms},
    {"ipndm", "iPNDM", NULL, "the same, as if all steps were equal",
     BY_SIGMA | LRT_PLAIN_BETAS, LINSPACE, 4, lrt_plan_euler, lrt_step_ipndm},
    {"dpm2", "DPM2", "k_dpm_2,kdpm2", "each step with the slope in its middle; two calls per step",
     BY_SIGMA | LRT_PLAIN_BETAS | LRT_ROUNDS_KARRAS, LINSPACE, 1, lrt_plan_dpm2, lrt_step_dpm2},
    {"dpm2_a", "DPM2 a", "dpm2_ancestral,k_dpm_2_a,k_dpm_2_ancestral,kdpm2_a", "the same with new noise in every step",
     BY_SIGMA | LRT_PLAIN_BETAS | LRT_ROUNDS_KARRAS, LINSPACE, 1, lrt_plan_dpm2_a, lrt_step_dpm2_a},
    {"dpm++2m", "DPM++ 2M", "dpmpp2m,k_dpmpp_2m", "multistep of order 2 in the logarithm of sigma",
     BY_SIGMA | MULTISTEP, LINSPACE, 2, lrt_plan_dpm, lrt_step_dpm},
    {"dpm++2m_sde", "DPM++ 2M SDE", "dpmpp_2m_sde,k_dpmpp_2m_sde,dpmpp_2m_sde_gpu", "the same with new noise in every step",
     BY_SIGMA | MULTISTEP, LINSPACE, 2, lrt_plan_dpm_sde, lrt_step_dpm_sde},
    {"dpm++2s", "DPM++ 2S", "dpmpp_2s,dpmsolver_singlestep", "pairs of steps, each pair of order 2 in the logarithm of sigma",
     LRT_TAKES_CURVES | LRT_OBEYS_CURVES | LRT_PLAIN_BETAS | LRT_THRESHOLDS | LRT_CLIPS_SIGMA, LINSPACE, 3, lrt_plan_dpm, lrt_step_dpm_2s},
    {"dpm++2s_a", "DPM++ 2S a", "dpmpp_2s_a,dpmpp_2s_ancestral,k_dpmpp_2s_a", "each step with the estimate in its middle, and new noise; two calls per step",
     BY_SIGMA, LINSPACE, 1, lrt_plan_dpm2_a, lrt_step_dpm_2s_a},
    {"deis", "DEIS", "deis_multistep", "order 2; integrates the noise, interpolated in the logarithm of sigma",
     BY_SIGMA | LRT_PLAIN_BETAS | LRT_THRESHOLDS | LRT_ENDS_LEAST | LRT_REPEATS_CURVE_END, LINSPACE, 2, lrt_plan_dpm, lrt_step_deis},
    {"unipc", "UniPC", "unipc_bh2", "order 2; the next estimate corrects each step",
     BY_SIGMA | LRT_THRESHOLDS | LRT_REPEATS_CURVE_END, LINSPACE, 4, lrt_plan_dpm, lrt_step_unipc},
    {"lcm", "LCM", NULL, "1 to 50 steps, for models that were distilled for it",
     LRT_CLIPS | LRT_THRESHOLDS, LEADING, 0, lrt_plan_lcm, lrt_step_lcm},
    {"tcd", "TCD", NULL, "1 to 50 steps, for models that were distilled for it; with --eta, some of the noise is new",
     LRT_TAKES_ETA, LEADING, 0, lrt_plan_tcd, lrt_step_tcd},
    {"ddpm", "DDPM", NULL, "the reverse of training, with new noise in every step; needs many steps",
     LRT_TAKES_SPACING | LRT_CLIPS | LRT_CLIPS_ITSELF | LRT_THRESHOLDS, LEADING, 0, lrt_plan_ddpm, lrt_step_ddpm},
    {"relax", NULL, NULL, "I <- I - alpha (I - estimate of the finished picture), the same --alpha every step, 1 in the last",
     LRT_TAKES_ALPHA | LRT_CLIPS | LRT_SINGLE, LINSPACE, 0, lrt_plan_relax, lrt_step_relax},
};
/* clang-format on */
const int lrt_sampler_count = sizeof lrt_samplers / sizeof *lrt_samplers;

/* Ignored in names: programs write euler_a, "Euler a", k-euler-a. */
static const char fillers[] = " _-";

/* Whether the n characters at text are the first name of a comma-separated list, ignoring fillers
 * and case. */
static bool same_name(const char *list, const char *text, size_t n)
{
    const char *end = text + n;
    for (;;) {
        list += strspn(list, fillers);
        while (text < end && memchr(fillers, *text, sizeof fillers - 1))
            text++;
        if (text == end || !*list || *list == ',')
            return text == end && (!*list || *list == ',');
        char a = *list++, b = *text++;
        if ((a >= 'A' && a <= 'Z' ? a + 32 : a) != (b >= 'A' && b <= 'Z' ? b + 32 : b))
            return false;
    }
}

static bool listed(const char *list, const char *text, size_t n)
{
    for (const char *s = list; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL)
        if (same_name(s, text, n))
            return true;
    return false;
}

bool lrt_same_name(const char *a, const char *b) { return same_name(a, b, strlen(b)); }

static const lrt_sampler *find(const char *text, size_t n)
{
    for (int i = 0; i < lrt_sampler_count; i++)
        if (same_name(lrt_samplers[i].name, text, n) || listed(lrt_samplers[i].title, text, n) ||
            listed(lrt_samplers[i].aliases, text, n))
            return &lrt_samplers[i];
    return NULL;
}

const lrt_sampler *lrt_sampler_find(const char *name) { return find(name, strlen(name)); }

const lrt_sampler *lrt_sampler_find_spaced(const char *name, int *curve)
{
    size_t n = strlen(name);
    const lrt_sampler *s = find(name, n);
    *curve = LRT_SIGMAS_TIMESTEPS;
    for (int i = LRT_SIGMAS_TIMESTEPS + 1; !s && i < lrt_curve_count; i++) {
        size_t k = strlen(lrt_curves[i].name);
        if (n > k && memchr(fillers, name[n - k - 1], sizeof fillers - 1) &&
            same_name(lrt_curves[i].name, name + n - k, k) && (s = find(name, n - k)))
            *curve = i;
    }
    return s;
}
