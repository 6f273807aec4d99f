/* Loading a strip: normalised and activated, as operands of the products. */
#ifndef LATENTC_EMIT_LOAD_H
#define LATENTC_EMIT_LOAD_H
#include "emit_task.h"

/* The prologue applied to v, `lanes` channels of that image from `channel` (of x and x2 together)
 * on. */
V contract_prologue(Emit *e, const ContractTask *task, V v, V channel, V image, int lanes);
/* Lines of this task's strip, as contract_strip_lines counts them. */
V strip_lines(Emit *e, const ContractTask *task);
/* Loads lines from..to into task->strip: pixels where it is flat. */
void load_strip(Emit *e, ContractTask *task, V from, V to);
/* Where a channel of loaded pixel q is in the strip. */
V strip_place(Emit *e, const ContractTask *task, V q, V channel);
#endif
