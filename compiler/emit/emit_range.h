/* The range of numbers: running bounds of vectors, or of single numbers. */
#ifndef LATENTC_EMIT_RANGE_H
#define LATENTC_EMIT_RANGE_H
#include "emit.h"

/* The least and the greatest number and 0; 0, or NaN once a number was not finite, which the bounds
 * do not show. */
typedef struct {
    V low, high, poison;
} NumberRange;
/* As variables of `lanes` numbers: of 0 alone; with v; poisoned if v is not finite. */
NumberRange range_begin(Emit *e, int lanes);
void range_add(Emit *e, const NumberRange *r, V v);
void range_check(Emit *e, const NumberRange *r, V v);
/* Adds the values of `other` to r. */
void range_join(Emit *e, const NumberRange *r, const NumberRange *other);
/* The values of vectors, r[0], and single numbers, r[1], together. */
NumberRange range_end(Emit *e, const NumberRange r[2], int lanes);
#endif
