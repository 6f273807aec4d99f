/* Panels of weights as the products read them: PanelLayout says how, and is all that packing sees
 * of a contract.
 *
 * A panel holds one block of output columns: panel_vectors * lanes of them; with GEGLU the first
 * half of its vectors are values, the second half their gates. A row is one input channel of one
 * tap; in bf16 a row of words holds two channels.
 *
 *     block j, chunk, tap        | vector 0          | vector 1          | ...   panel_vectors
 *     ---------------------------+-------------------+-------------------+----
 *     f32   channel k            | lanes numbers     | lanes numbers     |
 *     f32   channel k + 1        | lanes numbers     | lanes numbers     |
 *     bf16  channels k, k + 1    | lanes pairs       | lanes pairs       |
 *
 *   direct                       [block][chunk][tap][channel of the chunk][column]
 *   Winograd, KERNELS_PACKED     [block][position][tap][channel][column]
 *   Winograd, stored plain       [block][channel][vector][tap][lane] */
#ifndef LATENTC_PANEL_H
#define LATENTC_PANEL_H
#include "contract.h"

/* Programs compare layouts bytewise and hash them: fixed-width fields, no padding bytes. */
typedef struct {
    /* Channels of the input; columns of the result (the kernel's are twice as many with GEGLU). */
    int64_t channels, columns;
    /* Channels of a chunk; chunks; blocks of columns. */
    int64_t kc, n_chunks, blocks;
    /* Channels are stored in multiples of it. */
    int64_t k_step;
    int32_t kh, kw;
    /* Vectors of a whole block; numbers, or pairs of bf16, in a vector. */
    int32_t nr, lanes;
    int32_t geglu, bf16;
    /* WINOGRAD_*, KERNELS_* */
    int32_t winograd, kernels;
} PanelLayout;
_Static_assert(sizeof(PanelLayout) == 6 * sizeof(int64_t) + 8 * sizeof(int32_t),
               "PanelLayout has no padding bytes");

/* Of a planned contract. */
PanelLayout panel_layout(const Contract *c);
/* Columns of the result that a whole block yields. */
static inline int64_t panel_block_out(const PanelLayout *p)
{
    return (int64_t)(p->geglu ? p->nr / 2 : p->nr) * p->lanes;
}
/* Vectors of columns in use by block j: nr, or fewer in the last one. */
int panel_vectors(const PanelLayout *p, int64_t j);
/* The columns of block j out of a stored row (columns of the kernel), to out (panel_vectors *
 * lanes). */
void panel_pack_row(const PanelLayout *p, int64_t j, const float *row, float *out);
/* The same as bf16, into row k of panel `out` of pairs; row NULL: zeros. */
void panel_pack_pair(const PanelLayout *p, int64_t j, const float *row, int64_t k, void *out);
/* The kernel of a direct contract: (kh * kw * channels, columns of the kernel) as stored, to
 * contract_panel_floats. */
void panel_pack_direct(const PanelLayout *p, const float *kernel, float *out);
#endif
