#include "emit_epilogue.h"
#include "emit_activation.h"

/* The result of a gated activation is half of a product: bf16 where operands are. */
static V activate(Emit *e, const Contract *c, V v, int lanes)
{
    return emit_activation(e, (Activation)c->epilogue.act, v, lanes,
                           contract_geglu(c) && c->bf16 ? FOR_BF16 : FOR_F32);
}

ChannelSums contract_sums(Emit *e, const ContractTask *task, const OutputVector *o, V first, V r)
{
    const Sums layout = sums_of_contract(task->c);
    V channel = add(e, mulc(e, o->j, contract_block_out(task->c)), o->offset);
    return sums_begin(e, at(e, task->sums, channel), &layout, first, r);
}

V contract_finish(Emit *e, const ContractTask *task, V r, V gate, const OutputVector *o)
{
    const Contract *c = task->c;
    int lanes = c->lanes;
    V n = add(e, mulc(e, o->j, contract_block_out(c)), o->offset),
      bias = c->epilogue.has_bias ? at(e, task->bias, n) : NULL;
    if (bias)
        r = fp_add(e, r, load(e, bias, lanes));
    if (c->epilogue.has_vec) {
        V base = c->vec_batch == 1 ? task->vec : at(e, task->vec, mulc(e, o->batch, c->vec_width));
        r = fp_add(e, r, load_n(e, at(e, base, addc(e, n, c->vec_off)), lanes, o->valid));
    }
    if (gate) {
        if (bias)
            gate = fp_add(e, gate, load(e, atc(e, bias, round_up(c->co, PANEL_COLUMNS)), lanes));
        r = fp_mul(e, r, activate(e, c, gate, lanes));
    } else if (!c->epilogue.act_last) {
        r = activate(e, c, r, lanes);
    }
    if (c->epilogue.has_res) {
        V row = pixel_of(e, c->epilogue.res_shared, o->pixel, o->batch, c->oh * c->ow);
        V from = element_at(e, c->epilogue.res_bf16, task->res, add(e, mulc(e, row, c->co), n));
        r = fp_add(e, r, load_elements(e, c->epilogue.res_bf16, from, lanes, o->valid));
    }
    if (c->epilogue.act_last)
        r = activate(e, c, r, lanes);
    if (c->epilogue.past_caches)
        store_past(e, r, at(e, task->y, add(e, mulc(e, o->pixel, c->ldy), n)));
    else
        store_elements(
            e, c->epilogue.y_bf16, r,
            element_at(e, c->epilogue.y_bf16, task->y, add(e, mulc(e, o->pixel, c->ldy), n)), lanes,
            o->valid);
    return r;
}
