/* Packing of a contract's weights. */
#ifndef LATENTC_CONTRACT_PACK_H
#define LATENTC_CONTRACT_PACK_H
#include "contract.h"

/* kernel: (kh * kw * (c1 + c2), columns) as stored; out: contract_panel_floats. */
void contract_pack_kernel(const Contract *c, const float *kernel, float *out);
/* bias: (columns); out: contract_bias_floats, zeros beyond the last column. */
void contract_pack_bias(const Contract *c, const float *bias, float *out);
#endif
