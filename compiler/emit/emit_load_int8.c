/* A pixel takes two passes. The first one computes its prologue, keeps the results in scratch and
 * finds the range, if rows have ranges; the second one makes whole numbers of them. Where there is
 * no prologue, both read x. */
#include "emit_load_int8.h"
#include "contract_plan.h"

/* Running least and greatest number, and 0 times the sum: NaN once a number is not finite. */
typedef struct {
    V low, high, poison;
} RangeVars;

/* A pixel while it is loaded. */
typedef struct {
    const ContractTask *task;
    V q, image;
    QuantValues quant;
    RangeVars range[2]; /* by vectors, and singly */
} Pixel;

static bool by_rows(const Contract *c) { return quants[c->quant].range == ROW_RANGE; }
/* Do both passes read x? */
static bool plain(const Contract *c) { return c->pre == PRE_NONE; }

static V quants_at(Emit *e, const ContractTask *task, V index)
{
    return at(e, task->quants, mulc(e, index, QUANT_WORDS));
}

void strip_quants(Emit *e, ContractTask *task)
{
    const Contract *c = task->c;
    if (!contract_int8(c))
        return;
    if (by_rows(c)) {
        task->quants = atc(e, task->strip, contract_numbers_floats(c));
        return;
    }
    task->quants = e->scratch;
    Loop l = loop_begin(e, ci(e, 0), ci(e, c->images), 1);
    V bounds = at(e, task->range, mulc(e, add(e, task->b0, l.i), 2)), low = load(e, bounds, 1),
      high = load(e, atc(e, bounds, 1), 1);
    V poison = fp_mul(e, fp_add(e, low, high), cf(e, 0, 1));
    QuantValues q = emit_quant_operand(e, low, high, poison);
    store_quant(e, &q, quants_at(e, task, l.i));
    loop_end(e, &l);
}

QuantValues quant_of_pixel(Emit *e, const ContractTask *task, V p)
{
    const Contract *c = task->c;
    V index = by_rows(c)       ? p
              : c->images == 1 ? ci(e, 0)
                               : udivc(e, p, c->flat ? c->oh * c->ow : c->th * c->tw);
    return load_quant(e, quants_at(e, task, index));
}

/* ---- the first pass ---- */

static RangeVars range_begin(Emit *e, int lanes)
{
    V zero = cf(e, 0, lanes);
    RangeVars r = {var(e, vec_type(e, lanes), NULL), var(e, vec_type(e, lanes), NULL),
                   var(e, vec_type(e, lanes), NULL)};
    set(e, r.low, zero);
    set(e, r.high, zero);
    set(e, r.poison, zero);
    return r;
}

static V lesser(Emit *e, V a, V b)
{
    return choose(e, LLVMBuildFCmp(e->b, LLVMRealOLT, a, b, ""), a, b);
}

static void range_add(Emit *e, const RangeVars *r, V v, int lanes)
{
    set(e, r->low, lesser(e, v, get(e, r->low)));
    set(e, r->high, fp_max(e, v, get(e, r->high)));
    set(e, r->poison, fp_fma(e, v, cf(e, 0, lanes), get(e, r->poison)));
}

/* Of vectors and single numbers together. */
static QuantValues range_end(Emit *e, const RangeVars r[2], int lanes)
{
    V negative = cf(e, -1, lanes);
    V low = fp_mul(e, reduce_max(e, fp_mul(e, get(e, r[0].low), negative), lanes), cf(e, -1, 1)),
      high = reduce_max(e, get(e, r[0].high), lanes),
      poison = reduce_add(e, get(e, r[0].poison), lanes);
    return emit_quant_operand(e, lesser(e, low, get(e, r[1].low)),
                              fp_max(e, high, get(e, r[1].high)),
                              fp_add(e, poison, get(e, r[1].poison)));
}

/* n channels from `first` on, by vectors and then singly. */
typedef void ChannelsBody(Emit *e, Pixel *x, V row, V channel, int lanes);
static void each_channel(Emit *e, Pixel *x, V row, const int64_t range[2], ChannelsBody *body)
{
    int64_t n = range[1], whole = n / e->t->lanes * e->t->lanes;
    for (int part = 0; part < 2; part++) {
        int lanes = part == 0 ? e->t->lanes : 1;
        int64_t from = part == 0 ? 0 : whole, to = part == 0 ? whole : n;
        if (from == to)
            continue;
        Loop l = loop_begin(e, ci(e, from), ci(e, to), lanes);
        V here = row ? element_at(e, x->task->c->x_bf16, row, l.i) : NULL;
        body(e, x, here, addc(e, l.i, range[0]), lanes);
        loop_end(e, &l);
    }
}

static V load_number(Emit *e, const Contract *c, V at, int lanes)
{
    return load_elements(e, c->x_bf16, at, lanes, lanes);
}

static void first_pass(Emit *e, Pixel *x, V here, V channel, int lanes)
{
    const ContractTask *task = x->task;
    V v = load_number(e, task->c, here, lanes);
    if (!plain(task->c)) {
        v = contract_prologue(e, task, v, channel, x->image, lanes);
        store(e, v, at(e, task->row, channel));
    }
    if (by_rows(task->c))
        range_add(e, &x->range[lanes == 1], v, lanes);
}

/* ---- the second pass ---- */

static void second_pass(Emit *e, Pixel *x, V here, V channel, int lanes)
{
    const ContractTask *task = x->task;
    V v = plain(task->c) ? load_number(e, task->c, here, lanes)
                         : load(e, at(e, task->row, channel), lanes);
    store_int8(e, v, &x->quant, strip_place(e, task, x->q, channel), lanes);
}

void load_pixel_int8(Emit *e, const ContractTask *task, const V row[2], V q, V image)
{
    const Contract *c = task->c;
    int lanes = e->t->lanes;
    Pixel x = {.task = task, .q = q, .image = image};
    const int64_t range[2][2] = {{0, c->c1}, {c->c1, c->c2}};
    if (by_rows(c)) {
        x.range[0] = range_begin(e, lanes);
        x.range[1] = range_begin(e, 1);
    }
    if (by_rows(c) || !plain(c))
        for (int i = 0; i < 2; i++)
            each_channel(e, &x, row[i], range[i], first_pass);
    if (by_rows(c)) {
        x.quant = range_end(e, x.range, lanes);
        store_quant(e, &x.quant, quants_at(e, task, q));
    } else {
        x.quant = load_quant(e, quants_at(e, task, sub(e, image, task->b0)));
    }
    for (int i = 0; i < 2; i++)
        each_channel(e, &x, row[i], range[i], second_pass);
}

static void outside(Emit *e, Pixel *x, V here, V channel, int lanes)
{
    (void)here;
    store_int8(e, cf(e, 0, lanes), &x->quant, strip_place(e, x->task, x->q, channel), lanes);
}

void load_outside_int8(Emit *e, const ContractTask *task, V q, V image)
{
    Pixel x = {.task = task, .q = q, .image = image};
    x.quant = load_quant(e, quants_at(e, task, sub(e, image, task->b0)));
    each_channel(e, &x, NULL, (int64_t[]){0, in_channels(task->c)}, outside);
}
