/* Estimated costs, by which the form of a convolution is chosen. The unit is the time of one f32
 * multiply-add. */
#ifndef LATENTC_COST_MODEL_H
#define LATENTC_COST_MODEL_H
#include "contract.h"

/* Of reading one weight for a strip, when there are `weights` of them in all. */
double weight_cost(const Blocking *b, const Target *t, double weights);
/* Of a planned direct convolution, and of one in a Winograd form. */
double contract_cost(const Contract *c, const Target *t);
double winograd_cost(const Contract *c, const Target *t);
#endif
