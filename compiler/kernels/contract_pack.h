/* Packing of a contract's weights. */
#ifndef LATENTC_CONTRACT_PACK_H
#define LATENTC_CONTRACT_PACK_H
#include "panel.h"

/* kernel: (kh * kw * channels, columns of the kernel) as stored; out: contract_panel_floats. */
void contract_pack_kernel(const PanelLayout *p, const float *kernel, float *out);
/* bias: (columns of the kernel); out: contract_bias_floats: the columns of the result and, with
 * GEGLU, those of the gates, each with zeros up to a multiple of PANEL_COLUMNS. */
void contract_pack_bias(const PanelLayout *p, const float *bias, float *out);
#endif
