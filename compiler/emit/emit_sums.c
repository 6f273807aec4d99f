/* GroupNorm's statistics: sums of an image's blocks of pixels per channel, and from them the scale
 * and shift of each channel. The epilogues of contracts gather sums (sums_*) while they store
 * results; elsewhere a kernel of its own does. The pivot, the block's first pixel, is subtracted
 * from all: a mean far from zero would cost digits. */
#include "emit_sums.h"
#include "emitters.h"
#include "err.h"

/* Lanes of a vector; 1 of a scalar. */
static int lanes_in(V v)
{
    LLVMTypeRef type = LLVMTypeOf(v);
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? (int)LLVMGetVectorSize(type) : 1;
}

ChannelSums sums_begin(Emit *e, V at_, const Sums *layout, V first, V r)
{
    int lanes = lanes_in(r);
    int64_t c = layout->c;
    ChannelSums s = {.at = at_, .c = c, .lanes = lanes};
    If f = if_begin(e, first);
    store(e, r, at_);
    store(e, cf(e, 0, lanes), atc(e, at_, c));
    store(e, cf(e, 0, lanes), atc(e, at_, 2 * c));
    for (int i = 3; i < 5 && layout->bounds; i++)
        store(e, r, atc(e, at_, i * c));
    if_end(e, &f);
    s.pivot = load(e, at_, lanes);
    s.sum = var(e, vec_type(e, lanes), load(e, atc(e, at_, c), lanes));
    s.square = var(e, vec_type(e, lanes), load(e, atc(e, at_, 2 * c), lanes));
    if (layout->bounds) {
        s.low = var(e, vec_type(e, lanes), load(e, atc(e, at_, 3 * c), lanes));
        s.high = var(e, vec_type(e, lanes), load(e, atc(e, at_, 4 * c), lanes));
    }
    return s;
}

void sums_add(Emit *e, const ChannelSums *s, V r)
{
    V d = fp_sub(e, r, s->pivot);
    set(e, s->sum, fp_add(e, get(e, s->sum), d));
    set(e, s->square, fp_fma(e, d, d, get(e, s->square)));
    if (!s->low)
        return;
    set(e, s->low, fp_min(e, r, get(e, s->low)));
    set(e, s->high, fp_max(e, r, get(e, s->high)));
}

void sums_end(Emit *e, const ChannelSums *s)
{
    store(e, get(e, s->sum), atc(e, s->at, s->c));
    store(e, get(e, s->square), atc(e, s->at, 2 * s->c));
    if (!s->low)
        return;
    store(e, get(e, s->low), atc(e, s->at, 3 * s->c));
    store(e, get(e, s->high), atc(e, s->at, 4 * s->c));
}

/* A block of pixels: x (rows, c), sums out (3 or 5, c). */
typedef struct {
    const Sums *layout;
    V x, out, rows;
} PixelBlock;

/* Channels from..to, whole vectors of `lanes`. Channel vectors outside, rows inside: the sums stay
 * in registers. */
static void sum_channels(Emit *e, const PixelBlock *b, int lanes, int64_t from, int64_t to)
{
    Loop l = loop_begin(e, ci(e, from), ci(e, to), lanes);
    V first = load(e, at(e, b->x, l.i), lanes), out = at(e, b->out, l.i);
    ChannelSums s = sums_begin(e, out, b->layout, LLVMConstInt(e->i1, 1, 0), first);
    Loop r = loop_begin(e, ci(e, 0), b->rows, 1);
    sums_add(e, &s, load(e, at(e, b->x, add(e, mulc(e, r.i, b->layout->c), l.i)), lanes));
    loop_end(e, &r);
    sums_end(e, &s);
    loop_end(e, &l);
}

void emit_sums(Emit *e, const Sums *g, const char *name)
{
    CHECK(g->per_line == 1 && g->tw == 1 && g->ow == 1);
    kernel_begin(e, name);
    int lanes = e->t->lanes;
    V b = udivc(e, e->task, g->blocks), first = mulc(e, uremc(e, e->task, g->blocks), g->th);
    V rows = smin(e, sub(e, ci(e, g->oh), first), ci(e, g->th));
    PixelBlock p = {.layout = g, .rows = rows};
    p.x = at(e, arg(e, 0), mulc(e, add(e, mulc(e, b, g->oh), first), g->c));
    p.out = at(e, arg(e, 1), mulc(e, e->task, sums_block_floats(g)));
    int64_t whole = g->c / lanes * lanes;
    if (whole)
        sum_channels(e, &p, lanes, 0, whole);
    if (whole < g->c)
        sum_channels(e, &p, 1, whole, g->c);
    kernel_end(e);
}

static V to_f64(Emit *e, V x) { return LLVMBuildFPExt(e->b, x, e->f64, ""); }

/* Pixels of block i, as a double. */
static V pixels_of_block(Emit *e, const Sums *s, V i)
{
    V x0 = mulc(e, uremc(e, i, s->per_line), s->tw), y0 = mulc(e, udivc(e, i, s->per_line), s->th);
    V w = smin(e, sub(e, ci(e, s->ow), x0), ci(e, s->tw)),
      h = smin(e, sub(e, ci(e, s->oh), y0), ci(e, s->th));
    return LLVMBuildSIToFP(e->b, mul(e, w, h), e->f64, "");
}

/* Channels from..to of one tensor's sums, of one image. */
typedef struct {
    const Sums *s;
    V sums, from, to;
} GroupPart;

/* Adds the part's share, in double, to `sum`: of x or, with the mean, of (x - mean)^2. */
static void finish_part(Emit *e, const GroupPart *part, V mean, V sum)
{
    const Sums *s = part->s;
    Loop bl = loop_begin(e, ci(e, 0), ci(e, s->blocks), 1);
    V n = pixels_of_block(e, s, bl.i);
    Loop l = loop_begin(e, part->from, part->to, 1);
    V p = at(e, part->sums, add(e, mulc(e, bl.i, sums_block_floats(s)), l.i));
    V pivot = to_f64(e, load(e, p, 1)), d1 = to_f64(e, load(e, atc(e, p, s->c), 1)), share;
    if (!mean) {
        share = fp_add(e, fp_mul(e, n, pivot), d1);
    } else { /* the sum of (x - mean)^2 = d2 - 2 d1 (mean - pivot) + n (mean - pivot)^2 */
        V d2 = to_f64(e, load(e, atc(e, p, 2 * s->c), 1)), d = fp_sub(e, mean, pivot);
        share = fp_add(
            e, d2,
            fp_mul(e, d, fp_sub(e, fp_mul(e, n, d), fp_mul(e, LLVMConstReal(e->f64, 2), d1))));
    }
    set(e, sum, fp_add(e, get(e, sum), share));
    loop_end(e, &l);
    loop_end(e, &bl);
}

/* Over all channels of the group, which may lie in both tensors, divided by their number. */
static V group_average(Emit *e, const GroupFinish *g, const V *sums, V first, V mean)
{
    int64_t c = g->part[0].c + g->part[1].c, per = c / g->groups;
    V sum = var(e, e->f64, LLVMConstReal(e->f64, 0)), end = addc(e, first, per);
    for (int i = 0; i < 2 && g->part[i].c; i++) {
        int64_t start = i ? g->part[0].c : 0;
        V from = smax(e, first, ci(e, start)), to = smin(e, end, ci(e, start + g->part[i].c));
        GroupPart p = {.s = &g->part[i], .sums = sums[i]};
        p.to = addc(e, smax(e, from, to), -start);
        p.from = addc(e, from, -start);
        finish_part(e, &p, mean, sum);
    }
    return fp_mul(
        e, get(e, sum),
        LLVMConstReal(e->f64, 1.0 / ((double)per * (double)(g->part[0].oh * g->part[0].ow))));
}

void emit_group_finish(Emit *e, const GroupFinish *g, const char *name)
{
    kernel_begin(e, name);
    int n = g->part[1].c ? 2 : 1;
    int64_t c = g->part[0].c + g->part[1].c, per = c / g->groups;
    V b = udivc(e, e->task, g->groups), first = mulc(e, uremc(e, e->task, g->groups), per), sums[2];
    for (int i = 0; i < n; i++) {
        sums[i] = arg(e, i);
        if (g->part[i].batch > 1)
            sums[i] = at(e, sums[i], mulc(e, b, sums_floats(&g->part[i]) / g->part[i].batch));
    }
    V gamma = arg(e, n), beta = arg(e, n + 1), y = at(e, arg(e, n + 2), mulc(e, b, 2 * c));
    V mean = group_average(e, g, sums, first, NULL);
    V variance[] = {
        fp_add(e, group_average(e, g, sums, first, mean), LLVMConstReal(e->f64, g->eps))};
    V scale = fp_div(e, LLVMConstReal(e->f64, 1), intrinsic(e, "llvm.sqrt", e->f64, variance, 1));
    Loop l = loop_begin(e, ci(e, 0), ci(e, per), 1);
    V ch = add(e, first, l.i), a = fp_mul(e, to_f64(e, load(e, at(e, gamma, ch), 1)), scale);
    V d = fp_sub(e, to_f64(e, load(e, at(e, beta, ch), 1)), fp_mul(e, mean, a));
    store(e, LLVMBuildFPTrunc(e->b, a, e->f32, ""), at(e, y, ch));
    store(e, LLVMBuildFPTrunc(e->b, d, e->f32, ""), at(e, y, addc(e, ch, c)));
    loop_end(e, &l);
    kernel_end(e);
}
