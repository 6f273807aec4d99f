/* Inputs of a graph that is read from Keras' JSON, and what may be set of them. */
#ifndef LATENTC_KERAS_INPUTS_H
#define LATENTC_KERAS_INPUTS_H
#include "keras_model.h"
#include "reader.h"

/* Parameters are
 *   batch                   the first dimension of all inputs, which Keras leaves open
 *   img_height, img_width   of the image: inputs (b,h,w,3) have that size, other (b,h,w,c) an
 * eighth max_text_length         n of inputs (b,n,c) called context and of integer inputs (b,n)
 *   input.NAME              the whole shape of one input, with the batch
 *   varies.NAME             how often it changes: a text as in graph files
 *   rename.NAME             what the graph calls it instead
 *
 * keras_parameters writes the names of those that the model has to names, at most `most`, and
 * returns how many. */
int keras_parameters(Arena *a, const KerasModel *m, const char **names, int most);

/* The name of input i of the model, before it is renamed. */
const char *keras_input_name(Arena *a, const KerasModel *m, int i);

/* Adds the model's inputs to the graph, in order, and sets the parameter batch of r. out: room for
 * m->inputs.n_args. Returns those whose changing is a guess: "latent step, context prompt", or "".
 * err() when a size is open, or sets have an unknown name or a wrong value. */
const char *keras_inputs(Reader *r, const KerasModel *m, const ParamSet *sets, int n_sets,
                         TensorId *out);
#endif
