/* Inputs of the diffusion model that some models have: see model_inputs.def. */
#ifndef LATENTRT_MODEL_INPUTS_H
#define LATENTRT_MODEL_INPUTS_H
#include "error.h"
#include "plan.h"
#include "stage.h"

enum {
#define MODEL_INPUT(name) LRT_INPUT_##name,
#include "model_inputs.def"
    LRT_MODEL_INPUTS
};
extern const char *const lrt_model_input_names[LRT_MODEL_INPUTS];
/* The array of each input, in the shape that the stage has; NULL: the stage lacks the input.
 * Zero-initialise; free with lrt_model_inputs_free. */
typedef struct {
    float *data[LRT_MODEL_INPUTS];
} lrt_model_inputs;
/* The index of the stage's input; -1: it has none of that name. input: LRT_INPUT_*. */
int lrt_model_input(const lrt_stage *stage, int input);
/* Whether the guidance scale enters the diffusion model as an input. Then a step computes one half,
 * whatever the scale. */
bool lrt_takes_guidance(const lrt_pipeline *p);
/* Allocates the arrays, zeroed. false: memory is short. */
bool lrt_model_inputs_init(lrt_model_inputs *in, const lrt_stage *stage);
void lrt_model_inputs_free(lrt_model_inputs *in);
/* Makes the input guidance_embedding from a scale. Does nothing where the stage lacks it. */
void lrt_model_inputs_guide(lrt_model_inputs *in, const lrt_stage *stage, double scale);
/* Sets the arrays as inputs of an instance of the stage. */
void lrt_model_inputs_set(const lrt_model_inputs *in, lrt_instance *x);
#endif
