/* Panels of quantised numbers: panel.h has their layout, quant.h what they stand for. */
#ifndef LATENTC_PANEL_QUANT_H
#define LATENTC_PANEL_QUANT_H
#include "panel.h"

/* A kernel (taps * channels, columns of the kernel), as stored, to panels and what follows them. */
void panel_pack_quantised(const PanelLayout *p, const float *kernel, float *out);
/* The columns of panel s out of a row of the kernel; zeros beyond the last one, and for row NULL.
 */
void panel_take_columns(const PanelLayout *p, int64_t s, const float *row, float *out);
#endif
