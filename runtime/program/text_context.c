/* See text_context.h. */
#include "text_context.h"

#include <stdlib.h>
#include <string.h>

static int64_t io_count(const lrt_io *io)
{
    int64_t n = 1;
    for (uint32_t i = 0; i < io->rank; i++)
        n *= io->dim[i];
    return n;
}

bool lrt_prompt_ids(const lrt_vocab *v, const lrt_pipeline *p, const char *prompt, lrt_tokens *t,
                    int32_t *ids, lrt_error *e)
{
    size_t length = (size_t)p->max_text_length;
    int32_t end = (int32_t)v->header->end, pad = p->pad_token < 0 ? end : p->pad_token;
    if (!lrt_tokenize(v, prompt, t, e))
        return false;
    for (size_t i = 0; i < length; i++)
        ids[i] = i < t->n ? t->ids[i] : pad;
    if (t->n > length)
        ids[length - 1] = end;
    return true;
}

int64_t lrt_context_values(const lrt_pipeline *p)
{
    const lrt_io *out = &p->program->stages[p->text_encoder]->outputs[0];
    return io_count(out) / out->dim[0];
}

bool lrt_text_context(const lrt_pipeline *p, lrt_instance *x, const int32_t *ids, float *out,
                      lrt_error *e)
{
    const lrt_stage *s = lrt_instance_stage(x);
    int tokens = lrt_stage_input(s, "tokens"), positions = lrt_stage_input(s, "positions");
    int64_t batch = s->inputs[tokens].dim[0], length = p->max_text_length,
            values = lrt_context_values(p);
    int32_t *in = calloc((size_t)(2 * batch * length), sizeof *in);
    float *all = calloc((size_t)(batch * values), sizeof *all);
    bool ok = (in && all) || lrt_fail(e, "out of memory");
    if (ok) {
        memcpy(in, ids, (size_t)length * sizeof *in);
        for (int64_t i = 0; i < batch * length; i++)
            in[batch * length + i] = (int32_t)(i % length);
        lrt_set_input(x, (uint32_t)tokens, in);
        lrt_set_input(x, (uint32_t)positions, in + batch * length);
        lrt_set_output(x, 0, all);
        lrt_run_all(x);
        memcpy(out, all, (size_t)values * sizeof *out);
    }
    free(in);
    free(all);
    return ok;
}

uint64_t lrt_empty_context_bytes(uint64_t tokens, uint64_t values)
{
    return sizeof(lrt_empty_context) + tokens * sizeof(int32_t) + values * sizeof(float);
}

bool lrt_empty_context_fits(const lrt_empty_context *c, uint64_t n, const lrt_pipeline *p,
                            uint64_t weights_hash)
{
    return n >= sizeof *c && c->weights_hash == weights_hash &&
           c->tokens == (uint32_t)p->max_text_length &&
           c->values == (uint64_t)lrt_context_values(p) &&
           n == lrt_empty_context_bytes(c->tokens, c->values);
}
