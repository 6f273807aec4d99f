/* Winograd convolutions: see winograd.c. A Contract with winograd = 2 or 4 is computed by emit_winograd. */
#ifndef LATENTC_WINOGRAD_H
#define LATENTC_WINOGRAD_H
#include "kernels.h"

/* b: B' (n, n), g: G (n, 3), a: A' (m, n), row by row. */
typedef struct { int m, n; const double *b, *g, *a; } Winograd;
const Winograd *winograd_form(int m); /* m: 2 or 4 */

bool winograd_fits(const Contract *c, const Target *t);
void winograd_plan(Contract *c, const Target *t, int m); /* strips and chunks; pieces are contract_plan's */
int64_t winograd_scratch(const Contract *c); /* bytes */
void winograd_pack_kernel(const Contract *c, const float *kernel, float *out);
/* Estimated cost in multiply-adds of a planned convolution. */
double winograd_cost(const Contract *c, const Target *t);
double contract_cost(const Contract *c, const Target *t);
#endif
