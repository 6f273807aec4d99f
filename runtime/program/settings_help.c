/* --help of a generator. */
#include <stdio.h>

#include "settings.h"

void lrt_settings_help(const lrt_pipeline *p, const char *program)
{
    lrt_settings s;
    lrt_option table[LRT_SETTING_COUNT];
    lrt_settings_default(&s, p);
    lrt_settings_table(table, &s, p);
    const char *example = p->prompt ? p->prompt : "a red circle on a blue background";
    char seed[24] = "-1";
    if (!s.seed.random)
        snprintf(seed, sizeof seed, "%llu", (unsigned long long)s.seed.value);
    printf("%s %s: %d x %d pixels", program,
           p->masks ? "repaints a part of a picture as a prompt says" : "draws what a prompt says",
           p->width, p->height);
    for (uint32_t i = 1; i < p->n_sizes; i++)
        printf(", %d x %d", p->sizes[i].width, p->sizes[i].height);
    printf(".\n\n");
    printf("  %s -p \"%s\"%s\n", program, example,
           p->masks ? " -i picture.png --mask mask.png" : "");
    lrt_options_help(table, LRT_SETTING_COUNT, program, stdout);
    printf(
        "\nDefaults: --steps %lld --cfg-scale %g --sampling-method %s --seed %s --rng cuda -o %s\n\n"
        "Sampling methods\n",
        (long long)s.steps, s.cfg_scale, s.sampler_name, seed, s.output);
    for (int i = 0; i < lrt_sampler_count; i++)
        printf("  %-12s %s\n", lrt_samplers[i].name, lrt_samplers[i].help);
    printf(
        "\nExit status: 0 done; 1 an error that you can fix (file, disk, prompt, CPU); 2 wrong usage; 70 a "
        "bug.\n");
}
