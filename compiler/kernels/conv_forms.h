/* The forms in which a 3x3 convolution may be computed. */
#ifndef LATENTC_CONV_FORMS_H
#define LATENTC_CONV_FORMS_H
#include "kernels.h"

enum { CONV_FORMS = 12 };
extern const ConvMode conv_forms[CONV_FORMS]; /* in the order of their kernels' size */

/* Are operands rounded to bfloat16 in this form, where the program's are? F(4,3) stays in f32: its
 * transforms would enlarge the rounding of bf16 operands to 7 % (F(2,3): 2 %). */
bool contract_bf16(ConvMode form, bool bf16);
#endif
