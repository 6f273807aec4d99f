/* Lowering of attention. */
#ifndef LATENTC_LOWER_ATTENTION_H
#define LATENTC_LOWER_ATTENTION_H
#include "steps.h"

/* The step that packs keys and values of attention o, in the plan that is being lowered. */
void lower_attention_pack(Lower *l, const Op *o);
/* The step that attends; packs before it where that has not happened yet. */
void lower_attention(Lower *l, const Op *o);
/* attn_qk and attn_av: scores are stored. */
void lower_attn_part(Lower *l, const Op *o);
#endif
