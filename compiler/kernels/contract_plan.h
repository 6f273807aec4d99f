/* Blocking of contracts: which strips, chunks and column slices, and what memory they need. */
#ifndef LATENTC_CONTRACT_PLAN_H
#define LATENTC_CONTRACT_PLAN_H
#include "contract.h"

/* Fills what contract.h says is chosen here. `mode` names a form; where it does not fit, the
 * convolution is direct. */
void contract_plan(Contract *c, const Target *t, ConvMode mode);
/* Tasks of the step with the products, and of the one that loads staged strips. */
int64_t contract_tasks(const Contract *c);
int64_t contract_load_tasks(const Contract *c);
/* Floats of all staged strips in memory. */
int64_t contract_staged_floats(const Contract *c);
/* Floats of a loaded strip in scratch, a multiple of 16. */
int64_t contract_strip_floats(const Contract *c);
/* Of its numbers alone, in front of what they stand for, where each row has a range. */
int64_t contract_numbers_floats(const Contract *c);
/* Floats at the beginning of scratch, multiples of 16, where the strip is loaded as whole numbers:
 * what those of each image stand for; a row while it is loaded; both. */
int64_t contract_images_floats(const Contract *c);
int64_t contract_row_floats(const Contract *c);
int64_t contract_load_floats(const Contract *c);
/* Bytes of scratch that a task needs; where strips are staged, of the larger of both steps. */
int64_t contract_scratch(const Contract *c);
/* FLOPs of the products that are really computed: fewer than as written with Winograd, transforms
 * not counted. */
double contract_flops(const Contract *c);
/* Floats of scratch for the panels that a task unpacks, of one block and chunk; or 0. */
int64_t contract_unpacked_floats(const Contract *c);
/* Floats of the packed kernel, and of the packed bias. */
int64_t contract_panel_floats(const Contract *c);
int64_t contract_bias_floats(const Contract *c);
#endif
