/* Lowering of convolutions and dense products: which form, what is staged or unpacked before, which
 * results are stored as bf16 or bypass the caches. */
#include "contract_of.h"
#include "contract_plan.h"
#include "conv_forms.h"
#include "cost.h"
#include "lower_contract.h"
#include "winograd.h"
#include <string.h>

static void use_operands(Lower *l, Step *x, const Op *o)
{
    lower_use_tensor(l, x, o->in[SLOT_X]);
    if (tensor_ok(o->in[SLOT_X2]))
        lower_use_tensor(l, x, o->in[SLOT_X2]);
}

static void use_rest(Lower *l, Step *x, const Op *o, const int *slots, int n)
{
    for (int i = 0; i < n; i++)
        if (tensor_ok(o->in[slots[i]]))
            lower_use_tensor(l, x, o->in[slots[i]]);
}
static const int norm_slots[] = {SLOT_NORM, SLOT_LN_GAMMA, SLOT_LN_BETA},
                 epilogue_slots[] = {SLOT_VEC, SLOT_RES}, range_slot = SLOT_RANGE;

/* The step that stages the strips; returns them. */
static uint32_t lower_contract_load(Lower *l, const Op *o, const Contract *c)
{
    Contract load = *c;
    load.epilogue = (ContractEpilogue){0};
    if (!contract_int8(c))
        load.quant = QUANT_NONE;
    /* This step reads no kernels. */
    load.kernels = KERNELS_PACKED;
    const char *kind = c->winograd ? "winograd inputs" : c->flat ? "dense inputs" : "conv inputs";
    Step *x = lower_step(l, program_kernel(l->p, KERNEL_CONTRACT_LOAD, &load, kind),
                         contract_load_tasks(c), kind);
    use_operands(l, x, o);
    use_rest(l, x, o, norm_slots, 3);
    use_rest(l, x, o, &range_slot, 1);
    uint32_t strips = lower_temp(l, contract_staged_floats(c));
    lower_use(l, x, strips);
    return strips;
}

/* The step that transforms kernels which are stored plain; returns the panels. */
static uint32_t lower_unpack(Lower *l, const Op *o, const Contract *c)
{
    Contract plain = *c, packed_now = *c;
    plain.pre = PRE_NONE;
    plain.x_bf16 = 0;
    plain.epilogue = (ContractEpilogue){0};
    packed_now.kernels = KERNELS_PACKED;
    packed_now.quant = QUANT_NONE;
    uint32_t from = lower_packed(l, PACK_PANELS, o->in[SLOT_KERNEL], c),
             to = lower_temp(l, contract_panel_floats(&packed_now));
    Step *x = lower_step(l, program_kernel(l->p, KERNEL_UNPACK, &plain, "winograd kernels"),
                         winograd_unpack_tasks(c), "winograd kernels");
    lower_use(l, x, from);
    lower_use(l, x, to);
    return to;
}

/* Does an op of that kind read sums of the result, in the same plan? */
static bool feeds(const Lower *l, const Op *o, OpKind kind)
{
    for (uint32_t i = 0; i < l->g->n_ops; i++)
        if (l->g->ops[i].kind == kind && lower_together(l->plan_of[i], l->plan) &&
            lower_summed_by(l->g, &l->g->ops[i], o->out))
            return true;
    return false;
}

/* A usual store reads each cache line before it overwrites the line. Reading and caching the lines
 * of so large a result is no use: they leave the caches before the result is read. */
static bool bypasses_caches(const Lower *l, const Op *o)
{
    enum { LINE_FLOATS = 16 };
    bool lines = l->p->target->lanes == LINE_FLOATS &&
                 shape_channels(&tensor(l->g, o->out)->shape) % LINE_FLOATS == 0;
    return lines && lower_bytes(l->g, o->out) >= PAST_CACHES_BYTES && !l->bf16[o->out.id] &&
           lower_output(l->g, o->out) < 0;
}

/* The kernel also gathers GroupNorm's sums, and bounds for ranges, where images are large, a strip
 * has pixels of one image, and channels fill whole vectors. */
static Contract planned(const Lower *l, const Op *o)
{
    ConvMode form = l->form_of[o->out.id];
    const Shape *y = &tensor(l->g, o->out)->shape;
    bool bounds = feeds(l, o, OP_RANGE), large = shape_rows(y) >= SUMS_IMAGE_PIXELS;
    for (int sums = large && (bounds || feeds(l, o, OP_GROUP_SCALE));; sums = 0) {
        Contract c = contract_in_form(l->g, o, form, l->p->bf16);
        c.epilogue.has_sums = sums;
        c.epilogue.has_bounds = sums && bounds;
        c.x_bf16 = l->bf16[tensor_root(l->g, o->in[SLOT_X]).id];
        c.epilogue.y_bf16 = l->bf16[o->out.id];
        c.epilogue.res_bf16 = c.epilogue.has_res && l->bf16[tensor_root(l->g, o->in[SLOT_RES]).id];
        c.epilogue.past_caches = bypasses_caches(l, o);
        contract_plan(&c, l->p->target, form);
        if (!sums || (c.images == 1 && c.co % c.lanes == 0))
            return c;
    }
}

/* Packed weights lie in the order in which they are named first. So all of a contract are named
 * here: what is staged or unpacked differs between targets, their packed weights do not. */
static void name_weights(Lower *l, const Op *o, const Contract *c)
{
    lower_packed(l, PACK_PANELS, o->in[SLOT_KERNEL], c);
    if (c->epilogue.has_bias)
        lower_packed(l, PACK_BIAS, o->in[SLOT_BIAS], c);
    for (int i = 0; i < 3; i++) {
        TensorId t = o->in[norm_slots[i]];
        if (tensor_ok(t) && tensor(l->g, tensor_root(l->g, t))->kind == T_WEIGHT)
            lower_operand(l, t);
    }
}

void lower_contract(Lower *l, const Op *o)
{
    Contract c = planned(l, o);
    Buf kind = {0};
    name_weights(l, o, &c);
    contract_name(&c, &kind);
    uint32_t strips = c.staged ? lower_contract_load(l, o, &c) : 0, panels;
    if (c.kernels == KERNELS_UNPACKED) {
        panels = lower_unpack(l, o, &c);
        /* The products see packed kernels. */
        c.kernels = KERNELS_PACKED;
        c.quant = QUANT_NONE;
    } else {
        panels = lower_packed(l, PACK_PANELS, o->in[SLOT_KERNEL], &c);
    }
    int kernel = program_kernel(l->p, KERNEL_CONTRACT, &c, kind.data);
    Step *x = lower_step(l, kernel, contract_tasks(&c), kind.data);
    buf_free(&kind);
    lower_scratch(l, contract_scratch(&c));
    if (c.staged)
        lower_use(l, x, strips);
    else
        use_operands(l, x, o);
    lower_use(l, x, panels);
    if (c.epilogue.has_bias)
        lower_use(l, x, lower_packed(l, PACK_BIAS, o->in[SLOT_BIAS], &c));
    if (!c.staged)
        use_rest(l, x, o, norm_slots, 3);
    use_rest(l, x, o, epilogue_slots, 2);
    use_rest(l, x, o, &range_slot, 1);
    lower_use_tensor(l, x, o->out);
    if (c.epilogue.has_sums) {
        TensorSums *t = &l->sums_of[o->out.id];
        t->sums = sums_of_contract(&c);
        t->mem = lower_sums_mem(l, o->out, &t->sums) + 1;
        t->plan = l->plan;
        lower_use(l, x, t->mem - 1);
    }
    x->flops = 2.0 * (double)op_macs(l->g, o);
    x->done = contract_flops(&c);
    x->products = contract_products(&c);
}

/* Does u, an operation that reads such a result as operand n, take bf16? of: the operation that
 * makes it. */
static bool reads_bf16(const Op *of, const Op *u, int n)
{
    if (of->kind == OP_CONV2D && u->kind == OP_CONV2D && n == SLOT_RES)
        return true;
    OpKind reader = of->kind == OP_CONV2D ? OP_CONV2D : OP_DENSE;
    return u->kind == reader && n == SLOT_X && !tensor_ok(u->in[SLOT_X2]) &&
           u->attr.contract.pre == PRE_NONE;
}

/* Results of dense products and of attention are stored as bf16 where only dense products read
 * them. Those round their operands to bf16 anyway: the numbers are the same, in half of the memory;
 * products of whole numbers round them once more, by a fraction of a step. Channels must fill whole
 * vectors.
 *
 * Results of convolutions are, too, where only convolutions read them, as they are or as residual:
 * large ones go through memory, and half of it is less to wait for. A Winograd transform and a
 * residual then see rounded numbers. Only where an instruction rounds, and not for the tile unit
 * (not measured). */
bool lower_stored_bf16(const Lower *l, uint32_t i)
{
    const Op *o = &l->g->ops[i];
    bool conv = o->kind == OP_CONV2D && l->p->target->core == CORE_BF16_DOT;
    int64_t channels = o->kind == OP_ATTENTION ? o->attr.attn.head_size
                                               : shape_channels(&tensor(l->g, o->out)->shape);
    if (!l->p->bf16 || (!conv && o->kind != OP_DENSE && o->kind != OP_ATTENTION) ||
        channels % l->p->target->lanes != 0 || lower_output(l->g, o->out) >= 0)
        return false;
    bool read = false;
    for (uint32_t k = i + 1; k < l->g->n_ops; k++)
        for (int n = 0; n < SLOT_COUNT; n++) {
            const Op *u = &l->g->ops[k];
            if (u->kind == OP_RESHAPE || !tensor_ok(u->in[n]) ||
                !tensor_eq(tensor_root(l->g, u->in[n]), o->out))
                continue;
            if (!reads_bf16(o, u, n))
                return false;
            read = true;
        }
    return read;
}
