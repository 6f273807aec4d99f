/* Weights in the form that kernels read. */
#ifndef LATENTC_PACK_H
#define LATENTC_PACK_H
#include "program.h"

/* Hands the packed weights of all stages to sink, in order: p->weights_bytes bytes. source[i] is
 * the weights of stage i. */
typedef void PackSink(void *user, const void *data, size_t n);
void program_pack(Program *p, WeightSource *const *source, PackSink *sink, void *user);
#endif
