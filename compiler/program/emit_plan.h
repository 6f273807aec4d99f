/* The plans as constants: what runtime/system/plan.h declares. */
#ifndef LATENTC_EMIT_PLAN_H
#define LATENTC_EMIT_PLAN_H
#include "emit.h"
#include "program.h"

/* Emits latentrt_program and, where p->pipeline is set, latentrt_pipeline into e's module.
 * functions[i] is kernel i of p. Call once, after all kernels. */
void emit_plan(const Program *p, const Emit *e, const V *functions);
#endif
