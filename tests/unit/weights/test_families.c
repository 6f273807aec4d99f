/* Families of models by their config files, and the defaults that follow (weights/families.def). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "config.h"
#include "diffusers_config.h"
#include "diffusers_scheduler.h"
#include "families.h"

/* What the published folder of SD-Turbo has in scheduler/scheduler_config.json. */
#define TURBO                                                                               \
    "{\"_class_name\":\"EulerDiscreteScheduler\",\"_diffusers_version\":\"0.24.0.dev0\","   \
    "\"beta_end\":0.012,\"beta_schedule\":\"scaled_linear\",\"beta_start\":0.00085,"        \
    "\"clip_sample\":false,\"interpolation_type\":\"linear\",\"num_train_timesteps\":1000," \
    "\"prediction_type\":\"epsilon\",\"sample_max_value\":1.0,\"set_alpha_to_one\":false,"  \
    "\"skip_prk_steps\":true,\"steps_offset\":1,\"timestep_spacing\":\"trailing\","         \
    "\"trained_betas\":null,\"use_karras_sigmas\":false}"
#define OF(class, more) "{\"_class_name\":\"" class "\",\"beta_start\":0.00085" more "}"

/* The name that a config records ("": none), the scheduler's config ("": none), the family, and its
 * "defaults" and "spacing" as JSON. */
typedef struct {
    const char *named, *scheduler, *family, *defaults, *spacing;
} Case;
/* clang-format off */
static const Case cases[] = {
    {"", TURBO, "sd-turbo", "{\"sampler\":\"euler\",\"steps\":1,\"cfg_scale\":1}", "\"trailing\""},
    {"stabilityai/sd-turbo", TURBO, "sd-turbo", "{\"sampler\":\"euler\",\"steps\":1,\"cfg_scale\":1}", "\"trailing\""},
    /* by name, whatever the scheduler is: that stays */
    {"stabilityai/sd-turbo", OF("LCMScheduler", ""), "sd-turbo", "{\"sampler\":\"lcm\",\"steps\":1,\"cfg_scale\":1}", "\"sampler\""},
    {"/models/SD_Turbo/", OF("DDIMScheduler", ",\"timestep_spacing\":\"leading\""), "sd-turbo", "{\"sampler\":\"ddim\",\"steps\":1,\"cfg_scale\":1}", "\"leading\""},
    {"a/SD Turbo v2", "", "sd-turbo", "{\"steps\":1,\"cfg_scale\":1,\"sampler\":\"euler\"}", "\"trailing\""},
    {"", OF("LCMScheduler", ""), "lcm", "{\"sampler\":\"lcm\",\"steps\":4,\"cfg_scale\":1}", "\"sampler\""},
    {"someone/sd21-lcm", "", "lcm", "{\"steps\":4,\"cfg_scale\":1,\"sampler\":\"lcm\"}", "\"leading\""},
    {"IDKiro/sdxs-512-0.9", OF("EulerDiscreteScheduler", ""), "sdxs", "{\"sampler\":\"euler\",\"steps\":1,\"cfg_scale\":1}", "\"sampler\""},
    {"", OF("TCDScheduler", ""), "tcd", "{\"sampler\":\"tcd\",\"steps\":4,\"cfg_scale\":1}", "\"sampler\""},
    /* one member differs: plain */
    {"", OF("EulerDiscreteScheduler", ",\"timestep_spacing\":\"leading\""), "stable-diffusion-2", "{\"sampler\":\"euler\"}", "\"leading\""},
    {"", OF("EulerDiscreteScheduler", ",\"timestep_spacing\":\"trailing\",\"prediction_type\":\"v_prediction\""), "stable-diffusion-2", "{\"sampler\":\"euler\"}", "\"trailing\""},
    {"", OF("DDIMScheduler", ",\"timestep_spacing\":\"trailing\""), "stable-diffusion-2", "{\"sampler\":\"ddim\"}", "\"trailing\""},
    {"stabilityai/stable-diffusion-2-1", OF("PNDMScheduler", ""), "stable-diffusion-2", "{\"sampler\":\"pndm\"}", "\"sampler\""},
    {"a\\nb\\n\\n/sd-turbo\\n", "", "sd-turbo", "{\"steps\":1,\"cfg_scale\":1,\"sampler\":\"euler\"}", "\"trailing\""},
    /* words, not parts of words */
    {"x/sd-turbocharged", "", "stable-diffusion-2", NULL, NULL},
    {"x/calcm", "", "stable-diffusion-2", NULL, NULL},
    {"x/xsd-turbo", "", "stable-diffusion-2", NULL, NULL},
    {"", "", "stable-diffusion-2", NULL, NULL},
};
/* clang-format on */

static Json parse(const char *text, const char *file)
{
    return json_parse_python(text, strlen(text), file);
}

static const char *text_at(Json object, const char *section, const char *member)
{
    Json j = json_get(object, section);
    if (json_ok(j) && member)
        j = json_get(j, member);
    return json_ok(j) ? json_text(j) : NULL;
}

static void expect(const char *what, const Case *c, const char *found, const char *wanted)
{
    if (strcmp(found ? found : "", wanted ? wanted : ""))
        fail_msg("\"%s\", %s: %s: found %s, expected %s", c->named, c->scheduler, what,
                 found ? found : "none", wanted ? wanted : "none");
}

static void test_families(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const Case *c = &cases[i];
        Arena *a = arena_new();
        Settings s = settings_new(a, "test");
        Json named = parse(arena_printf(a, "{\"_name_or_path\":\"%s\"}", c->named), "unet"),
             scheduler = parse(*c->scheduler ? c->scheduler : "{}", "scheduler");
        family_config(&s, named);
        if (*c->scheduler)
            settings_of_scheduler(&s, scheduler);
        family_decide(&s);
        Json family = json_need(s.json, "family");
        expect("family", c, json_string(json_need(family, "name")), c->family);
        expect("defaults", c, text_at(s.json, "defaults", NULL), c->defaults);
        expect("spacing", c, text_at(s.json, "schedule", "spacing"), c->spacing);
        bool plain = !strcmp(c->family, "stable-diffusion-2");
        expect("with defaults", c, family_with_defaults(s.json), plain ? NULL : c->family);
        json_free(named);
        json_free(scheduler);
        json_free(s.json);
        arena_free(a);
    }
}

/* Why: where the evidence stands. The size is the family's only where the U-Net does not say one.
 */
static void test_why_and_size(void **state)
{
    (void)state;
    for (int sized = 0; sized < 2; sized++) {
        Arena *a = arena_new();
        Settings s = settings_new(a, "test");
        Json scheduler = parse(TURBO, "scheduler_config.json");
        if (sized)
            json_set_int(settings_parameters(&s), "img_height", 768);
        settings_of_scheduler(&s, scheduler);
        family_decide(&s);
        assert_string_equal(family_text(a, s.json),
                            "sd-turbo: scheduler_config.json: EulerDiscreteScheduler, "
                            "timestep_spacing trailing, prediction_type epsilon");
        assert_string_equal(text_at(s.json, "parameters", "img_height"), sized ? "768" : "512");
        json_free(scheduler);
        json_free(s.json);
        arena_free(a);
    }
}

/* A U-Net that takes the guidance scale as an input, whatever the name and the scheduler. */
static void test_guidance_input(void **state)
{
    static const char *const schedulers[] = {OF("LCMScheduler", ""), OF("DDIMScheduler", ""),
                                             TURBO},
                             *const samplers[] = {"lcm", "ddim", "euler"};
    (void)state;
    for (size_t i = 0; i < sizeof samplers / sizeof *samplers; i++) {
        Arena *a = arena_new();
        Settings s = settings_new(a, "test");
        Json scheduler = parse(schedulers[i], "scheduler_config.json"),
             unet = parse(
                 "{\"_class_name\":\"UNet2DConditionModel\",\"_name_or_path\":\"a/sd-turbo\","
                 "\"block_out_channels\":[16,32],\"cross_attention_dim\":64,"
                 "\"down_block_types\":[\"CrossAttnDownBlock2D\",\"DownBlock2D\"],"
                 "\"up_block_types\":[\"UpBlock2D\",\"CrossAttnUpBlock2D\"],"
                 "\"attention_head_dim\":[1,2],\"time_cond_proj_dim\":256}",
                 "unet/config.json");
        settings_of_unet(&s, unet);
        settings_of_scheduler(&s, scheduler);
        family_decide(&s);
        assert_string_equal(family_text(a, s.json),
                            "lcm-guidance: unet/config.json: /time_cond_proj_dim: 256, the "
                            "guidance scale is an input");
        Json defaults = json_need(s.json, "defaults");
        assert_int_equal(json_int(json_need(defaults, "steps"), 0, 100), 4);
        assert_true(json_number(json_need(defaults, "cfg_scale")) == 8.5);
        assert_string_equal(json_string(json_need(defaults, "sampler")), samplers[i]);
        assert_int_equal(
            json_int(json_need(settings_model(&s, "diffusion_model"), "guidance_in"), 0, 1000),
            256);
        json_free(scheduler);
        json_free(unet);
        json_free(s.json);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_families),
                                       cmocka_unit_test(test_why_and_size),
                                       cmocka_unit_test(test_guidance_input)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
