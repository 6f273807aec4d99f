/* Lowering of what is computed from sums of a tensor. */
#ifndef LATENTC_LOWER_NORM_H
#define LATENTC_LOWER_NORM_H
#include "steps.h"

/* group_scale: sums, unless there are some, and the factors and summands from them. */
void lower_group_scale(Lower *l, const Op *o);
/* group_norm: the same, and the map that applies them. */
void lower_group_norm(Lower *l, const Op *o);
/* range: from the bounds of its operands' channels. */
void lower_range(Lower *l, const Op *o);
#endif
