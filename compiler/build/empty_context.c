/* See empty_context.h. */
#include "empty_context.h"

#include <stdlib.h>

#include "alloc.h"
#include "container.h"
#include "err.h"
#include "jit.h"
#include "model_inputs.h"
#include "text_context.h"

static void run(const lrt_pipeline *l, const void *weights, const int32_t *ids, float *context)
{
    const lrt_stage *s = l->program->stages[l->text_encoder];
    const char *failed = NULL;
    lrt_error e;
    lrt_instance *x = lrt_instance_new(s, (const char *)weights + s->weights_offset, 0, &failed);
    if (!x)
        err("%s: %s", s->name, failed);
    if (!lrt_text_context(l, x, ids, context, &e))
        err("%s", e.text);
    lrt_instance_free(x);
}

static lrt_empty_context *compute(const GeneratorParts *g, const lrt_pipeline *l, size_t *n)
{
    lrt_error e;
    lrt_vocab vocab;
    lrt_container c;
    lrt_tokens all = {0};
    uint32_t tokens = (uint32_t)l->max_text_length, values = (uint32_t)lrt_context_values(l);
    const lrt_container_file file = {
        .path = g->weights, .what = g->weights, .layout_hash = l->program->layout_hash};
    *n = lrt_empty_context_bytes(tokens, values);
    lrt_empty_context *out = xcalloc(1, *n);
    int32_t *ids = (int32_t *)(out + 1);
    if (!lrt_vocab_open(g->vocab, g->vocab_bytes, &vocab, &e) ||
        !lrt_prompt_ids(&vocab, l, "", &all, ids, &e) ||
        !lrt_container_open(&file, LRT_MAP_WEIGHTS, LRT_MAP_WEIGHTS, &c, &e))
        err("%s", e.text);
    *out = (lrt_empty_context){c.footer.sections[LRT_SECTION_WEIGHTS].hash, tokens, values};
    run(l, c.section[LRT_SECTION_WEIGHTS], ids, (float *)(ids + tokens));
    lrt_container_close(&c);
    free(all.ids);
    return out;
}

void *empty_context(const GeneratorParts *g, size_t *n)
{
    Engine *e = engine_load(g->program->target, g->object);
    if (!e)
        return NULL;
    const lrt_pipeline *l = engine_pipeline(e);
    void *section = lrt_takes_guidance(l) ? NULL : compute(g, l, n);
    engine_free(e);
    return section;
}
