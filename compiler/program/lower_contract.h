/* Lowering of convolutions and dense products. */
#ifndef LATENTC_LOWER_CONTRACT_H
#define LATENTC_LOWER_CONTRACT_H
#include "steps.h"

/* The steps of a conv2d or dense: staging of inputs and unpacking of kernels where its plan wants
 * them, then the products. */
void lower_contract(Lower *l, const Op *o);
/* Is the result of op i stored as bf16? */
bool lower_stored_bf16(const Lower *l, uint32_t i);
#endif
