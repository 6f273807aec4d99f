/* Packing of Winograd kernels. */
#ifndef LATENTC_WINOGRAD_PACK_H
#define LATENTC_WINOGRAD_PACK_H
#include "panel.h"

/* kernel: (3 * 3 * channels, columns) as stored; out: contract_panel_floats, transformed. */
void winograd_pack_kernel(const PanelLayout *p, const float *kernel, float *out);
#endif
