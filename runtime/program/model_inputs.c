/* See model_inputs.h. */
#include "model_inputs.h"

#include <stdlib.h>
#include <string.h>

#include "guidance.h"

const char *const lrt_model_input_names[LRT_MODEL_INPUTS] = {
#define MODEL_INPUT(name) #name,
#include "model_inputs.def"
};

int lrt_model_input(const lrt_stage *stage, int input)
{
    return lrt_stage_input(stage, lrt_model_input_names[input]);
}

bool lrt_takes_guidance(const lrt_pipeline *p)
{
    const lrt_stage *const *stages = p->program ? p->program->stages : NULL;
    return stages && p->diffusion_model >= 0 &&
           lrt_model_input(stages[p->diffusion_model], LRT_INPUT_guidance_embedding) >= 0;
}

bool lrt_model_inputs_init(lrt_model_inputs *in, const lrt_stage *stage)
{
    for (int i = 0; i < LRT_MODEL_INPUTS; i++) {
        int at = lrt_model_input(stage, i);
        size_t n = 1;
        for (uint32_t k = 0; at >= 0 && k < stage->inputs[at].rank; k++)
            n *= (size_t)stage->inputs[at].dim[k];
        if (at >= 0 && !(in->data[i] = calloc(n, sizeof *in->data[i])))
            return false;
    }
    return true;
}

void lrt_model_inputs_free(lrt_model_inputs *in)
{
    for (int i = 0; i < LRT_MODEL_INPUTS; i++)
        free(in->data[i]);
    *in = (lrt_model_inputs){0};
}

void lrt_model_inputs_guide(lrt_model_inputs *in, const lrt_stage *stage, double scale)
{
    float *out = in->data[LRT_INPUT_guidance_embedding];
    int at = lrt_model_input(stage, LRT_INPUT_guidance_embedding);
    if (out)
        lrt_guidance_embedding(scale, out, (int)stage->inputs[at].dim[1]);
}

void lrt_model_inputs_set(const lrt_model_inputs *in, lrt_instance *x)
{
    for (int i = 0; i < LRT_MODEL_INPUTS; i++)
        if (in->data[i])
            lrt_set_input(x, (uint32_t)lrt_model_input(lrt_instance_stage(x), i), in->data[i]);
}
