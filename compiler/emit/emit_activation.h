/* The vector form of every activation (graph/activations.def). */
#ifndef LATENTC_EMIT_ACTIVATION_H
#define LATENTC_EMIT_ACTIVATION_H
#include "emit_math.h"
#include "fusion.h"

/* The function of a row of activations.def, of `lanes` values. Of a gated activation: the
 * function of the second half. p: the use of the result (emit_math.h). */
V emit_activation(Emit *e, Activation act, V x, int lanes, Precision p);

/* Whether the function is faster on two vectors at once, because they share a division. */
bool activation_in_pairs(Activation act);
#endif
