/* Blocking of Winograd convolutions. */
#ifndef LATENTC_WINOGRAD_PLAN_H
#define LATENTC_WINOGRAD_PLAN_H
#include "winograd.h"

/* Strips and chunks of a mode's form; contract_plan chooses column slices. Leaves c as it is where
 * the mode has no form, or where it does not fit. */
void winograd_plan(Contract *c, const Target *t, ConvMode mode);
#endif
