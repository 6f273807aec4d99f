/* Elementwise work, layout changes, row-wise normalisation and GroupNorm statistics: whatever fusion has left over. */
#include "kernels.h"
#include <math.h>

void map_plan(Map *m) {
    /* at most 64 tasks, none under 4096 elements unless a row is longer */
    int64_t least = ceil_div(4096, m->c), even = ceil_div(m->rows, 64);
    m->per = even > least ? even : least;
    if (m->per > m->rows) m->per = m->rows;
}
int64_t map_tasks(const Map *m) { return ceil_div(m->rows, m->per); }

typedef struct { const Map *m; V a, b, c, y; V row; } R; /* arguments; the row at work */

/* body(channel, lanes) for all of `count` channels: pairs of vectors where two share work (emit.h), whole vectors, then single ones. */
typedef void Body(Emit *e, const R *r, V channel, int lanes);
static void channels(Emit *e, const R *r, int64_t count, Body *body) {
    bool pairs = r->m->kind == MAP_SWISH || r->m->kind == MAP_GELU_TANH || r->m->kind == MAP_GEGLU_TANH;
    int64_t from = 0;
    for (int lanes = pairs ? 2 * e->t->lanes : e->t->lanes; from < count; lanes = lanes > e->t->lanes ? lanes / 2 : 1) {
        int64_t to = from + (count - from) / lanes * lanes;
        if (from == to) continue;
        Loop l = loop_begin(e, ci(e, from), ci(e, to), lanes);
        body(e, r, l.i, lanes);
        loop_end(e, &l);
        from = to;
    }
}

static V place(Emit *e, V base, V row, int64_t width, V channel) { return at(e, base, add(e, mulc(e, row, width), channel)); }
static void put(Emit *e, const R *r, V channel, V v) { store(e, v, place(e, r->y, r->row, r->m->c, channel)); }

static void unary(Emit *e, const R *r, V ch, int lanes) {
    V x = load(e, place(e, r->a, r->row, r->m->c, ch), lanes);
    switch ((MapKind)r->m->kind) {
    case MAP_SWISH: x = m_swish(e, x, lanes, FOR_F32); break;
    case MAP_GELU_TANH: x = m_gelu_tanh(e, x, lanes, FOR_F32); break;
    case MAP_GELU_ERF: x = m_gelu_erf(e, x, lanes); break;
    case MAP_SCALE: x = fp_mul(e, x, cf(e, r->m->value, lanes)); break;
    default: break; /* MAP_COPY */
    }
    put(e, r, ch, x);
}

static void geglu(Emit *e, const R *r, V ch, int lanes) {
    V p = place(e, r->a, r->row, 2 * r->m->c, ch), g = load(e, atc(e, p, r->m->c), lanes);
    g = r->m->kind == MAP_GEGLU_TANH ? m_gelu_tanh(e, g, lanes, FOR_F32) : m_gelu_erf(e, g, lanes);
    put(e, r, ch, fp_mul(e, load(e, p, lanes), g));
}

static void binary(Emit *e, const R *r, V ch, int lanes) {
    const Map *m = r->m;
    V x = load(e, place(e, r->a, r->row, m->c, ch), lanes);
    V other = m->kind == MAP_ADD_VEC ? udivc(e, r->row, m->rows_per_batch) : m->y_rows == m->rows ? r->row : uremc(e, r->row, m->y_rows);
    put(e, r, ch, fp_add(e, x, load(e, place(e, r->b, other, m->c, ch), lanes)));
}

static void affine(Emit *e, const R *r, V ch, int lanes) {
    const Map *m = r->m;
    V s = place(e, r->b, udivc(e, r->row, m->rows_per_batch), 2 * m->c, ch);
    put(e, r, ch, fp_fma(e, load(e, place(e, r->a, r->row, m->c, ch), lanes), load(e, s, lanes), load(e, atc(e, s, m->c), lanes)));
}

static void concat_first(Emit *e, const R *r, V ch, int lanes) { put(e, r, ch, load(e, place(e, r->a, r->row, r->m->c1, ch), lanes)); }
static void concat_second(Emit *e, const R *r, V ch, int lanes) {
    put(e, r, addc(e, ch, r->m->c1), load(e, place(e, r->b, r->row, r->m->c - r->m->c1, ch), lanes));
}

static void upsample(Emit *e, const R *r, V ch, int lanes) {
    const Map *m = r->m;
    V line = udivc(e, r->row, m->w), x = uremc(e, r->row, m->w), b = udivc(e, line, m->h), y = uremc(e, line, m->h);
    V from = add(e, mulc(e, add(e, mulc(e, b, m->h / 2), udivc(e, y, 2)), m->w / 2), udivc(e, x, 2));
    put(e, r, ch, load(e, place(e, r->a, from, m->c, ch), lanes));
}

static void slice(Emit *e, const R *r, V ch, int lanes) {
    put(e, r, ch, load(e, place(e, r->a, r->row, r->m->c1, addc(e, ch, r->m->offset)), lanes));
}

static void embedding(Emit *e, const R *r, V ch, int lanes) {
    V id = load_i32(e, r->a, r->row), last = ci(e, r->m->table_rows - 1);
    id = choose(e, lt(e, id, ci(e, 0)), ci(e, 0), umin(e, id, last));
    put(e, r, ch, load(e, place(e, r->b, id, r->m->c, ch), lanes));
}

/* Folds f over a row: whole vectors into one accumulator, the rest into another, both reduced at the end. */
typedef V Fold(Emit *e, V so_far, V x, V extra, int lanes);
static V fold_add(Emit *e, V s, V x, V extra, int lanes) { (void)extra, (void)lanes; return fp_add(e, s, x); }
static V fold_max(Emit *e, V s, V x, V extra, int lanes) { (void)extra, (void)lanes; return fp_max(e, s, x); }
static V fold_square(Emit *e, V s, V x, V mean, int lanes) {
    V d = fp_sub(e, x, splat(e, mean, lanes));
    return fp_add(e, s, fp_mul(e, d, d));
}
static V fold_row(Emit *e, V row, int64_t n, Fold *f, bool is_max, V extra) {
    int lanes = e->t->lanes;
    int64_t whole = n / lanes * lanes;
    double start = is_max ? -INFINITY : 0;
    V acc = var(e, vec_type(e, lanes), NULL), rest = var(e, e->f32, NULL);
    set(e, acc, cf(e, start, lanes));
    set(e, rest, cf(e, start, 1));
    Loop l = loop_begin(e, ci(e, 0), ci(e, whole), lanes);
    set(e, acc, f(e, get(e, acc), load(e, at(e, row, l.i), lanes), extra, lanes));
    loop_end(e, &l);
    l = loop_begin(e, ci(e, whole), ci(e, n), 1);
    set(e, rest, f(e, get(e, rest), load(e, at(e, row, l.i), 1), extra, 1));
    loop_end(e, &l);
    V all = is_max ? reduce_max(e, get(e, acc), lanes) : reduce_add(e, get(e, acc), lanes);
    return is_max ? fp_max(e, all, get(e, rest)) : fp_add(e, all, get(e, rest));
}

typedef struct { R r; V mean, scale; } Moments; /* R first: bodies get a pointer to it */
static void ln_body(Emit *e, const R *r, V ch, int lanes) {
    const Moments *m = (const Moments *)r;
    V x = fp_sub(e, load(e, place(e, r->a, r->row, r->m->c, ch), lanes), splat(e, m->mean, lanes));
    put(e, r, ch, fp_fma(e, fp_mul(e, x, splat(e, m->scale, lanes)), load(e, at(e, r->b, ch), lanes), load(e, at(e, r->c, ch), lanes)));
}
static void layer_norm(Emit *e, const R *r) {
    int64_t n = r->m->c;
    V row = at(e, r->a, mulc(e, r->row, n)), inverse = cf(e, 1.0 / (double)n, 1);
    V mean = fp_mul(e, fold_row(e, row, n, fold_add, false, NULL), inverse);
    V variance = fp_mul(e, fold_row(e, row, n, fold_square, false, mean), inverse);
    V a[] = {fp_add(e, variance, cf(e, r->m->value, 1))};
    Moments m = {*r, mean, fp_div(e, cf(e, 1, 1), intrinsic(e, "llvm.sqrt", e->f32, a, 1))};
    channels(e, &m.r, n, ln_body);
}

static void exp_body(Emit *e, const R *r, V ch, int lanes) {
    const Moments *m = (const Moments *)r;
    V x = load(e, place(e, r->a, r->row, r->m->c, ch), lanes), p = m_exp(e, fp_sub(e, x, splat(e, m->mean, lanes)), lanes);
    /* m_exp clamps: a masked score must give zero */
    V low = LLVMBuildFCmp(e->b, LLVMRealOLT, x, cf(e, -1e30, lanes), "");
    put(e, r, ch, choose(e, low, cf(e, 0, lanes), p));
}
static void scale_body(Emit *e, const R *r, V ch, int lanes) {
    V p = place(e, r->y, r->row, r->m->c, ch);
    store(e, fp_mul(e, load(e, p, lanes), splat(e, ((const Moments *)r)->scale, lanes)), p);
}
static void softmax(Emit *e, const R *r) {
    int64_t n = r->m->c;
    V top = fold_row(e, at(e, r->a, mulc(e, r->row, n)), n, fold_max, true, NULL);
    Moments m = {*r, top, NULL};
    channels(e, &m.r, n, exp_body);
    V sum = fold_row(e, at(e, r->y, mulc(e, r->row, n)), n, fold_add, false, NULL);
    m.scale = fp_div(e, cf(e, 1, 1), sum);
    channels(e, &m.r, n, scale_body);
}

void emit_map(Emit *e, const Map *m, const char *name) {
    static const int operands[] = {[MAP_GEGLU_TANH] = 1, [MAP_ADD] = 2, [MAP_ADD_VEC] = 2, [MAP_AFFINE] = 2, [MAP_CONCAT] = 2,
                                   [MAP_EMBEDDING] = 2, [MAP_LAYER_NORM] = 3, [MAP_SOFTMAX] = 1};
    kernel_begin(e, name);
    int n = operands[m->kind] ? operands[m->kind] : 1;
    R r = {.m = m, .a = arg(e, 0), .b = n > 1 ? arg(e, 1) : NULL, .c = n > 2 ? arg(e, 2) : NULL, .y = arg(e, n)};
    V from, to;
    task_range(e, e->task, m->rows, m->per, &from, &to);
    Loop l = loop_begin(e, from, to, 1);
    r.row = l.i;
    switch ((MapKind)m->kind) {
    case MAP_SWISH: case MAP_GELU_TANH: case MAP_GELU_ERF: case MAP_SCALE: case MAP_COPY: channels(e, &r, m->c, unary); break;
    case MAP_GEGLU_TANH: case MAP_GEGLU_ERF: channels(e, &r, m->c, geglu); break;
    case MAP_ADD: case MAP_ADD_VEC: channels(e, &r, m->c, binary); break;
    case MAP_AFFINE: channels(e, &r, m->c, affine); break;
    case MAP_CONCAT:
        channels(e, &r, m->c1, concat_first);
        channels(e, &r, m->c - m->c1, concat_second);
        break;
    case MAP_UPSAMPLE: channels(e, &r, m->c, upsample); break;
    case MAP_SLICE: channels(e, &r, m->c, slice); break;
    case MAP_EMBEDDING: channels(e, &r, m->c, embedding); break;
    case MAP_LAYER_NORM: layer_norm(e, &r); break;
    case MAP_SOFTMAX: softmax(e, &r); break;
    }
    loop_end(e, &l);
    kernel_end(e);
}

/* ---- GroupNorm statistics ---- */

void group_stats_plan(GroupStats *g) {
    int64_t blocks = g->rows / 128 < 1 ? 1 : g->rows / 128 > 32 ? 32 : g->rows / 128;
    g->block = ceil_div(g->rows, blocks);
    g->blocks = ceil_div(g->rows, g->block);
}
int64_t group_partial_floats(const GroupStats *g) { return g->batch * g->blocks * 3 * (g->c1 + g->c2); }

/* Sums of x - pivot and of its square, per channel, over the rows of one block; the pivot is the block's first row, so that a mean far from
 * zero costs no digits. Channel vectors outside, rows inside: the sums stay in registers. */
static void partial_channels(Emit *e, const GroupStats *g, V x, int64_t width, V out, int64_t first, V rows, int lanes, int64_t from, int64_t to) {
    Loop l = loop_begin(e, ci(e, from), ci(e, to), lanes);
    V p = at(e, x, l.i), pivot = load(e, p, lanes), s = var(e, vec_type(e, lanes), NULL), q = var(e, vec_type(e, lanes), NULL);
    set(e, s, cf(e, 0, lanes));
    set(e, q, cf(e, 0, lanes));
    Loop r = loop_begin(e, ci(e, 0), rows, 1);
    V d = fp_sub(e, load(e, at(e, p, mulc(e, r.i, width)), lanes), pivot);
    set(e, s, fp_add(e, get(e, s), d));
    set(e, q, fp_fma(e, d, d, get(e, q)));
    loop_end(e, &r);
    V o = at(e, out, addc(e, l.i, first));
    int64_t c = g->c1 + g->c2;
    store(e, pivot, o);
    store(e, get(e, s), atc(e, o, c));
    store(e, get(e, q), atc(e, o, 2 * c));
    loop_end(e, &l);
}

void emit_group_partial(Emit *e, const GroupStats *g, const char *name) {
    kernel_begin(e, name);
    int lanes = e->t->lanes, n = g->c2 ? 2 : 1;
    int64_t c = g->c1 + g->c2;
    V b = udivc(e, e->task, g->blocks), first = mulc(e, uremc(e, e->task, g->blocks), g->block);
    V rows = umin(e, sub(e, ci(e, g->rows), first), ci(e, g->block)), row0 = add(e, mulc(e, b, g->rows), first);
    V out = at(e, arg(e, n), mulc(e, e->task, 3 * c));
    for (int i = 0; i < n; i++) {
        int64_t width = i ? g->c2 : g->c1, whole = width / lanes * lanes, start = i ? g->c1 : 0;
        V x = at(e, arg(e, i), mulc(e, row0, width));
        if (whole) partial_channels(e, g, x, width, out, start, rows, lanes, 0, whole);
        if (whole < width) partial_channels(e, g, x, width, out, start, rows, 1, whole, width);
    }
    kernel_end(e);
}

static V to_f64(Emit *e, V x) { return LLVMBuildFPExt(e->b, x, e->f64, ""); }

/* body of the sums over a group's channels and blocks in double */
typedef struct { V partial, count, mean, sum; const GroupStats *g; int64_t channels; } Finish;

static void finish_pass(Emit *e, Finish *f, V first, bool second) {
    const GroupStats *g = f->g;
    int64_t c = g->c1 + g->c2;
    f->sum = var(e, e->f64, LLVMConstReal(e->f64, 0));
    Loop bl = loop_begin(e, ci(e, 0), ci(e, g->blocks), 1);
    V rows = umin(e, sub(e, ci(e, g->rows), mulc(e, bl.i, g->block)), ci(e, g->block));
    V n = LLVMBuildSIToFP(e->b, rows, e->f64, "");
    Loop l = loop_begin(e, ci(e, 0), ci(e, f->channels), 1);
    V p = at(e, f->partial, add(e, mulc(e, bl.i, 3 * c), add(e, first, l.i)));
    V pivot = to_f64(e, load(e, p, 1)), s = to_f64(e, load(e, atc(e, p, c), 1)), part;
    if (!second) {
        part = fp_add(e, fp_mul(e, n, pivot), s);
    } else { /* sum of (x - mean)^2 = q - 2 s (mean - pivot) + n (mean - pivot)^2 */
        V q = to_f64(e, load(e, atc(e, p, 2 * c), 1)), d = fp_sub(e, f->mean, pivot);
        part = fp_add(e, q, fp_mul(e, d, fp_sub(e, fp_mul(e, n, d), fp_mul(e, LLVMConstReal(e->f64, 2), s))));
    }
    set(e, f->sum, fp_add(e, get(e, f->sum), part));
    loop_end(e, &l);
    loop_end(e, &bl);
}

void emit_group_finish(Emit *e, const GroupStats *g, const char *name) {
    kernel_begin(e, name);
    int64_t c = g->c1 + g->c2, per = c / g->groups;
    V b = udivc(e, e->task, g->groups), first = mulc(e, uremc(e, e->task, g->groups), per);
    Finish f = {.partial = at(e, arg(e, 0), mulc(e, b, g->blocks * 3 * c)), .g = g, .channels = per};
    V gamma = arg(e, 1), beta = arg(e, 2), y = at(e, arg(e, 3), mulc(e, b, 2 * c));
    V inverse = LLVMConstReal(e->f64, 1.0 / ((double)per * (double)g->rows));
    finish_pass(e, &f, first, false);
    f.mean = fp_mul(e, get(e, f.sum), inverse);
    finish_pass(e, &f, first, true);
    V variance[] = {fp_add(e, fp_mul(e, get(e, f.sum), inverse), LLVMConstReal(e->f64, g->eps))};
    V scale = fp_div(e, LLVMConstReal(e->f64, 1), intrinsic(e, "llvm.sqrt", e->f64, variance, 1));
    Loop l = loop_begin(e, ci(e, 0), ci(e, per), 1);
    V ch = add(e, first, l.i), a = fp_mul(e, to_f64(e, load(e, at(e, gamma, ch), 1)), scale);
    V d = fp_sub(e, to_f64(e, load(e, at(e, beta, ch), 1)), fp_mul(e, f.mean, a));
    store(e, LLVMBuildFPTrunc(e->b, a, e->f32, ""), at(e, y, ch));
    store(e, LLVMBuildFPTrunc(e->b, d, e->f32, ""), at(e, y, addc(e, ch, c)));
    loop_end(e, &l);
    kernel_end(e);
}
