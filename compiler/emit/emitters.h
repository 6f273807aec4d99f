/* Kernel generators: a description with every size known -> one LLVM function of that name. The
 * pointers of a kernel's argument list follow the order stated here; [..]: only where the
 * description has it. */
#ifndef LATENTC_EMITTERS_H
#define LATENTC_EMITTERS_H
#include "attention.h"
#include "contract.h"
#include "emit.h"
#include "map.h"
#include "unit_peak.h"
#include "sums.h"

/* args: x, [x2], panels, [bias], [norm], [gamma, beta], [vec], [res], [range], y, [sums]. Staged:
 * strips in place of x, x2, norm, gamma and beta. The second of a contract in a Winograd form. */
void emit_contract(Emit *e, const Contract *c, const char *name);
void emit_winograd(Emit *e, const Contract *c, const char *name);
/* The step that stages strips. args: x, [x2], [norm], [gamma, beta], [range],
 * strips */
void emit_contract_load(Emit *e, const Contract *c, const char *name);
void emit_winograd_load(Emit *e, const Contract *c, const char *name);
/* KERNELS_UNPACKED: plain panels to those that KERNELS_PACKED reads. args: plain, transformed;
 * needs no scratch */
void emit_winograd_unpack(Emit *e, const Contract *c, const char *name);
/* args: q, packed keys, packed values, y */
void emit_attention(Emit *e, const Attention *a, const char *name);
/* args: k, v, packed keys, packed values; needs no scratch */
void emit_attention_pack(Emit *e, const Attention *a, const char *name);
/* args: q, k, scores; or scores, v, y */
void emit_attn_part(Emit *e, const AttnPart *a, const char *name);
/* args: operands in order, y */
void emit_map(Emit *e, const Map *m, const char *name);
/* args: x, sums */
void emit_sums(Emit *e, const Sums *s, const char *name);
/* args: sums of x, [of x2], gamma, beta, y (b, 2, c) */
void emit_group_finish(Emit *e, const GroupFinish *g, const char *name);
/* args: sums of x, [of x2], [norm], y (b, 2) */
void emit_range(Emit *e, const RangeFinish *g, const char *name);
/* args: y, one vector: the sum of task 0, so that the work is not removed */
void emit_peak(Emit *e, const Peak *p, const char *name);
#endif
