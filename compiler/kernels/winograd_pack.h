/* Packing of Winograd kernels. */
#ifndef LATENTC_WINOGRAD_PACK_H
#define LATENTC_WINOGRAD_PACK_H
#include "contract.h"

/* kernel: (3 * 3 * (c1 + c2), columns) as stored; out: contract_panel_floats, transformed with
 * KERNELS_PACKED, else plain. */
void winograd_pack_kernel(const Contract *c, const float *kernel, float *out);
#endif
