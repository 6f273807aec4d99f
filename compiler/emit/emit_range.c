/* Ranges of what products load: the numbers of a row (emit_load_int8.c), and bounds of a batch
 * element from those of its channels. */
#include "emit_range.h"
#include "emit_activation.h"
#include "emitters.h"

NumberRange range_begin(Emit *e, int lanes)
{
    V zero = cf(e, 0, lanes);
    LLVMTypeRef type = vec_type(e, lanes);
    return (NumberRange){var(e, type, zero), var(e, type, zero), var(e, type, zero)};
}

void range_check(Emit *e, const NumberRange *r, V v)
{
    set(e, r->poison, fp_fma(e, v, LLVMConstNull(LLVMTypeOf(v)), get(e, r->poison)));
}

void range_add(Emit *e, const NumberRange *r, V v)
{
    set(e, r->low, fp_min(e, v, get(e, r->low)));
    set(e, r->high, fp_max(e, v, get(e, r->high)));
    range_check(e, r, v);
}

void range_join(Emit *e, const NumberRange *r, const NumberRange *other)
{
    set(e, r->low, fp_min(e, get(e, r->low), get(e, other->low)));
    set(e, r->high, fp_max(e, get(e, r->high), get(e, other->high)));
    set(e, r->poison, fp_add(e, get(e, r->poison), get(e, other->poison)));
}

NumberRange range_end(Emit *e, const NumberRange r[2], int lanes)
{
    V negative = cf(e, -1, lanes);
    V low = fp_mul(e, reduce_max(e, fp_mul(e, get(e, r[0].low), negative), lanes), cf(e, -1, 1)),
      high = reduce_max(e, get(e, r[0].high), lanes),
      poison = reduce_add(e, get(e, r[0].poison), lanes);
    return (NumberRange){fp_min(e, low, get(e, r[1].low)), fp_max(e, high, get(e, r[1].high)),
                         fp_add(e, poison, get(e, r[1].poison))};
}

/* ---- the range of a batch element ---- */

/* One operand of the load: its sums of the batch element, and where its channels' factors and
 * summands lie; NULL without a norm. */
typedef struct {
    const RangeFinish *g;
    const Sums *s;
    V sums, norm;
} RangePart;

/* Bounds of what the prologue makes of numbers from low to high: its values there and, where its
 * function falls and rises between them, its minimum. */
static void add_bounds(Emit *e, const RangePart *part, V bound[2], V channel, int lanes,
                       const NumberRange *r)
{
    const PrologueRow *p = &prologues[part->g->pre];
    int64_t channels = part->g->part[0].c + part->g->part[1].c;
    for (int i = 0; i < 2 && part->norm; i++) {
        V a = at(e, part->norm, channel);
        bound[i] = fp_fma(e, bound[i], load(e, a, lanes), load(e, atc(e, a, channels), lanes));
    }
    for (int i = 0; i < 2; i++) {
        range_check(e, r, bound[i]);
        range_add(e, r, emit_activation(e, p->act, bound[i], lanes, FOR_F32));
    }
    if (!p->dips)
        return;
    V turn = cf(e, p->lowest_at, lanes), least = fp_min(e, bound[0], bound[1]),
      most = fp_max(e, bound[0], bound[1]);
    V inside = LLVMBuildAnd(e->b, LLVMBuildFCmp(e->b, LLVMRealOLT, least, turn, ""),
                            LLVMBuildFCmp(e->b, LLVMRealOLT, turn, most, ""), "");
    range_add(e, r, choose(e, inside, cf(e, p->lowest, lanes), cf(e, 0, lanes)));
}

/* Channels from..to of one operand, `lanes` at a time, over its blocks. */
static void add_channels(Emit *e, const RangePart *part, int lanes, int64_t range[2],
                         const NumberRange *r)
{
    const Sums *s = part->s;
    if (range[0] == range[1])
        return;
    Loop l = loop_begin(e, ci(e, range[0]), ci(e, range[1]), lanes);
    V first = at(e, part->sums, l.i), bound[2];
    for (int i = 0; i < 2; i++)
        bound[i] = var(e, vec_type(e, lanes), load(e, atc(e, first, (3 + i) * s->c), lanes));
    Loop bl = loop_begin(e, ci(e, 0), ci(e, s->blocks), 1);
    V block = at(e, first, mulc(e, bl.i, sums_block_floats(s)));
    range_check(e, r, load(e, atc(e, block, s->c), lanes));
    set(e, bound[0], fp_min(e, load(e, atc(e, block, 3 * s->c), lanes), get(e, bound[0])));
    set(e, bound[1], fp_max(e, load(e, atc(e, block, 4 * s->c), lanes), get(e, bound[1])));
    loop_end(e, &bl);
    add_bounds(e, part, (V[]){get(e, bound[0]), get(e, bound[1])}, l.i, lanes, r);
    loop_end(e, &l);
}

void emit_range(Emit *e, const RangeFinish *g, const char *name)
{
    kernel_begin(e, name);
    int lanes = e->t->lanes, n = g->part[1].c ? 2 : 1;
    bool affine = prologues[g->pre].norm == AFFINE_NORM;
    int64_t channels = g->part[0].c + g->part[1].c;
    V norm = affine ? at(e, arg(e, n), mulc(e, e->task, 2 * channels)) : NULL;
    NumberRange r[2] = {range_begin(e, lanes), range_begin(e, 1)};
    for (int i = 0; i < n; i++) {
        const Sums *s = &g->part[i];
        RangePart part = {.g = g, .s = s, .sums = arg(e, i)};
        if (s->batch > 1)
            part.sums = at(e, part.sums, mulc(e, e->task, sums_floats(s) / s->batch));
        if (norm)
            part.norm = atc(e, norm, i ? g->part[0].c : 0);
        int64_t whole = s->c / lanes * lanes;
        add_channels(e, &part, lanes, (int64_t[]){0, whole}, &r[0]);
        add_channels(e, &part, 1, (int64_t[]){whole, s->c}, &r[1]);
    }
    NumberRange all = range_end(e, r, lanes);
    V y = at(e, arg(e, n + affine), mulc(e, e->task, 2));
    store(e, fp_add(e, all.low, all.poison), y);
    store(e, fp_add(e, all.high, all.poison), atc(e, y, 1));
    kernel_end(e);
}
