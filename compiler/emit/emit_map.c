/* Map kernels: elementwise work, layout changes and normalisation of rows that no fusion took.
 * maps.def lists their kinds. A task is a range of rows. */
#include "emit_activation.h"
#include "emit_bf16.h"
#include "emitters.h"
#include <math.h>

/* The arguments of a kernel and the row that it computes now. */
typedef struct {
    const Map *m;
    V a, b, c, y;
    V row;
} MapRow;

/* body(channel, lanes) for all of `count` channels: pairs of vectors where two share work
 * (emit_math.h), whole vectors, then single ones. */
typedef void Body(Emit *e, const MapRow *r, V channel, int lanes);
static void channels(Emit *e, const MapRow *r, int64_t count, Body *body)
{
    bool pairs = activation_in_pairs((Activation)r->m->act);
    int64_t from = 0;
    for (int lanes = pairs ? 2 * e->t->lanes : e->t->lanes;
         from<count; lanes = lanes> e->t->lanes ? lanes / 2 : 1) {
        int64_t to = from + (count - from) / lanes * lanes;
        if (from == to)
            continue;
        Loop l = loop_begin(e, ci(e, from), ci(e, to), lanes);
        body(e, r, l.i, lanes);
        loop_end(e, &l);
        from = to;
    }
}

static V place(Emit *e, V base, V row, int64_t width, V channel)
{
    return at(e, base, add(e, mulc(e, row, width), channel));
}
static void put(Emit *e, const MapRow *r, V channel, V v)
{
    store(e, v, place(e, r->y, r->row, r->m->c, channel));
}

static void activation(Emit *e, const MapRow *r, V ch, int lanes)
{
    V x = load(e, place(e, r->a, r->row, r->m->c, ch), lanes);
    put(e, r, ch, emit_activation(e, (Activation)r->m->act, x, lanes, FOR_F32));
}
static void row_activation(Emit *e, const MapRow *r) { channels(e, r, r->m->c, activation); }

static void gated(Emit *e, const MapRow *r, V ch, int lanes)
{
    V p = place(e, r->a, r->row, 2 * r->m->c, ch), gate = load(e, atc(e, p, r->m->c), lanes);
    gate = emit_activation(e, (Activation)r->m->act, gate, lanes, FOR_F32);
    put(e, r, ch, fp_mul(e, load(e, p, lanes), gate));
}
static void row_gated(Emit *e, const MapRow *r) { channels(e, r, r->m->c, gated); }

static void scale(Emit *e, const MapRow *r, V ch, int lanes)
{
    V x = load(e, place(e, r->a, r->row, r->m->c, ch), lanes);
    x = fp_mul(e, x, cf(e, r->m->value, lanes));
    put(e, r, ch, r->m->shift != 0 ? fp_add(e, x, cf(e, r->m->shift, lanes)) : x);
}
static void row_scale(Emit *e, const MapRow *r) { channels(e, r, r->m->c, scale); }

static void copy(Emit *e, const MapRow *r, V ch, int lanes)
{
    put(e, r, ch, load(e, place(e, r->a, r->row, r->m->c, ch), lanes));
}
static void row_copy(Emit *e, const MapRow *r) { channels(e, r, r->m->c, copy); }

/* The row at work of an operand with so many rows: they repeat. */
static V repeated(Emit *e, const MapRow *r, int64_t rows)
{
    return rows == r->m->rows ? r->row : uremc(e, r->row, rows);
}

static void sum(Emit *e, const MapRow *r, V ch, int lanes)
{
    V x = load(e, place(e, r->a, r->row, r->m->c, ch), lanes);
    V other = repeated(e, r, r->m->y_rows);
    put(e, r, ch, fp_add(e, x, load(e, place(e, r->b, other, r->m->c, ch), lanes)));
}
static void row_add(Emit *e, const MapRow *r) { channels(e, r, r->m->c, sum); }

static void sum_with_vector(Emit *e, const MapRow *r, V ch, int lanes)
{
    V x = load(e, place(e, r->a, r->row, r->m->c, ch), lanes);
    V other = udivc(e, r->row, r->m->rows_per_batch);
    put(e, r, ch, fp_add(e, x, load(e, place(e, r->b, other, r->m->c, ch), lanes)));
}
static void row_add_vec(Emit *e, const MapRow *r) { channels(e, r, r->m->c, sum_with_vector); }

static void affine(Emit *e, const MapRow *r, V ch, int lanes)
{
    const Map *m = r->m;
    V s = place(e, r->b, udivc(e, r->row, m->rows_per_batch), 2 * m->c, ch);
    put(e, r, ch,
        fp_fma(e, load(e, place(e, r->a, r->row, m->c, ch), lanes), load(e, s, lanes),
               load(e, atc(e, s, m->c), lanes)));
}
static void row_affine(Emit *e, const MapRow *r) { channels(e, r, r->m->c, affine); }

static void concat_first(Emit *e, const MapRow *r, V ch, int lanes)
{
    put(e, r, ch, load(e, place(e, r->a, repeated(e, r, r->m->x_rows), r->m->c1, ch), lanes));
}
static void concat_second(Emit *e, const MapRow *r, V ch, int lanes)
{
    put(e, r, addc(e, ch, r->m->c1),
        load(e, place(e, r->b, repeated(e, r, r->m->y_rows), r->m->c - r->m->c1, ch), lanes));
}
static void row_concat(Emit *e, const MapRow *r)
{
    channels(e, r, r->m->c1, concat_first);
    channels(e, r, r->m->c - r->m->c1, concat_second);
}

static void broadcast(Emit *e, const MapRow *r, V ch, int lanes)
{
    put(e, r, ch, load(e, place(e, r->a, repeated(e, r, r->m->x_rows), r->m->c, ch), lanes));
}
static void row_broadcast(Emit *e, const MapRow *r) { channels(e, r, r->m->c, broadcast); }

static void upsample(Emit *e, const MapRow *r, V ch, int lanes)
{
    const Map *m = r->m;
    V line = udivc(e, r->row, m->w), x = uremc(e, r->row, m->w), b = udivc(e, line, m->h),
      y = uremc(e, line, m->h);
    V from = add(e, mulc(e, add(e, mulc(e, b, (m->h + 1) / 2), udivc(e, y, 2)), (m->w + 1) / 2),
                 udivc(e, x, 2));
    put(e, r, ch, load(e, place(e, r->a, from, m->c, ch), lanes));
}
static void row_upsample(Emit *e, const MapRow *r) { channels(e, r, r->m->c, upsample); }

static void slice(Emit *e, const MapRow *r, V ch, int lanes)
{
    put(e, r, ch, load(e, place(e, r->a, r->row, r->m->c1, addc(e, ch, r->m->offset)), lanes));
}
static void row_slice(Emit *e, const MapRow *r) { channels(e, r, r->m->c, slice); }

static void embedding(Emit *e, const MapRow *r, V ch, int lanes)
{
    V id = load_i32(e, r->a, r->row), last = ci(e, r->m->table_rows - 1);
    id = choose(e, lt(e, id, ci(e, 0)), ci(e, 0), smin(e, id, last));
    int bf16 = r->m->table_bf16;
    V from = element_at(e, bf16, r->b, add(e, mulc(e, id, r->m->c), ch));
    put(e, r, ch, load_elements(e, bf16, from, lanes, lanes));
}
static void row_embedding(Emit *e, const MapRow *r) { channels(e, r, r->m->c, embedding); }

/* Folds f over a row: whole vectors into one accumulator, the rest into another, both reduced at
 * the end. */
typedef V Fold(Emit *e, V so_far, V x, V extra, int lanes);
static V fold_add(Emit *e, V s, V x, V extra, int lanes)
{
    (void)extra, (void)lanes;
    return fp_add(e, s, x);
}
static V fold_max(Emit *e, V s, V x, V extra, int lanes)
{
    (void)extra, (void)lanes;
    return fp_max(e, s, x);
}
static V fold_square(Emit *e, V s, V x, V mean, int lanes)
{
    V d = fp_sub(e, x, splat(e, mean, lanes));
    return fp_add(e, s, fp_mul(e, d, d));
}
static V fold_row(Emit *e, V row, int64_t n, Fold *f, bool is_max, V extra)
{
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

typedef struct {
    MapRow r; /* first: bodies get a pointer to it */
    V mean, scale;
} Moments;
static void ln_body(Emit *e, const MapRow *r, V ch, int lanes)
{
    const Moments *m = (const Moments *)r;
    V x = fp_sub(e, load(e, place(e, r->a, r->row, r->m->c, ch), lanes), splat(e, m->mean, lanes));
    put(e, r, ch,
        fp_fma(e, fp_mul(e, x, splat(e, m->scale, lanes)), load(e, at(e, r->b, ch), lanes),
               load(e, at(e, r->c, ch), lanes)));
}
static void row_layer_norm(Emit *e, const MapRow *r)
{
    int64_t n = r->m->c;
    V row = at(e, r->a, mulc(e, r->row, n)), inverse = cf(e, 1.0 / (double)n, 1);
    V mean = fp_mul(e, fold_row(e, row, n, fold_add, false, NULL), inverse);
    V variance = fp_mul(e, fold_row(e, row, n, fold_square, false, mean), inverse);
    V a[] = {fp_add(e, variance, cf(e, r->m->value, 1))};
    Moments m = {*r, mean, fp_div(e, cf(e, 1, 1), intrinsic(e, "llvm.sqrt", e->f32, a, 1))};
    channels(e, &m.r, n, ln_body);
}

static void exp_body(Emit *e, const MapRow *r, V ch, int lanes)
{
    const Moments *m = (const Moments *)r;
    V x = load(e, place(e, r->a, r->row, r->m->c, ch), lanes),
      p = m_exp(e, fp_sub(e, x, splat(e, m->mean, lanes)), lanes);
    /* m_exp clamps: a masked score must give zero */
    V low = LLVMBuildFCmp(e->b, LLVMRealOLT, x, cf(e, -1e30, lanes), "");
    put(e, r, ch, choose(e, low, cf(e, 0, lanes), p));
}
static void scale_body(Emit *e, const MapRow *r, V ch, int lanes)
{
    V p = place(e, r->y, r->row, r->m->c, ch);
    store(e, fp_mul(e, load(e, p, lanes), splat(e, ((const Moments *)r)->scale, lanes)), p);
}
static void row_softmax(Emit *e, const MapRow *r)
{
    int64_t n = r->m->c;
    V top = fold_row(e, at(e, r->a, mulc(e, r->row, n)), n, fold_max, true, NULL);
    Moments m = {*r, top, NULL};
    channels(e, &m.r, n, exp_body);
    V sum = fold_row(e, at(e, r->y, mulc(e, r->row, n)), n, fold_add, false, NULL);
    m.scale = fp_div(e, cf(e, 1, 1), sum);
    channels(e, &m.r, n, scale_body);
}

static const struct {
    void (*emit_row)(Emit *e, const MapRow *r);
    int operands;
} kinds[] = {
#define MAP(e, name, operands) [MAP_##e] = {row_##name, operands},
#include "maps.def"
};

void emit_map(Emit *e, const Map *m, const char *name)
{
    kernel_begin(e, name);
    int n = kinds[m->kind].operands;
    MapRow r = {.m = m,
                .a = arg(e, 0),
                .b = n > 1 ? arg(e, 1) : NULL,
                .c = n > 2 ? arg(e, 2) : NULL,
                .y = arg(e, n)};
    V from, to;
    task_range(e, e->task, m->rows, m->per, &from, &to);
    Loop l = loop_begin(e, from, to, 1);
    r.row = l.i;
    kinds[m->kind].emit_row(e, &r);
    loop_end(e, &l);
    kernel_end(e);
}
