/* Lowering of attention: fused, with keys and values packed by a step of their own, and unfused. */
#include "blocking.h"
#include "cost.h"
#include "lower_attention.h"
#include <string.h>

/* Floats between batch elements; 0 when one serves all. */
static int64_t batch_step(const Shape *s)
{
    return s->dim[0] == 1 ? 0 : shape_count(s) / s->dim[0];
}

static Attention attention_of(const Lower *l, const Op *o)
{
    Attention a;
    memset(&a, 0, sizeof a);
    const AttnAttr *t = &o->attr.attn;
    const Shape *q = &tensor(l->g, o->in[0])->shape, *k = &tensor(l->g, o->in[1])->shape,
                *v = &tensor(l->g, o->in[2])->shape;
    a = (Attention){.batch = tensor(l->g, o->out)->shape.dim[0],
                    .n = shape_rows(q),
                    .m = shape_rows(k),
                    .heads = t->heads,
                    .head_size = t->head_size,
                    .ldq = shape_channels(q),
                    .ldk = shape_channels(k),
                    .ldv = shape_channels(v),
                    .ldy = shape_channels(&tensor(l->g, o->out)->shape),
                    .q_off = t->q_off,
                    .k_off = t->k_off,
                    .v_off = t->v_off,
                    .sq = batch_step(q),
                    .sk = batch_step(k),
                    .sv = batch_step(v),
                    .scale = t->scale,
                    .causal = t->causal,
                    .bf16 = l->p->bf16 && target_multiplies_bf16(l->p->target)};
    a.y_bf16 = l->bf16[o->out.id];
    a.int8 = t->quant == QUANT_ROWS && attention_int8_pays(l->p->target);
    attention_plan(&a, l->p->target);
    return a;
}

/* Keys and values of attention o, packed as soon as both exist: in the plan of the later one. */
void lower_attention_pack(Lower *l, const Op *o)
{
    Attention a = attention_of(l, o);
    AttentionPack *p = &l->pack_of[o - l->g->ops];
    p->keys = lower_plan_mem(l, attention_key_floats(&a) * 4, l->plan,
                             l->plan != l->plan_of[o - l->g->ops]);
    p->values = lower_plan_mem(l, attention_value_floats(&a) * 4, l->plan,
                               l->plan != l->plan_of[o - l->g->ops]);
    const Op *attending = l->op;
    l->op = o;
    Step *x = lower_step(l, program_kernel(l->p, KERNEL_ATTENTION_PACK, &a, "attention pack"),
                         attention_pack_tasks(&a), "attention pack");
    lower_scratch(l, attention_pack_scratch(&a));
    l->op = attending;
    lower_use_tensor(l, x, o->in[1]);
    lower_use_tensor(l, x, o->in[2]);
    lower_use(l, x, p->keys);
    lower_use(l, x, p->values);
}

/* Of the products, counted as products with values: scores in int8 take as long as fewer of them.
 */
static double share_done(const Attention *a, const Target *t)
{
    double scores = blocking_for_int8(t)->product / blocking_for(t, a->bf16)->product;
    return a->int8 ? (1 + scores) / 2 : 1;
}

void lower_attention(Lower *l, const Op *o)
{
    Attention a = attention_of(l, o);
    const AttentionPack *p = &l->pack_of[o - l->g->ops];
    if (p->after == NO_OP_INDEX)
        lower_attention_pack(l, o);
    lower_scratch(l, attention_scratch(&a));
    const char *kind = a.causal ? "attention causal"
                       : a.int8 ? "attention int8"
                       : a.bf16 ? "attention bf16"
                                : "attention";
    Step *x = lower_step(l, program_kernel(l->p, KERNEL_ATTENTION, &a, kind), attention_tasks(&a),
                         kind);
    lower_use_tensor(l, x, o->in[0]);
    lower_use(l, x, p->keys);
    lower_use(l, x, p->values);
    lower_use_tensor(l, x, o->out);
    x->flops = 2.0 * (double)op_macs(l->g, o);
    x->done = x->flops * share_done(&a, l->p->target);
    x->products = a.bf16 ? PRODUCTS_BF16 : PRODUCTS_F32;
}

void lower_attn_part(Lower *l, const Op *o)
{
    AttnPart a;
    memset(&a, 0, sizeof a);
    const AttnAttr *t = &o->attr.attn;
    const Shape *x = &tensor(l->g, o->in[0])->shape, *y = &tensor(l->g, o->in[1])->shape,
                *r = &tensor(l->g, o->out)->shape;
    a.av = o->kind == OP_ATTN_AV;
    a.heads = t->heads;
    a.batch = r->dim[0];
    a.m = shape_rows(y);
    a.n = a.av ? x->dim[2] : shape_rows(x);
    a.head_size = t->head_size;
    a.off1 = a.av ? 0 : t->q_off;
    a.off2 = a.av ? t->v_off : t->k_off;
    a.s1 = batch_step(x);
    a.s2 = batch_step(y);
    a.ld1 = shape_channels(x);
    a.ld2 = shape_channels(y);
    a.ldy = shape_channels(r);
    a.scale = a.av ? 1 : t->scale;
    a.causal = a.av ? 0 : t->causal;
    attn_part_plan(&a, l->p->target);
    lower_scratch(l, attn_part_scratch(&a, l->p->target));
    const char *kind = a.av ? "attention av" : "attention scores";
    Step *s = lower_step(l, program_kernel(l->p, KERNEL_ATTN_PART, &a, kind),
                         attn_part_tasks(&a, l->p->target), kind);
    for (int i = 0; i < 2; i++)
        lower_use_tensor(l, s, o->in[i]);
    lower_use_tensor(l, s, o->out);
    s->flops = s->done = 2.0 * (double)op_macs(l->g, o);
}
