/* Scales of weights of 8 bits. A tensor of scales stands beside its weight: the weight is what is
 * stored, times one number, or times one number for each index of its first axis (each output
 * channel, as PyTorch stores kernels). */
#ifndef LATENTC_SCALES_H
#define LATENTC_SCALES_H
#include "checkpoint.h"

/* The scales of the tensor t, NULL when it has none; only types of 8 bits have any. Found by name
 * after checkpoint_sort. */
const Stored *scales_of(const Checkpoint *c, const Stored *t);

/* Why the scales cannot be applied to t: their shape or type; NULL: they can. Text is the arena's.
 */
const char *scales_wrong(const Stored *scales, const Stored *t, Arena *a);

/* Does this tensor go with a weight of 8 bits: its scales, the scales of a program that also
 * rounds inputs, or a mark of the format? It is no weight. */
bool scales_have(const Checkpoint *c, const char *name);

/* Rows of numbers that were read from one tensor, or from a part of it. */
typedef struct {
    float *at;
    /* Rows are `stride` floats apart; each has `width`. */
    int64_t rows, width, stride;
    /* The tensor's first axis: each column of the rows is one index of it (a kernel that was
     * transposed, a vector); else its index is that of a number, divided by `each`. */
    bool columns;
    int64_t each;
    /* The index of the first column or row. */
    int64_t first;
} Scaled;

/* Multiplies the rows by the scales. err() when a scale is not finite. Thread-safe. */
void scales_apply(const Checkpoint *c, const Stored *scales, const Scaled *x);
#endif
