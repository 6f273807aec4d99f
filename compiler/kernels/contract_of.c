/* See contract_of.h. */
#include "contract_of.h"
#include "winograd.h"
#include <string.h>

static void image_of(const Shape *s, int64_t *b, int64_t *h, int64_t *w)
{
    *b = s->dim[0];
    *h = s->rank == 4 ? s->dim[1] : 1;
    *w = s->rank == 4 ? s->dim[2] : s->rank == 3 ? s->dim[1] : 1;
}

Contract contract_of(const Graph *g, const Op *o)
{
    Contract c;
    memset(&c, 0, sizeof c);
    const ContractAttr *a = &o->attr.contract;
    const Shape *x = &tensor(g, o->in[SLOT_X])->shape, *y = &tensor(g, o->out)->shape,
                *k = &tensor(g, o->in[SLOT_KERNEL])->shape;
    image_of(x, &c.batch, &c.h, &c.w);
    image_of(y, &c.batch, &c.oh, &c.ow);
    c.upsample = o->kind == OP_CONV2D ? a->upsample : 1;
    c.h *= c.upsample;
    c.w *= c.upsample;
    c.c1 = shape_channels(x);
    c.c2 = tensor_ok(o->in[SLOT_X2]) ? shape_channels(&tensor(g, o->in[SLOT_X2])->shape) : 0;
    c.co = shape_channels(y);
    c.kh = o->kind == OP_CONV2D ? (int)k->dim[0] : 1;
    c.kw = o->kind == OP_CONV2D ? (int)k->dim[1] : 1;
    c.stride = o->kind == OP_CONV2D ? a->stride : 1;
    c.pad_top = o->kind == OP_CONV2D ? a->pad_top : 0;
    c.pad_left = o->kind == OP_CONV2D ? a->pad_left : 0;
    /* a 1x1 window that reaches into padding is no plain product */
    c.pre = a->pre;
    c.quant = a->quant;
    c.epilogue.act = a->act;
    c.epilogue.act_last = a->act_last;
    c.eps = prologues[a->pre].norm == LAYER_NORM ? a->eps : 0;
    c.epilogue.has_bias = tensor_ok(o->in[SLOT_BIAS]);
    c.epilogue.has_vec = tensor_ok(o->in[SLOT_VEC]);
    c.epilogue.has_res = tensor_ok(o->in[SLOT_RES]);
    c.x_shared = c.batch > 1 && x->dim[0] == 1;
    c.x2_shared = c.c2 && c.batch > 1 && tensor(g, o->in[SLOT_X2])->shape.dim[0] == 1;
    c.epilogue.res_shared = c.epilogue.has_res && c.batch > 1 &&
                            tensor(g, o->in[SLOT_RES])->shape.dim[0] == 1;
    if (c.epilogue.has_vec) {
        const Shape *v = &tensor(g, o->in[SLOT_VEC])->shape;
        c.vec_batch = (int)v->dim[0];
        c.vec_width = shape_channels(v);
        c.vec_off = a->vec_off;
    }
    c.ldy = c.co;
    return c;
}

Contract contract_in_form(const Graph *g, const Op *o, ConvMode form, bool bf16)
{
    Contract c = contract_of(g, o);
    c.bf16 = contract_bf16(form, bf16);
    if (quants[c.quant].range == IMAGE_RANGE && form != CONV_INT8)
        c.quant = quants[c.quant].otherwise;
    return c;
}

char *contract_shape(Arena *a, const Contract *c)
{
    char *second = c->c2 ? arena_printf(a, "+%lld", (long long)c->c2) : "";
    if (c->kh * c->kw == 1 && c->stride == 1)
        return arena_printf(a, "%lld x %lld%s -> %lld", (long long)(c->batch * c->oh * c->ow),
                            (long long)c->c1, second, (long long)contract_columns(c));
    return arena_printf(a, "%lld x %lldx%lld x %lld%s -> %lldx%lld x %lld", (long long)c->batch,
                        (long long)(c->h / c->upsample), (long long)(c->w / c->upsample),
                        (long long)c->c1, second, (long long)c->oh, (long long)c->ow,
                        (long long)c->co);
}

const char *contract_numbers(const Contract *c)
{
    return contract_int8(c) ? "int8" : c->quant ? quant_names[c->quant] : c->bf16 ? "bf16" : "f32";
}

static void write_op(const Contract *c, Buf *b)
{
    if (c->kh * c->kw == 1)
        buf_printf(b, "dense");
    else
        buf_printf(b, "conv%dx%d", c->kh, c->kw);
}

static void write_fusions(const Contract *c, Buf *b)
{
    const char *pre = prologues[c->pre].word, *act = activations[c->epilogue.act].word;
    if (c->upsample != 1 && !(c->winograd && winograd_form(c)->upsample > 1))
        buf_printf(b, " upsample");
    buf_printf(b, "%s%s%s%s", *pre ? " " : "", pre, c->c2 ? " concat" : "",
               c->epilogue.has_vec ? " +vec" : "");
    const char *res = c->epilogue.has_res ? " +res" : "";
    buf_printf(b, "%s%s%s%s%s", c->epilogue.act_last ? res : "", *act ? " +" : "", act,
               c->epilogue.act_last ? "" : res,
               !c->epilogue.has_sums    ? ""
               : c->epilogue.has_bounds ? " +sums +bounds"
                                        : " +sums");
}

void contract_name(const Contract *c, Buf *b)
{
    write_op(c, b);
    if (c->stride != 1)
        buf_printf(b, "/%d", c->stride);
    if (c->winograd)
        buf_printf(b, " %s", winograd_name(c));
    if (c->bf16 || c->quant)
        buf_printf(b, " %s", contract_numbers(c));
    write_fusions(c, b);
}

void contract_words(const Contract *c, Buf *b)
{
    write_op(c, b);
    if (c->stride != 1)
        buf_printf(b, " stride%d", c->stride);
    if (c->winograd)
        buf_printf(b, " %s", conv_form_of((WinogradKind)c->winograd, c->kernels)->name);
    write_fusions(c, b);
}
