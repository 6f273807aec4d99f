/* Names of samplers, ours and those of other programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "samplers.h"

/* As stable-diffusion-webui, ComfyUI and stable-diffusion.cpp write them. */
/* clang-format off */
static const struct { const char *theirs, *ours; bool karras; } other_names[] = {
    {"DPM++ 2M Karras", "dpm++2m", true}, {"DPM++ 2M", "dpm++2m", false}, {"DPM++ 2M SDE Karras", "dpm++2m_sde", true},
    {"DPM++ 2M SDE", "dpm++2m_sde", false}, {"Euler a", "euler_a", false}, {"Euler", "euler", false}, {"DDIM", "ddim", false},
    {"UniPC", "unipc", false}, {"LMS", "lms", false}, {"LMS Karras", "lms", true}, {"Heun", "heun", false}, {"PLMS", "plms", false},
    {"LCM", "lcm", false}, {"DDPM", "ddpm", false}, {"k_dpmpp_2m", "dpm++2m", false}, {"dpmpp_2m_sde", "dpm++2m_sde", false},
    {"uni_pc_bh2", "unipc", false}, {"euler_ancestral", "euler_a", false}, {"euler_a karras", "euler_a", true}, {"dpm++2m karras", "dpm++2m", true},
    {"euler_a", "euler_a", false}, {"EULER A", "euler_a", false}, {"DPM++ 3M SDE", NULL, false}, {"DPM++ 2S a", "dpm++2s_a", false}, {"DPM2", "dpm2", false},
    {"DPM++ SDE Karras", NULL, false}, {"dpm++2mv2", NULL, false}, {"ipndm", "ipndm", false}, {"DPM2 a Karras", "dpm2_a", true}, {"k_dpm_2_ancestral", "dpm2_a", false}, {"dpm++2s_a karras", "dpm++2s_a", true},
    {"TCD", "tcd", false}, {"DEIS", "deis", false}, {"Karras", NULL, false}, {" Karras", NULL, false},
    {"eulerkarras", NULL, false}, {"euler,", NULL, false}, {"_", NULL, false}, {"euler Karras Karras", NULL, false},
};
/* clang-format on */

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < lrt_sampler_count; i++)
        assert_ptr_equal(lrt_sampler_find(lrt_samplers[i].name), &lrt_samplers[i]);
    assert_string_equal(lrt_sampler_find("euler_ancestral")->name, "euler_a");
    assert_string_equal(lrt_sampler_find("k_euler_a")->name, "euler_a");
    assert_string_equal(lrt_sampler_find("dpm++2m sde")->name, "dpm++2m_sde");
    for (int i = 0; i < lrt_sampler_count; i++)
        if (lrt_samplers[i].title)
            assert_ptr_equal(lrt_sampler_find(lrt_samplers[i].title), &lrt_samplers[i]);
    for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++) {
        int curve;
        const lrt_sampler *found = lrt_sampler_find_spaced(other_names[i].theirs, &curve);
        if (!other_names[i].ours) {
            assert_null(found);
            continue;
        }
        assert_non_null(found);
        assert_string_equal(found->name, other_names[i].ours);
        assert_int_equal(curve, other_names[i].karras ? LRT_SIGMAS_KARRAS : LRT_SIGMAS_TIMESTEPS);
    }
    assert_null(lrt_sampler_find("euler_anc"));
    assert_null(lrt_sampler_find("k_euler_a,"));
    assert_null(lrt_sampler_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
