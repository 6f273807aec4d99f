/* Configs of all scheduler classes of diffusers (tools/diffusers_schedulers.py): each is read, or
 * named with what is done instead. Members: each is implemented, named, or known to do nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "diffusers_config.h"
#include "diffusers_scheduler.h"
#include "err.h"

typedef struct {
    Arena *arena;
    Json config;
    Settings s;
} Read;

static Read read_text(const char *text)
{
    Arena *a = arena_new();
    Read r = {a, json_parse_python(text, strlen(text), "config"), settings_new(a, "test")};
    settings_of_scheduler(&r.s, r.config);
    return r;
}

static void done(Read *r)
{
    json_free(r->s.json);
    json_free(r->config);
    arena_free(r->arena);
}

static const char *sampler_of(const Read *r)
{
    Json defaults = json_get(r->s.json, "defaults"),
         sampler = json_ok(defaults) ? json_get(defaults, "sampler") : defaults;
    return json_ok(sampler) ? json_string(sampler) : "";
}

/* Classes that are one of ours. All others must be named. */
/* clang-format off */
static const struct { const char *class, *sampler; } ours[] = {
    {"DDIMScheduler", "ddim"}, {"DDIMParallelScheduler", "ddim"}, {"DDPMScheduler", "ddpm"}, {"DDPMParallelScheduler", "ddpm"},
    {"PNDMScheduler", "pndm"}, {"LCMScheduler", "lcm"}, {"TCDScheduler", "tcd"}, {"EulerDiscreteScheduler", "euler"},
    {"EulerAncestralDiscreteScheduler", "euler_a"}, {"HeunDiscreteScheduler", "heun"}, {"LMSDiscreteScheduler", "lms"},
    {"KDPM2DiscreteScheduler", "dpm2"}, {"KDPM2AncestralDiscreteScheduler", "dpm2_a"}, {"DPMSolverMultistepScheduler", "dpm++2m"},
    {"DPMSolverSinglestepScheduler", "dpm++2s"}, {"DEISMultistepScheduler", "deis"}, {"UniPCMultistepScheduler", "unipc"},
};
/* clang-format on */
enum { OURS = sizeof ours / sizeof ours[0] };

static bool check_class(const char *line)
{
    Read r = read_text(line);
    const char *class = json_string(json_need(r.config, "_class_name")), *expected = NULL;
    for (int i = 0; i < OURS; i++)
        if (!strcmp(ours[i].class, class))
            expected = ours[i].sampler;
    if (expected && (strcmp(sampler_of(&r), expected) || r.s.notes))
        fail_msg("%s: sampler %s, notes %s", class, sampler_of(&r), r.s.notes ? r.s.notes : "none");
    if (!expected && (!r.s.notes || !strstr(r.s.notes, class)))
        fail_msg("%s is not named: %s", class, r.s.notes ? r.s.notes : "no notes");
    done(&r);
    return expected;
}

static void test_classes(void **state)
{
    FILE *f = fopen(TEST_DATA_DIR "/diffusers-schedulers.txt", "r");
    char line[4096];
    int lines = 0, found = 0;
    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (*line != '#') {
            found += check_class(line);
            lines++;
        }
    fclose(f);
    assert_true(lines > 45);
    assert_int_equal(found, OURS);
}

/* A config with one member of another value, and what the schedule or the notes must have. */
/* clang-format off */
static const struct { const char *member, *schedule, *note; } members[] = {
    {"\"solver_order\": 3", "\"solver_order\":3", NULL},
    {"\"solver_order\": 5", "\"solver_order\":3", "config: /solver_order: found 5: order 3 is taken\n"},
    {"\"solver_order\": 3, \"algorithm_type\": \"sde-dpmsolver\"", "\"solver_order\":2", "order 2 is taken"},
    {"\"algorithm_type\": \"dpmsolver\"", "\"algorithm_type\":\"dpmsolver\"", NULL},
    {"\"algorithm_type\": \"sde-dpmsolver++\"", "dpm++2m_sde", NULL},
    {"\"algorithm_type\": \"deis\"", "\"sampler\":\"dpm++2m\"", NULL},
    {"\"solver_type\": \"heun\"", "\"solver_type\":\"heun\"", NULL},
    {"\"solver_type\": \"bh1\"", "\"solver_type\":\"bh1\"", NULL},
    {"\"sigma_min\": 0.1", "\"sigma_min\":0.1", NULL},
    {"\"sigma_max\": 9", "\"sigma_max\":9", NULL},
    {"\"timestep_type\": \"continuous\"", "\"timestep_type\":\"continuous\"", NULL},
    {"\"interpolation_type\": \"log_linear\"", "\"interpolation\":\"log_linear\"", NULL},
    {"\"use_lu_lambdas\": true", "\"sigmas\":\"lu\"", NULL},
    {"\"use_exponential_sigmas\": true", "\"sigmas\":\"exponential\"", NULL},
    {"\"use_karras_sigmas\": true", "\"sigmas\":\"karras\"", NULL},
    {"\"use_beta_sigmas\": true", "\"sigmas\":\"timesteps\"", "/use_beta_sigmas: found true: the sigmas of the timesteps are taken"},
    {"\"use_karras_sigmas\": true, \"use_exponential_sigmas\": true", "\"sigmas\":\"karras\"",
     "config: /use_exponential_sigmas: found true next to use_karras_sigmas, expected one of them: use_karras_sigmas is taken\n"},
    {"\"use_beta_sigmas\": true, \"use_exponential_sigmas\": true", "\"sigmas\":\"exponential\"", "/use_beta_sigmas: found true next to use_exponential_sigmas"},
    {"\"use_beta_sigmas\": true, \"use_karras_sigmas\": true", "\"sigmas\":\"karras\"", "/use_beta_sigmas: found true next to use_karras_sigmas"},
    {"\"use_karras_sigmas\": true, \"use_lu_lambdas\": true", "\"sigmas\":\"karras\"", "/use_lu_lambdas: found true next to use_karras_sigmas"},
    {"\"use_karras_sigmas\": true, \"use_exponential_sigmas\": false", "\"sigmas\":\"karras\"", NULL},
    {"\"variance_type\": \"fixed_large\"", "\"variance_type\":\"fixed_large\"", NULL},
    {"\"variance_type\": \"learned_range\"", NULL, "config: /variance_type: found \"learned_range\": dpm++2m does not use it\n"},
    {"\"variance_type\": \"learned\", \"_class_name\": \"DDPMScheduler\"", NULL, "config: /variance_type: found \"learned\": ddpm adds noise of fixed_small\n"},
    {"\"disable_corrector\": [0, 3]", "\"disable_corrector\":[0,3]", NULL},
    {"\"disable_corrector\": [70]", NULL, "/disable_corrector/0: found 70"},
    {"\"predict_x0\": false", "\"predict_x0\":false", NULL},
    {"\"solver_p\": {}", NULL, "/solver_p: found {}"},
    {"\"lower_order_final\": false", "\"lower_order_final\":false", NULL},
    {"\"euler_at_final\": true", "\"euler_at_final\":true", NULL},
    {"\"final_sigmas_type\": \"sigma_min\"", "\"final_sigma\":\"least\"", NULL},
    {"\"rescale_betas_zero_snr\": true", "\"zero_snr\":true", NULL},
    {"\"clip_sample\": true, \"clip_sample_range\": 2", "\"clip_sample\":2", NULL},
    {"\"thresholding\": true, \"sample_max_value\": 3", "\"threshold_most\":3", NULL},
    {"\"lambda_min_clipped\": -5.1", "\"lambda_min_clipped\":-5.1", NULL},
    {"\"lambda_min_clipped\": -Infinity", NULL, NULL},
    {"\"original_inference_steps\": 100", "\"original_steps\":100", NULL},
    {"\"timestep_scaling\": 3", "\"timestep_scaling\":3", NULL},
    {"\"beta_schedule\": \"squaredcos_cap_v2\"", "squaredcos_cap_v2", NULL},
    {"\"flow_shift\": 3", NULL, NULL},
    {"\"use_dynamic_shifting\": true", NULL, "/use_dynamic_shifting: found true"},
    {"\"eta_of_tomorrow\": 0.5, \"shine\": \"bright\"", NULL, "config: not read: eta_of_tomorrow 0.5, shine \"bright\"\n"},
    {"\"_use_default_values\": [\"a\"]", NULL, NULL},
};
static const struct { const char *member, *error; } refused[] = {
    {"\"trained_betas\": [0.1]", "config: /trained_betas: found [0.1], but latentc's graphs have no such part"},
    {"\"use_flow_sigmas\": true", "config: /use_flow_sigmas: found true"},
    {"\"prediction_type\": \"sample\"", "config: /prediction_type: found \"sample\""},
    {"\"beta_schedule\": \"sigmoid\"", "config: /beta_schedule: found \"sigmoid\""},
    {"\"timestep_spacing\": \"cosine\"", "config: /timestep_spacing: found \"cosine\", expected linspace, leading, trailing"},
};
/* clang-format on */

#define CONFIG_WITH \
    "{\"_class_name\": \"DPMSolverMultistepScheduler\", \"beta_start\": 0.00085, %s}"

static void test_members(void **state)
{
    char text[512];
    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        snprintf(text, sizeof text, CONFIG_WITH, members[i].member);
        Read r = read_text(text);
        const char *written = json_text(r.s.json), *notes = r.s.notes ? r.s.notes : "";
        if (members[i].schedule && !strstr(written, members[i].schedule))
            fail_msg("%s: the schedule lacks it: %s", members[i].member, written);
        if (members[i].note ? !strstr(notes, members[i].note) : *notes)
            fail_msg("%s: notes are '%s'", members[i].member, notes);
        done(&r);
    }
}

static void test_refused(void **state)
{
    char text[512];
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        jmp_buf back;
        snprintf(text, sizeof text, CONFIG_WITH, refused[i].member);
        if (setjmp(back)) {
            err_catch(NULL);
            if (!strstr(err_text(), refused[i].error))
                fail_msg("%s: %s", refused[i].member, err_text());
            continue;
        }
        err_catch(&back);
        read_text(text);
        err_catch(NULL);
        fail_msg("%s is not refused", refused[i].member);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_classes),
                                       cmocka_unit_test(test_members),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
