/* The samplers: one row and one step function each, and the run that they have in common. See
 * sampler.h for the units. */
#include "sampler.h"

#include <stdlib.h>
#include <string.h>

#include "samplers.h"

enum {
    BY_SIGMA = LRT_TAKES_SPACING | LRT_TAKES_KARRAS | LRT_OBEYS_KARRAS,
    LINSPACE = LRT_SPACING_LINSPACE,
    LEADING = LRT_SPACING_LEADING
};

/* clang-format off */
const lrt_sampler lrt_samplers[] = {
    {"ddim", "DDIM", NULL, "each step removes the share of noise that the training schedule says (--eta)",
     LRT_TAKES_SPACING | LRT_TAKES_ETA | LRT_CLIPS | LRT_CLIPS_ITSELF | LRT_SINGLE, LEADING, 0, lrt_plan_ddim, lrt_step_ddim},
    {"pndm", "PNDM", NULL, "plms or pndm_prk, as the checkpoint says",
     LRT_TAKES_SPACING | LRT_PLAIN_BETAS, LEADING, 6, lrt_plan_pndm, lrt_step_pndm},
    {"plms", "PLMS", NULL, "linear multistep of order 4 over predictions",
     LRT_TAKES_SPACING | LRT_PLAIN_BETAS, LEADING, 5, lrt_plan_plms, lrt_step_plms},
    {"pndm_prk", NULL, NULL, "the same, begun by three steps of Runge-Kutta, four calls each",
     LRT_TAKES_SPACING | LRT_PLAIN_BETAS, LEADING, 6, lrt_plan_pndm_prk, lrt_step_pndm_prk},
    {"euler", "Euler", "k_euler", "straight to the next sigma",
     BY_SIGMA, LINSPACE, 0, lrt_plan_euler, lrt_step_euler},
    {"euler_a", "Euler a", "euler_ancestral,k_euler_a", "straight past the next sigma, then back up with fresh noise",
     LRT_TAKES_SPACING | LRT_TAKES_KARRAS, LINSPACE, 0, lrt_plan_euler_a, lrt_step_euler_a},
    {"heun", "Heun", "k_heun", "each step again with the slope found at its end; two calls a step",
     BY_SIGMA | LRT_CLIPS | LRT_PLAIN_BETAS, LINSPACE, 2, lrt_plan_heun, lrt_step_heun},
    {"lms", "LMS", "k_lms", "linear multistep of order 4 over slopes",
     BY_SIGMA | LRT_PLAIN_BETAS, LINSPACE, 4, lrt_plan_euler, lrt_step_lms},
    {"dpm++2m", "DPM++ 2M", "dpmpp2m,k_dpmpp_2m", "multistep of order 2 in the logarithm of sigma",
     BY_SIGMA, LINSPACE, 1, lrt_plan_dpm, lrt_step_dpm},
    {"dpm++2m_sde", "DPM++ 2M SDE", "dpmpp_2m_sde,k_dpmpp_2m_sde", "the same with fresh noise in every step",
     BY_SIGMA, LINSPACE, 1, lrt_plan_dpm_sde, lrt_step_dpm_sde},
    {"unipc", "UniPC", "unipc_bh2", "order 2, each step corrected by the estimate that follows it",
     BY_SIGMA, LINSPACE, 3, lrt_plan_dpm, lrt_step_unipc},
    {"lcm", "LCM", NULL, "1 to 50 steps of models that were distilled for it",
     LRT_CLIPS, LEADING, 0, lrt_plan_lcm, lrt_step_lcm},
    {"ddpm", "DDPM", NULL, "training backwards, with fresh noise in every step; wants many",
     LRT_TAKES_SPACING | LRT_CLIPS | LRT_CLIPS_ITSELF, LEADING, 0, lrt_plan_ddpm, lrt_step_ddpm},
    {"relax", NULL, NULL, "I <- I - alpha (I - estimate of the finished picture), the same --alpha every step, 1 in the last",
     LRT_TAKES_ALPHA | LRT_CLIPS | LRT_SINGLE, LINSPACE, 0, lrt_plan_relax, lrt_step_relax},
};
/* clang-format on */
const int lrt_sampler_count = sizeof lrt_samplers / sizeof *lrt_samplers;

/* What does not count in a name: programs write euler_a, "Euler a", k-euler-a. */
static const char fillers[] = " _-";

/* Whether the n characters at text are the first name of a list with commas between, but for
 * fillers and letters' case. */
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

static const lrt_sampler *find(const char *text, size_t n)
{
    for (int i = 0; i < lrt_sampler_count; i++)
        if (same_name(lrt_samplers[i].name, text, n) || listed(lrt_samplers[i].title, text, n) ||
            listed(lrt_samplers[i].aliases, text, n))
            return &lrt_samplers[i];
    return NULL;
}

const lrt_sampler *lrt_sampler_find(const char *name) { return find(name, strlen(name)); }

const lrt_sampler *lrt_sampler_find_spaced(const char *name, bool *karras)
{
    static const char tail[] = "karras";
    size_t n = strlen(name), k = sizeof tail - 1;
    const lrt_sampler *s = find(name, n);
    *karras = !s && n > k && memchr(fillers, name[n - k - 1], sizeof fillers - 1) &&
              same_name(tail, name + n - k, k);
    return *karras ? find(name, n - k) : s;
}

/* heun calls twice a step, pndm_prk four times in three of them. */
static size_t most_calls(int steps) { return 2 * (size_t)steps + 16; }

static bool allocate(lrt_sampling *s)
{
    double **state[] = {&s->x, &s->out, &s->x0, &s->eps};
    bool ok = (s->noise = calloc(2 * (size_t)s->n, sizeof *s->noise)) &&
              (s->point = calloc(most_calls(s->steps) + 1, sizeof *s->point));
    for (size_t i = 0; i < sizeof state / sizeof *state; i++)
        ok = ok && (*state[i] = calloc((size_t)s->n, sizeof(double)));
    for (int i = 0; i < s->sampler->history; i++)
        ok = ok && (s->history[i] = calloc((size_t)s->n, sizeof(double)));
    return ok;
}

bool lrt_sampling_plan(lrt_sampling *s, lrt_error *e)
{
    int most = s->schedule->train_steps;
    if (s->steps < 1 || s->steps > most)
        return lrt_fail(e, "steps: expected 1 to %d (the timesteps of training), found %d", most,
                        s->steps);
    if (!(s->eta >= 0 && s->eta <= 1))
        return lrt_fail(e, "eta: expected 0 to 1, found %g", s->eta);
    if (s->config.zero_snr && s->config.prediction == LRT_PREDICT_EPSILON)
        return lrt_fail(
            e,
            "prediction: this model's steps start from nothing but noise, of which epsilon says nothing: expected v");
    if (s->config.spacing == LRT_SPACING_SAMPLER)
        s->config.spacing = s->sampler->spacing;
    if (s->schedule->plain && s->sampler->traits & LRT_PLAIN_BETAS)
        s->schedule = s->schedule->plain;
    s->start = 1;
    s->calls = 0;
    if ((allocate(s) || lrt_fail(e, "out of memory")) && s->sampler->plan(s, e))
        return true;
    lrt_sampling_free(s);
    return false;
}

void lrt_sampling_free(lrt_sampling *s)
{
    double **state[] = {&s->x, &s->out, &s->x0, &s->eps};
    for (size_t i = 0; i < sizeof state / sizeof *state; i++) {
        free(*state[i]);
        *state[i] = NULL;
    }
    for (size_t i = 0; i < sizeof s->history / sizeof *s->history; i++) {
        free(s->history[i]);
        s->history[i] = NULL;
    }
    free(s->noise);
    free(s->point);
    s->noise = NULL;
    s->point = NULL;
}

void lrt_sampling_set(lrt_sampling *s, const float *x)
{
    for (int64_t i = 0; i < s->n; i++)
        s->x[i] = x[i];
}

void lrt_sampling_get(const lrt_sampling *s, float *x)
{
    for (int64_t i = 0; i < s->n; i++)
        x[i] = (float)s->x[i];
}

static double clip_of(const lrt_sampling *s)
{
    if (s->config.clip == LRT_CLIP_SAMPLER)
        return s->sampler->traits & LRT_CLIPS_ITSELF ? 1 : 0;
    return s->sampler->traits & LRT_CLIPS ? s->config.clip : 0;
}

void lrt_sampling_answer(lrt_sampling *s, int k, const float *answer)
{
    double a = s->point[k].a, rest = sqrt(1 - a), picture = sqrt(a), scale = 1 / picture,
           clip = clip_of(s);
    bool v = s->config.prediction == LRT_PREDICT_V, single = s->sampler->traits & LRT_SINGLE;
    for (int64_t i = 0; i < s->n; i++) {
        double m = answer[i], x0 = v ? picture * s->x[i] - rest * m : (s->x[i] - rest * m) * scale;
        double eps = v ? picture * m + rest * s->x[i] : m;
        if (clip > 0)
            x0 = x0 > clip ? clip : x0 < -clip ? -clip : x0;
        s->out[i] = m;
        s->x0[i] = single ? (float)x0 : x0;
        s->eps[i] = single ? (float)eps : eps;
    }
}

void lrt_sampling_move(lrt_sampling *s, int k, lrt_noise *noise)
{
    if (s->point[k].noise)
        lrt_noise_latent(noise, s->noise, s->n);
    s->sampler->step(s, k);
    for (int64_t i = 0; s->sampler->traits & LRT_SINGLE && i < s->n; i++)
        s->x[i] = (float)s->x[i];
}

void lrt_guide(int64_t n, double scale, const float *without, const float *with, float *noise)
{
    for (int64_t i = 0; i < n; i++)
        noise[i] = (float)(without[i] + scale * ((double)with[i] - without[i]));
}

static double deviation_of(int64_t n, const float *x)
{
    double mean = 0, sum = 0;
    for (int64_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (int64_t i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (double)(n - 1));
}

void lrt_guide_rescale(int64_t n, double phi, const float *with, float *guided)
{
    double factor = 1 - phi + phi * deviation_of(n, with) / deviation_of(n, guided);
    for (int64_t i = 0; i < n; i++)
        guided[i] = (float)(guided[i] * factor);
}

bool lrt_sampling_begins(const lrt_sampling *s, int k)
{
    return k == 0 || s->point[k].step != s->point[k - 1].step;
}

double lrt_sampling_alpha(const lrt_sampling *s, int k)
{
    int last = k;
    while (last + 1 < s->calls && s->point[last + 1].step == s->point[k].step)
        last++;
    return s->point[k].sigma > 0 ? 1 - s->point[last].to.sigma / s->point[k].sigma : 1;
}

double lrt_sampling_deviation(const lrt_sampling *s, int k)
{
    double a = s->point[k].a, to_y = 1 / sqrt(a > 0x1p-24 ? a : 0x1p-24), sum = 0;
    for (int64_t i = 0; i < s->n; i++) {
        double d = s->x[i] * to_y - s->x0[i];
        sum += d * d;
    }
    return sqrt(sum / (double)s->n);
}
