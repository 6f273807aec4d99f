/* Panels of weights as the products read them: PanelLayout says how, and is all that packing sees
 * of a contract. It depends on the model, the type of operands and the forms of convolutions, not
 * on the target: packed weights are the same bytes for every CPU.
 *
 * A panel holds PANEL_COLUMNS columns of the kernel; with GEGLU 8 values and their 8 gates. A row
 * is a group of input channels of one tap: 16 columns of `group` numbers each, 64 bytes. That is a
 * vector of AVX-512, two of AVX2, four of NEON, and a row of the tile unit.
 *
 *     panel s, tap or position t   | column 0     | column 1     | ...   PANEL_COLUMNS
 *     -----------------------------+--------------+--------------+----
 *     f32   channel k              | a number     | a number     |
 *     bf16  channels k, k + 1      | two numbers  | two numbers  |
 *     int8  channels k .. k + 3    | four numbers | four numbers |
 *     int4  channels k .. k + 7    | eight, the first one in the lowest bits
 *
 *   stored plain         [panel][tap of the kernel][group of channels][column][group]
 *   transformed          [panel][position][tap][group of channels][column][group]
 *
 * Quantised numbers (quant.h) are stored plain. Behind all panels comes what they stand for:
 *
 *   int8   [panel][scales: 16 of f32; sums of the column's numbers: 16 of i32]
 *   int4   [panel][tap][QUANT_GROUP channels][scales: 16 of bf16]
 *
 * How many panels a kernel reads side by side, and how many channels at a time, is its own
 * business. */
#ifndef LATENTC_PANEL_H
#define LATENTC_PANEL_H
#include "contract.h"

/* PANEL_PAIR: results of a panel with GEGLU. */
enum { PANEL_COLUMNS = 16, PANEL_PAIR = 8 };
/* Programs compare layouts bytewise and hash them: fixed-width fields, no padding bytes. */
typedef struct {
    /* Channels of the input; columns of the result (the kernel's are twice as many with GEGLU). */
    int64_t channels, columns;
    /* Of the kernel as stored: height times width. */
    int32_t taps;
    /* Channels in a word of 4 bytes: 1 in f32, 2 in bf16, 4 in int8, 8 in int4. */
    int32_t group;
    int32_t geglu;
    /* WINOGRAD_*: transformed; NONE: plain. */
    int32_t winograd;
} PanelLayout;
_Static_assert(sizeof(PanelLayout) == 2 * sizeof(int64_t) + 4 * sizeof(int32_t),
               "PanelLayout has no padding bytes");

/* Of a planned contract: of the kernels that it multiplies with or, where it transforms plain ones,
 * of those. */
PanelLayout panel_layout(const Contract *c);
/* As the products of a direct contract read them: the same, or panels of one chunk in scratch, with
 * channels in whole words of the stored ones. */
PanelLayout panel_read(const Contract *c);
/* Panels; taps or positions of a panel, with the taps of each; rows of each of those; words of 4
 * bytes in a panel. */
int64_t panel_count(const PanelLayout *p);
int64_t panel_taps(const PanelLayout *p);
int64_t panel_rows(const PanelLayout *p);
int64_t panel_words(const PanelLayout *p);
/* Words behind the panels: of all panels; of one. The same of one in numbers: f32 for 8 bits, bf16
 * for 4. Are the numbers quantised? */
int64_t panel_tail_words(const PanelLayout *p);
int64_t panel_scale_words(const PanelLayout *p);
int64_t panel_scales(const PanelLayout *p);
static inline bool panel_quantised(const PanelLayout *p) { return p->group > 2; }
/* A row of panel s to out, 64 bytes: row[h], the columns of the kernel of channel h of the group;
 * NULL: zeros. Of f32 and bf16. */
void panel_pack_row(const PanelLayout *p, int64_t s, const float *const *row, void *out);
/* A kernel (taps * channels, columns of the kernel), as stored, to plain panels. */
void panel_pack_plain(const PanelLayout *p, const float *kernel, float *out);
/* Columns of the kernel as stored. */
static inline int64_t panel_kernel_columns(const PanelLayout *p)
{
    return p->geglu ? 2 * p->columns : p->columns;
}
#endif
