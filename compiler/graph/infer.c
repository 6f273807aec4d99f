/* The shape rule of every op. A rule returns NULL and sets the result's shape, or says what was
 * expected and what was found. */
#include "infer.h"

#include <string.h>

#include "attr.h"
#include "cost.h"

/* More than any machine can do; and JSON holds sums up to here exactly. */
enum { MOST_MACS_LOG2 = 53 };

typedef struct {
    const Graph *g;
    const Op *o;
    const Shape *in[SLOT_COUNT];
} Rule; /* in[i]: shape of operand i or NULL */
typedef const char *ShapeRule(const Rule *r, Shape *out);

#define FAIL(r, ...) arena_printf((r)->g->arena, __VA_ARGS__)
static const char *text(const Rule *r, const Shape *s) { return shape_text(r->g->arena, s); }

static const char *as_operand(const Rule *r, Shape *out)
{
    *out = *r->in[0];
    return NULL;
}

/* A vector operand of n channels: bias, gamma, beta. */
static const char *expect_vector(const Rule *r, int slot, const char *what, int64_t n)
{
    const Shape *s = r->in[slot];
    if (s && (s->rank != 1 || s->dim[0] != n))
        return FAIL(r, "%s: expected shape [%lld], found %s", what, (long long)n, text(r, s));
    return NULL;
}

/* The batch of a result of both; an operand with batch 1 fits any. 0 when they do not agree. */
static int64_t common_batch(const Shape *a, const Shape *b)
{
    if (a->dim[0] == b->dim[0] || b->dim[0] == 1)
        return a->dim[0];
    return a->dim[0] == 1 ? b->dim[0] : 0;
}

/* *out = x with the channels of x2 after its own. x2 has the shape of x except for the channels
 * and, where one of them has batch 1, the batch. */
static const char *side_by_side(const Rule *r, const char *what, const Shape *x, const Shape *x2,
                                Shape *out)
{
    Shape a = *x, b = *x2;
    int64_t batch = common_batch(x, x2);
    a.dim[0] = b.dim[0] = 1;
    a.dim[a.rank - 1] = b.dim[b.rank - 1] = 1;
    if (x->rank < 2 || !batch || !shape_eq(&a, &b))
        return FAIL(r, "%s: expected the shape of the first but for the channels, %s, found %s",
                    what, text(r, x), text(r, x2));
    *out = *x;
    out->dim[0] = batch;
    out->dim[out->rank - 1] += shape_channels(x2);
    return NULL;
}

/* A product of each pixel alone: a row of its operand is a row of the result. */
static bool product_of_rows(const Rule *r)
{
    const ContractAttr *a = &r->o->attr.contract;
    const Shape *k = r->in[SLOT_KERNEL];
    return r->o->kind == OP_DENSE ||
           (k->dim[0] == 1 && k->dim[1] == 1 && a->stride == 1 && a->upsample == 1 &&
            !(a->pad_top | a->pad_bottom | a->pad_left | a->pad_right));
}

/* The kernel and the range of the operand. */
static const char *quantised(const Rule *r, int64_t batch)
{
    const Shape *range = r->in[SLOT_RANGE], wanted = shape2(batch, 2);
    const int quant = r->o->attr.contract.quant;
    bool image = quants[quant].range == IMAGE_RANGE;
    if (quant != QUANT_NONE && tensor(r->g, r->o->in[SLOT_KERNEL])->kind != T_WEIGHT)
        return FAIL(r, "quant: expected a kernel that is a weight, found a result");
    if (quants[quant].range == ROW_RANGE && !product_of_rows(r))
        return FAIL(r, "quant: expected a product of single pixels for %s, found a window",
                    quant_names[quant]);
    if ((range != NULL) != image)
        return FAIL(r, "range: expected %s with this quant, found %s",
                    image ? "an operand" : "none", range ? "one" : "none");
    if (range && !shape_eq(range, &wanted))
        return FAIL(r, "range: expected shape %s, found %s", text(r, &wanted), text(r, range));
    return NULL;
}

/* SLOT_NORM of a load with that prologue: of ci channels. */
static const char *norm_slot(const Rule *r, int pre, int64_t batch, int64_t ci)
{
    const Shape *norm = r->in[SLOT_NORM], wanted = shape3(batch, 2, ci);
    bool affine = prologues[pre].norm == AFFINE_NORM;
    if ((norm != NULL) != affine)
        return FAIL(r, "norm: expected %s with this pre, found %s", affine ? "an operand" : "none",
                    norm ? "one" : "none");
    if (norm && !shape_eq(norm, &wanted))
        return FAIL(r, "norm: expected shape %s, found %s", text(r, &wanted), text(r, norm));
    return NULL;
}

/* The slots that fusion fills. ci: channels loaded; out: the result's shape. */
static const char *fused_slots(const Rule *r, int64_t ci, const Shape *out)
{
    const ContractAttr *a = &r->o->attr.contract;
    const Shape *vec = r->in[SLOT_VEC], *res = r->in[SLOT_RES];
    Shape shared = *out;
    int64_t batch = out->dim[0], co = shape_channels(out);
    shared.dim[0] = 1;
    bool layer = prologues[a->pre].norm == LAYER_NORM;
    const char *wrong = norm_slot(r, a->pre, batch, ci);
    if (wrong)
        return wrong;
    if ((r->in[SLOT_LN_GAMMA] != NULL) != layer || (r->in[SLOT_LN_BETA] != NULL) != layer)
        return FAIL(r, "ln_gamma, ln_beta: expected %s with this pre", layer ? "both" : "none");
    wrong = expect_vector(r, SLOT_LN_GAMMA, "ln_gamma", ci);
    if (!wrong)
        wrong = expect_vector(r, SLOT_LN_BETA, "ln_beta", ci);
    if (wrong)
        return wrong;
    /* a gated result has two halves of columns; vec could mean either */
    if (vec && activations[a->act].gated)
        return FAIL(r, "vec: expected none with geglu, found %s", text(r, vec));
    if (vec && (vec->rank != 2 || (vec->dim[0] != 1 && vec->dim[0] != out->dim[0]) ||
                vec->dim[1] < a->vec_off + co))
        return FAIL(r, "vec: expected shape [%lld or 1, at least %lld], found %s",
                    (long long)out->dim[0], (long long)(a->vec_off + co), text(r, vec));
    if (a->act_last && (!res || activations[a->act].gated))
        return FAIL(r, "act_last: expected %s",
                    res ? "an act that is not gated" : "an operand res");
    if (res && !shape_eq(res, out) && !shape_eq(res, &shared))
        return FAIL(r, "res: expected shape %s, found %s", text(r, out), text(r, res));
    return quantised(r, batch);
}

/* Bias, activation and fused slots: what conv2d and dense share. On entry *out has the kernel's
 * columns as channels. */
static const char *contract_rest(const Rule *r, int64_t ci, Shape *out)
{
    int64_t columns = shape_channels(out);
    const char *wrong = expect_vector(r, SLOT_BIAS, "bias", columns);
    if (wrong)
        return wrong;
    if (activations[r->o->attr.contract.act].gated) {
        if (columns % 2)
            return FAIL(r, "act: expected an even number of kernel columns for geglu, found %lld",
                        (long long)columns);
        out->dim[out->rank - 1] /= 2;
    }
    return fused_slots(r, ci, out);
}

/* What the product reads: x, with the channels of x2 behind its own. */
static const char *loaded(const Rule *r, Shape *both)
{
    *both = *r->in[SLOT_X];
    return r->in[SLOT_X2] ? side_by_side(r, "x2", r->in[SLOT_X], r->in[SLOT_X2], both) : NULL;
}

static const char *conv2d(const Rule *r, Shape *out)
{
    const Shape *x = r->in[SLOT_X], *k = r->in[SLOT_KERNEL];
    const ContractAttr *a = &r->o->attr.contract;
    Shape both;
    if (x->rank != 4)
        return FAIL(r, "x: expected a tensor (batch,height,width,channels), found %s", text(r, x));
    const char *wrong = loaded(r, &both);
    if (wrong)
        return wrong;
    int64_t ci = shape_channels(&both);
    if (k->rank != 4 || k->dim[2] != ci)
        return FAIL(r, "kernel: expected shape (height,width,%lld,channels), found %s",
                    (long long)ci, text(r, k));
    int64_t h = x->dim[1] * a->upsample + a->pad_top + a->pad_bottom - k->dim[0];
    int64_t w = x->dim[2] * a->upsample + a->pad_left + a->pad_right - k->dim[1];
    if (h < 0 || w < 0)
        return FAIL(r, "x: expected at least the kernel's %lldx%lld pixels with padding, found %s",
                    (long long)k->dim[0], (long long)k->dim[1], text(r, x));
    *out = shape4(both.dim[0], h / a->stride + 1, w / a->stride + 1, k->dim[3]);
    return contract_rest(r, ci, out);
}

static const char *dense(const Rule *r, Shape *out)
{
    const Shape *x = r->in[SLOT_X], *k = r->in[SLOT_KERNEL];
    Shape both;
    if (x->rank < 2)
        return FAIL(r, "x: expected a tensor (batch,...,channels), found %s", text(r, x));
    const char *wrong = loaded(r, &both);
    if (wrong)
        return wrong;
    int64_t ci = shape_channels(&both);
    if (k->rank != 2 || k->dim[0] != ci)
        return FAIL(r, "kernel: expected shape (%lld,channels), found %s", (long long)ci,
                    text(r, k));
    *out = both;
    out->dim[x->rank - 1] = k->dim[1];
    return contract_rest(r, ci, out);
}

static const char *norm_rule(const Rule *r, int64_t c)
{
    int groups = r->o->attr.norm.groups;
    if (groups < 1 || c % groups)
        return FAIL(r, "expected channels divisible by the %d groups, found %lld channels", groups,
                    (long long)c);
    const char *wrong = expect_vector(r, 1, "gamma", c);
    return wrong ? wrong : expect_vector(r, 2, "beta", c);
}

static const char *norm(const Rule *r, Shape *out)
{
    *out = *r->in[0];
    if (out->rank < 2)
        return FAIL(r, "x: expected a tensor (batch,...,channels), found %s", text(r, out));
    return norm_rule(r, shape_channels(out));
}

static const char *group_scale(const Rule *r, Shape *out)
{
    const Shape *x = r->in[0], *x2 = r->in[3];
    Shape both = *x;
    if (x->rank < 2)
        return FAIL(r, "x: expected a tensor (batch,...,channels), found %s", text(r, x));
    const char *wrong = x2 ? side_by_side(r, "x2", x, x2, &both) : NULL;
    if (wrong)
        return wrong;
    *out = shape3(both.dim[0], 2, shape_channels(&both));
    return norm_rule(r, shape_channels(&both));
}

static const char *range(const Rule *r, Shape *out)
{
    int pre = r->o->attr.range.pre;
    Shape both;
    if (r->in[SLOT_X]->rank < 2)
        return FAIL(r, "x: expected a tensor (batch,...,channels), found %s",
                    text(r, r->in[SLOT_X]));
    if (r->in[SLOT_KERNEL] || r->in[SLOT_BIAS])
        return FAIL(r, "expected the slots x, x2 and norm, found another one");
    if (prologues[pre].norm == LAYER_NORM)
        return FAIL(r, "pre: expected a function of each channel, found %s", prologue_names[pre]);
    const char *wrong = loaded(r, &both);
    if (wrong)
        return wrong;
    *out = shape2(both.dim[0], 2);
    return norm_slot(r, pre, both.dim[0], shape_channels(&both));
}

static const char *geglu(const Rule *r, Shape *out)
{
    *out = *r->in[0];
    if (shape_channels(out) % 2)
        return FAIL(r, "expected an even number of channels, found %s", text(r, out));
    out->dim[out->rank - 1] /= 2;
    return NULL;
}

/* y as x, or with batch 1, or (b or 1, c): the same for all pixels. */
static const char *add(const Rule *r, Shape *out)
{
    const Shape *x = r->in[0], *y = r->in[1];
    Shape one = *x, vector = shape2(x->dim[0], shape_channels(x)),
          one_vector = shape2(1, shape_channels(x));
    one.dim[0] = 1;
    *out = *x;
    if (shape_eq(y, x) || shape_eq(y, &one) || shape_eq(y, &vector) || shape_eq(y, &one_vector))
        return NULL;
    return FAIL(r, "second operand: expected shape %s or %s, found %s", text(r, x),
                text(r, &vector), text(r, y));
}

static const char *concat(const Rule *r, Shape *out)
{
    return side_by_side(r, "second operand", r->in[0], r->in[1], out);
}

static const char *broadcast(const Rule *r, Shape *out)
{
    *out = *r->in[0];
    if (out->rank < 2 || out->dim[0] != 1)
        return FAIL(r, "x: expected a tensor (1,...,channels), found %s", text(r, out));
    out->dim[0] = r->o->attr.broadcast.batch;
    return NULL;
}

/* *size: `given`, which is twice *size or one less; 0: twice. */
static const char *upsampled(const Rule *r, const char *what, int64_t given, int64_t *size)
{
    int64_t twice = 2 * *size;
    if (given && given != twice && given != twice - 1)
        return FAIL(r, "%s: expected %lld or %lld, twice that of x %s or one less, found %lld",
                    what, (long long)twice, (long long)(twice - 1), text(r, r->in[0]),
                    (long long)given);
    *size = given ? given : twice;
    return NULL;
}

static const char *upsample(const Rule *r, Shape *out)
{
    *out = *r->in[0];
    if (out->rank != 4)
        return FAIL(r, "x: expected a tensor (batch,height,width,channels), found %s",
                    text(r, out));
    const UpsampleAttr *a = &r->o->attr.upsample;
    const char *wrong = upsampled(r, "height", a->height, &out->dim[1]);
    return wrong ? wrong : upsampled(r, "width", a->width, &out->dim[2]);
}

static const char *reshape(const Rule *r, Shape *out)
{
    const char *wrong = shape_check(r->g->arena, out);
    if (wrong)
        return wrong;
    if (shape_count(out) != shape_count(r->in[0]))
        return FAIL(r, "shape: expected as many elements as the operand, %s, found %s",
                    text(r, r->in[0]), text(r, out));
    return NULL;
}

static const char *slice(const Rule *r, Shape *out)
{
    const SliceAttr *a = &r->o->attr.slice;
    *out = *r->in[0];
    if (a->begin < 0 || a->end <= a->begin || a->end > shape_channels(out))
        return FAIL(r, "expected 0 <= begin < end <= %lld channels, found begin %lld, end %lld",
                    (long long)shape_channels(out), (long long)a->begin, (long long)a->end);
    out->dim[out->rank - 1] = a->end - a->begin;
    return NULL;
}

static const char *embedding(const Rule *r, Shape *out)
{
    const Shape *ids = r->in[0], *table = r->in[1];
    if (ids->rank != 2)
        return FAIL(r, "ids: expected a tensor (batch,tokens), found %s", text(r, ids));
    if (table->rank != 2)
        return FAIL(r, "table: expected a tensor (rows,channels), found %s", text(r, table));
    *out = shape3(ids->dim[0], ids->dim[1], table->dim[1]);
    return NULL;
}

/* An operand of attention: (b,...,c) with room for all heads from channel off on. */
static const char *attn_operand(const Rule *r, int slot, const char *what, int64_t off)
{
    const Shape *s = r->in[slot];
    int64_t c = r->o->attr.attn.heads * r->o->attr.attn.head_size;
    int quant = r->o->attr.attn.quant;
    if (quant && (quant != QUANT_ROWS || r->o->kind != OP_ATTENTION)) /* scores are not stored */
        return FAIL(r, "quant: expected none, or rows for attention, found %s", quant_names[quant]);
    if (s->rank < 3)
        return FAIL(r, "%s: expected a tensor (batch,...,channels), found %s", what, text(r, s));
    if (off + c > shape_channels(s))
        return FAIL(r, "%s: expected at least %lld channels (%d heads of %lld%s), found %s", what,
                    (long long)(off + c), r->o->attr.attn.heads,
                    (long long)r->o->attr.attn.head_size, off ? " behind the offset" : "",
                    text(r, s));
    return NULL;
}

static const char *attn_qk(const Rule *r, Shape *out)
{
    const AttnAttr *a = &r->o->attr.attn;
    const char *wrong = attn_operand(r, 0, "q", a->q_off);
    if (!wrong)
        wrong = attn_operand(r, 1, "k", a->k_off);
    if (wrong)
        return wrong;
    *out = shape4(common_batch(r->in[0], r->in[1]), a->heads, shape_rows(r->in[0]),
                  shape_rows(r->in[1]));
    if (!out->dim[0])
        return FAIL(r, "k: expected the batch of q, %lld, found %s", (long long)r->in[0]->dim[0],
                    text(r, r->in[1]));
    return NULL;
}

static const char *attn_av(const Rule *r, Shape *out)
{
    const AttnAttr *a = &r->o->attr.attn;
    const Shape *p = r->in[0], *v = r->in[1];
    const char *wrong = attn_operand(r, 1, "v", a->v_off);
    if (wrong)
        return wrong;
    if (p->rank != 4 || p->dim[1] != a->heads || p->dim[3] != shape_rows(v) || !common_batch(p, v))
        return FAIL(r, "probabilities: expected shape [%lld,%d,n,%lld], found %s",
                    (long long)v->dim[0], a->heads, (long long)shape_rows(v), text(r, p));
    *out = shape3(common_batch(p, v), p->dim[2], a->heads * a->head_size);
    return NULL;
}

static const char *attention(const Rule *r, Shape *out)
{
    const AttnAttr *a = &r->o->attr.attn;
    const char *wrong = attn_qk(r, out);
    if (!wrong)
        wrong = attn_operand(r, 2, "v", a->v_off);
    if (wrong)
        return wrong;
    int64_t batch = common_batch(out, r->in[2]);
    if (shape_rows(r->in[2]) != shape_rows(r->in[1]) || !batch)
        return FAIL(r, "v: expected batch and tokens of k, %s, found %s", text(r, r->in[1]),
                    text(r, r->in[2]));
    *out = shape3(batch, out->dim[2], a->heads * a->head_size);
    return NULL;
}

static ShapeRule *const rules[OP_COUNT] = {
#define OP(e, name, attr, least, most, rule, ...) [OP_##e] = rule,
#include "ops.def"
};

const char *infer_shape(const Graph *g, const Op *o, Shape *out)
{
    Rule r = {.g = g, .o = o};
    const struct OpArity arity = op_arity[o->kind];
    for (int i = 0; i < SLOT_COUNT; i++) {
        if (!tensor_ok(o->in[i])) {
            if (i < arity.least)
                return FAIL(&r, "expected at least %d operands, found %d", arity.least, i);
            continue;
        }
        if (i >= arity.most)
            return FAIL(&r, "expected at most %d operands, found %d", arity.most, i + 1);
        const Tensor *t = tensor(g, o->in[i]);
        Dtype wanted = o->kind == OP_EMBEDDING && i == 0 ? DT_I32 : DT_F32;
        if (t->dtype != wanted)
            return FAIL(&r, "operand %d: expected %s, found %s", i + 1, dtype_name(wanted),
                        dtype_name(t->dtype));
        r.in[i] = &t->shape;
    }
    const char *wrong = rules[o->kind](&r, out);
    if (!wrong)
        wrong = shape_check(g->arena, out);
    if (!wrong && op_macs_for(g, o, out) > (int64_t)1 << MOST_MACS_LOG2)
        return FAIL(&r, "expected at most 2^%d multiply-adds, found more, for a result of %s",
                    MOST_MACS_LOG2, text(&r, out));
    return wrong;
}
