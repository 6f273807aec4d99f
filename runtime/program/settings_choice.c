/* Settings that follow from others, and from what the program was built with. See settings.h. */
#include <string.h>

#include "guidance.h"
#include "init_image.h"
#include "model_inputs.h"
#include "settings.h"

void lrt_settings_note_given(lrt_settings *s, const lrt_option table[LRT_SETTING_COUNT])
{
    for (int i = 0; i < LRT_SETTING_COUNT; i++)
        s->given[i] = table[i].given;
}

bool lrt_settings_assign(lrt_settings *s, const lrt_pipeline *p, const char *name,
                         const char *value, lrt_error *e)
{
    lrt_option table[LRT_SETTING_COUNT];
    int i = lrt_setting_find(name);
    lrt_settings_table(table, s, p);
    if (!lrt_option_set(table, LRT_SETTING_COUNT, name, value, e))
        return false;
    s->given[i] = true;
    return i != LRT_SETTING_taesd || s->taesd || p->decoder >= 0 ||
           lrt_fail(e, "--taesd: found false: TAESD is the only decoder of this program");
}

int lrt_settings_steps(const lrt_settings *s)
{
    int steps = (int)s->steps;
    return s->init_img ? steps - lrt_init_image_first_step(steps, lrt_settings_strength(s)) : steps;
}

/* All sizes have the same short step. */
int lrt_settings_cache_level(const lrt_pipeline *p)
{
    return (int)p->program->stages[p->diffusion_model]->cache_level;
}

void lrt_settings_fast(lrt_settings *s, const lrt_pipeline *p)
{
    if (!s->fast || lrt_settings_steps(s) < LRT_FAST_LEAST_STEPS)
        return;
    bool guides = lrt_guides(s->cfg_scale) && !lrt_takes_guidance(p);
    if (!s->given[LRT_SETTING_guidance_stop] && guides &&
        s->guidance_start <= LRT_FAST_GUIDANCE_STOP)
        s->guidance_stop = LRT_FAST_GUIDANCE_STOP;
    if (!s->given[LRT_SETTING_cache_interval] && lrt_settings_cache_level(p))
        s->cache_interval = LRT_FAST_INTERVAL;
}
