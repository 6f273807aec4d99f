/* See generator_print.h. */
#include "generator_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spacing.h"
#include "utf8.h"

bool lrt_print_tokens(const lrt_session *s, lrt_error *e)
{
    lrt_tokens t = {0};
    lrt_error why;
    bool ok = lrt_tokenize(&s->vocab, s->set.prompt, &t, &why) ||
              lrt_fail(e, "prompt: %s", why.text);
    for (size_t i = 0; ok && i < t.n; i++)
        printf(i ? " %d" : "%d", t.ids[i]);
    if (ok)
        putchar('\n');
    free(t.ids);
    return ok;
}

/* "name          shapes" */
static void put_line(const char *what, const char *text)
{
    printf("%-14s", what);
    lrt_put_plain(stdout, text, strlen(text));
    putchar('\n');
}

void lrt_print_info(const lrt_session *s, const char *wrong, const char *mpi)
{
    const lrt_pipeline *p = s->pipeline;
    const lrt_program *c = p->program;
    put_line("name", p->name);
    put_line("made from", c->made_from ? c->made_from : "");
    put_line("options", c->options ? c->options : "");
    put_line("target", c->target);
    printf("picture       %d x %d", p->width, p->height);
    for (uint32_t i = 1; i < p->n_sizes; i++)
        printf(", %d x %d", p->sizes[i].width, p->sizes[i].height);
    printf(", at most %d tokens%s\n", p->max_text_length,
           p->masks ? "; a part of one is repainted: -i and --mask" : "");
    const lrt_schedule_config *schedule = &p->schedule;
    printf("schedule      predicts %s, steps spaced %s%s\n",
           schedule->prediction == LRT_PREDICT_V ? "v" : "epsilon",
           schedule->spacing == LRT_SPACING_SAMPLER ? "as diffusers does for each sampler"
                                                    : lrt_spacings[schedule->spacing].name,
           lrt_curves[schedule->sigmas].about);
    printf("defaults      --steps %d --cfg-scale %g --sampling-method %s\n", p->steps, p->cfg_scale,
           p->sampler);
    for (uint32_t i = 0; i < c->n_stages; i++) {
        const lrt_stage *stage = c->stages[i];
        printf(
            "stage         %s: %u + %u + %u kernels (prompt, time, step), %.1f MB of weights, %.1f MB of memory\n",
            stage->name, stage->prompt.n_steps, stage->time.n_steps, stage->step.n_steps,
            stage->weights_bytes / 1e6,
            (stage->arena_bytes + stage->prompt_bytes + stage->interval_bytes) / 1e6);
        if (stage->short_step.n_steps)
            printf("              short step (--cache-interval): %u kernels, cache level %u\n",
                   stage->short_step.n_steps, stage->cache_level);
    }
    put_line("weights", wrong ? wrong : s->weights_path ? s->weights_path : "in this file");
    printf("fingerprint   %016llx-", (unsigned long long)c->layout_hash);
    if (wrong)
        printf("?");
    else
        printf("%016llx",
               (unsigned long long)s->container.footer.sections[LRT_SECTION_WEIGHTS].hash);
    printf(" (code layout, weights)\nruntime       %s\n", LRT_VERSION);
    if (mpi)
        put_line("mpi", mpi);
}
