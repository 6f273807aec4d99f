/* Random small valid graphs, for tests that compare two ways of computing the same thing.
 * Deterministic in the seed.
 *
 * Four families: a diffusion model in small (residual blocks with time embedding, spatial
 * transformers, skips, up and down), an autoencoder half, a text encoder, and a soup in which any
 * op follows any other, values have several users and several are outputs. Together they have every
 * source op, channel counts that are no multiple of a vector, 1x1 pictures, odd sizes, batches of 1
 * to 4, strides with asymmetric padding, causal and cross-attention with another length, and
 * batch-1 operands; in every third graph the picture is one for the whole batch. Weights:
 * "synthetic:SEED" knows all paths. */
#ifndef RANDGRAPH_H
#define RANDGRAPH_H
#include "ir.h"

Graph *random_graph(uint64_t seed);
/* Data for every input, by index: f32 in [-1, 1), i32 within any table of the graph. Freed by
 * random_data_free. */
void **random_inputs(const Graph *g, uint64_t seed);
/* Room for every output. */
float **output_buffers(const Graph *g);
void random_data_free(void **data, uint32_t n);
/* The results of the interpreter computing in double or in f32, as float; inputs and weights from
 * the seed. random_data_free them. */
float **interpreted(const Graph *g, uint64_t seed, bool in_double);
/* The largest relative rms difference of any output, |a-b| / |a|. */
double outputs_difference(const Graph *g, float *const *a, float *const *b);
/* The number in an environment variable, such as the first seed to try; `otherwise` without it. */
uint64_t from_environment(const char *name, uint64_t otherwise);
#endif
