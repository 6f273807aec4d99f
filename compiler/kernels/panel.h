/* Panels of weights as the products read them. A block's panel has block_vectors * lanes columns;
 * with GEGLU the first half of them are values and the second half their gates. */
#ifndef LATENTC_PANEL_H
#define LATENTC_PANEL_H
#include "contract.h"

/* Vectors of columns in use by block j: nr, or fewer in the last one. */
int panel_vectors(const Contract *c, int64_t j);
/* The columns of block j out of a stored row (columns), to out (panel_vectors * lanes). */
void panel_pack_row(const Contract *c, int64_t j, const float *row, float *out);
/* The same as bf16, into row k of panel `out` of pairs; row NULL: zeros. */
void panel_pack_pair(const Contract *c, int64_t j, const float *row, int64_t k, void *out);
/* The kernel of a direct contract: (kh * kw * (c1 + c2), columns) as stored, to
 * contract_panel_floats. */
void panel_pack_direct(const Contract *c, const float *kernel, float *out);
#endif
