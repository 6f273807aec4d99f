/* Attention with an online softmax, and the two products of the unfused form.
 *
 * A task is one block of queries of one head. Queries lie across the lanes: scores are kept as S'[key][query], so that maximum, exponential
 * and sum need no work across lanes, and keys and values are read where they are, one scalar at a time:
 *
 *   Q'[d][query] = q * scale * log2(e)                        transposed once into scratch
 *   for each block of keys:
 *     S'[key][query]  = k[key][.] . Q'[.][query]              micro-kernel, rows = keys
 *     m' = max(m, max over keys S'); P' = 2^(S' - m'); l = l * 2^(m - m') + sum over keys P'; O' *= 2^(m - m')
 *     O'[d][query]   += v[.][d] . P'[.][query]                micro-kernel, rows = channels
 *   y[query][d] = O'[d][query] / l
 */
#include "kernels.h"
#include <math.h>
#include <string.h>

void attention_plan(Attention *a, const Target *t) {
    int64_t most = (int64_t)t->nr * t->lanes, blocks = ceil_div(a->n, most);
    a->nvec = (int)ceil_div(ceil_div(a->n, blocks), t->lanes);
    /* Few keys at once, or about 64: scores, queries and sums share L1. Blocks of one size, where there is one, need no runtime remainder. */
    a->key_block = a->m <= 128 ? a->m : 64;
    for (int64_t k = 80; a->m % a->key_block && k >= 48; k--)
        if (a->m % k == 0) a->key_block = k;
}

static int64_t query_block(const Attention *a, const Target *t) { return (int64_t)a->nvec * t->lanes; }
int64_t attention_tasks(const Attention *a, const Target *t) { return a->batch * a->heads * ceil_div(a->n, query_block(a, t)); }
/* Q', O', S', then m and l */
int64_t attention_scratch(const Attention *a, const Target *t) {
    return query_block(a, t) * (2 * a->head_size + a->key_block + 2) * 4;
}

typedef struct { const Attention *a; int64_t qb; V q, k, v, y, first; V qt, ot, st, max, sum; } A;

/* out[r][query] (+)= sum over k of a[r*row_a + k*ka] * b[k][query]: rows of qb queries; unroll divides k_count. */
typedef struct { const A *x; V a, b, out; int64_t row_a, ka; V k_count; int unroll; bool accumulate; } Product;

static void product_tile(Emit *e, const void *product, V row, int rows) {
    const Product *p = product;
    const A *x = p->x;
    Micro m;
    int lanes = e->t->lanes;
    micro_init(e, &m, rows, x->a->nvec);
    for (int i = 0; i < rows; i++) {
        V r = addc(e, row, i);
        m.a[i] = at(e, p->a, mulc(e, r, p->row_a));
        for (int v = 0; v < m.nvec; v++) {
            V o = at(e, p->out, addc(e, mulc(e, r, x->qb), (int64_t)v * lanes));
            set(e, m.acc[i][v], p->accumulate ? load(e, o, lanes) : cf(e, 0, lanes));
        }
    }
    micro_run(e, &m, ci(e, p->ka), p->b, ci(e, x->qb), p->k_count, p->unroll);
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < m.nvec; v++)
            store(e, get(e, m.acc[i][v]), at(e, p->out, addc(e, mulc(e, addc(e, row, i), x->qb), (int64_t)v * lanes)));
}

/* All rows; known: how many there are where that is a constant, else 0, and count says it. */
static void product(Emit *e, const Product *p, V count, int64_t known) {
    int mr = e->t->mr[p->x->a->nvec];
    if (known) {
        row_tiles(e, known, mr, product_tile, p);
        return;
    }
    V whole = mulc(e, udivc(e, count, mr), mr);
    Loop l = loop_begin(e, ci(e, 0), whole, mr);
    product_tile(e, p, l.i, mr);
    loop_end(e, &l);
    l = loop_begin(e, whole, count, 1);
    product_tile(e, p, l.i, 1);
    loop_end(e, &l);
}

/* Q' of the block: scaled; queries beyond n are zero. */
static void load_queries(Emit *e, const A *x) {
    const Attention *a = x->a;
    V scale = cf(e, a->scale * 1.4426950408889634, 1), valid = sub(e, ci(e, a->n), x->first);
    Loop q = loop_begin(e, ci(e, 0), ci(e, x->qb), 1);
    If f = if_begin(e, lt(e, q.i, valid));
    Loop d = loop_begin(e, ci(e, 0), ci(e, a->head_size), 1);
    V from = at(e, x->q, add(e, mulc(e, add(e, x->first, q.i), a->ldq), d.i));
    store(e, fp_mul(e, load(e, from, 1), scale), at(e, x->qt, add(e, mulc(e, d.i, x->qb), q.i)));
    loop_end(e, &d);
    if_else(e, &f);
    d = loop_begin(e, ci(e, 0), ci(e, a->head_size), 1);
    store(e, cf(e, 0, 1), at(e, x->qt, add(e, mulc(e, d.i, x->qb), q.i)));
    loop_end(e, &d);
    if_end(e, &f);
    loop_end(e, &q);
}

static void fill(Emit *e, V p, int64_t n, double value) {
    Loop l = loop_begin(e, ci(e, 0), ci(e, n), e->t->lanes);
    store(e, cf(e, value, e->t->lanes), at(e, p, l.i));
    loop_end(e, &l);
}

/* Scores of keys after their query become -1e30: exp2 of it is zero, and no infinity meets another. */
static void mask_causal(Emit *e, const A *x, V key0, V keys) {
    Loop j = loop_begin(e, ci(e, 0), keys, 1);
    V hidden = umin(e, sub(e, add(e, key0, j.i), x->first), ci(e, x->qb)); /* queries before the key */
    Loop q = loop_begin(e, ci(e, 0), hidden, 1);
    store(e, cf(e, -1e30, 1), at(e, x->st, add(e, mulc(e, j.i, x->qb), q.i)));
    loop_end(e, &q);
    loop_end(e, &j);
}

/* New maxima, P' in place of S', sums, and older results shrunk to the new maxima. All vectors of queries advance together: the chains of
 * maxima and sums are independent, which hides their latency. */
static void softmax_block(Emit *e, const A *x, V keys) {
    int lanes = e->t->lanes, nvec = x->a->nvec;
    V old[4], m[4], s[4], top[4], shrink[4];
    for (int v = 0; v < nvec; v++) {
        old[v] = load(e, atc(e, x->max, (int64_t)v * lanes), lanes);
        m[v] = var(e, vec_type(e, lanes), old[v]);
        s[v] = var(e, vec_type(e, lanes), cf(e, 0, lanes));
    }
    Loop j = loop_begin(e, ci(e, 0), keys, 1);
    V row = at(e, x->st, mulc(e, j.i, x->qb));
    for (int v = 0; v < nvec; v++) set(e, m[v], fp_max(e, load(e, atc(e, row, (int64_t)v * lanes), lanes), get(e, m[v])));
    loop_end(e, &j);
    for (int v = 0; v < nvec; v++) top[v] = get(e, m[v]);
    j = loop_begin(e, ci(e, 0), keys, 1);
    row = at(e, x->st, mulc(e, j.i, x->qb));
    for (int v = 0; v < nvec; v++) {
        V p = atc(e, row, (int64_t)v * lanes), r = m_exp2(e, fp_sub(e, load(e, p, lanes), top[v]), lanes);
        store(e, r, p);
        set(e, s[v], fp_add(e, get(e, s[v]), r));
    }
    loop_end(e, &j);
    for (int v = 0; v < nvec; v++) {
        V sum = atc(e, x->sum, (int64_t)v * lanes);
        shrink[v] = m_exp2(e, fp_sub(e, old[v], top[v]), lanes);
        store(e, top[v], atc(e, x->max, (int64_t)v * lanes));
        store(e, fp_fma(e, load(e, sum, lanes), shrink[v], get(e, s[v])), sum);
    }
    Loop d = loop_begin(e, ci(e, 0), ci(e, x->a->head_size), 1);
    row = at(e, x->ot, mulc(e, d.i, x->qb));
    for (int v = 0; v < nvec; v++) {
        V o = atc(e, row, (int64_t)v * lanes);
        store(e, fp_mul(e, load(e, o, lanes), shrink[v]), o);
    }
    loop_end(e, &d);
}

static void store_result(Emit *e, const A *x) {
    const Attention *a = x->a;
    int lanes = e->t->lanes;
    for (int v = 0; v < a->nvec; v++) {
        V inverse = fp_div(e, cf(e, 1, lanes), load(e, atc(e, x->sum, (int64_t)v * lanes), lanes));
        Loop d = loop_begin(e, ci(e, 0), ci(e, a->head_size), 1);
        V o = at(e, x->ot, addc(e, mulc(e, d.i, x->qb), (int64_t)v * lanes));
        store(e, fp_mul(e, load(e, o, lanes), inverse), o);
        loop_end(e, &d);
    }
    V valid = umin(e, sub(e, ci(e, a->n), x->first), ci(e, x->qb));
    Loop q = loop_begin(e, ci(e, 0), valid, 1);
    Loop d = loop_begin(e, ci(e, 0), ci(e, a->head_size), 1);
    V to = at(e, x->y, add(e, mulc(e, add(e, x->first, q.i), a->ldy), d.i));
    store(e, load(e, at(e, x->ot, add(e, mulc(e, d.i, x->qb), q.i)), 1), to);
    loop_end(e, &d);
    loop_end(e, &q);
}

void emit_attention(Emit *e, const Attention *a, const char *name) {
    kernel_begin(e, name);
    A x = {.a = a, .qb = query_block(a, e->t)};
    int64_t blocks = ceil_div(a->n, x.qb);
    V head = uremc(e, udivc(e, e->task, blocks), a->heads), b = udivc(e, e->task, blocks * a->heads), h = mulc(e, head, a->head_size);
    x.first = mulc(e, uremc(e, e->task, blocks), x.qb);
    x.q = at(e, arg(e, 0), add(e, mulc(e, b, a->sq), addc(e, h, a->q_off)));
    x.k = at(e, arg(e, 1), add(e, mulc(e, b, a->sk), addc(e, h, a->k_off)));
    x.v = at(e, arg(e, 2), add(e, mulc(e, b, a->sv), addc(e, h, a->v_off)));
    x.y = at(e, arg(e, 3), add(e, mulc(e, b, a->n * a->ldy), h));
    x.qt = e->scratch;
    x.ot = atc(e, x.qt, x.qb * a->head_size);
    x.st = atc(e, x.ot, x.qb * a->head_size);
    x.max = atc(e, x.st, x.qb * a->key_block);
    x.sum = atc(e, x.max, x.qb);
    load_queries(e, &x);
    fill(e, x.ot, x.qb * a->head_size, 0);
    fill(e, x.max, x.qb, -1e30);
    fill(e, x.sum, x.qb, 0);
    V end = ci(e, a->m);
    if (a->causal) end = umin(e, end, addc(e, x.first, x.qb));
    Loop j = loop_begin(e, ci(e, 0), end, a->key_block);
    V keys = umin(e, sub(e, end, j.i), ci(e, a->key_block));
    int64_t known = a->m % a->key_block == 0 && !a->causal ? a->key_block : 0;
    if (known) keys = ci(e, known);
    Product s = {&x, at(e, x.k, mulc(e, j.i, a->ldk)), x.qt, x.st, a->ldk, 1, ci(e, a->head_size), a->head_size % 4 == 0 ? 4 : 1, false};
    product(e, &s, keys, known);
    if (a->causal) mask_causal(e, &x, j.i, keys);
    softmax_block(e, &x, keys);
    Product o = {&x, at(e, x.v, mulc(e, j.i, a->ldv)), x.st, x.ot, 1, a->ldv, keys, known % 4 == 0 && known ? 4 : 1, true};
    product(e, &o, NULL, a->head_size);
    loop_end(e, &j);
    store_result(e, &x);
    kernel_end(e);
}

/* ---- unfused ---- */

void attn_part_plan(AttnPart *a, const Target *t) {
    (void)t;
    a->rows = a->n < 64 ? a->n : 64;
}
int64_t attn_part_tasks(const AttnPart *a, const Target *t) {
    (void)t;
    return a->batch * a->heads * ceil_div(a->n, a->rows);
}
/* scores: one panel of keys, transposed: [d][nr * lanes]. av: none */
int64_t attn_part_scratch(const AttnPart *a, const Target *t) { return a->av ? 0 : a->head_size * t->nr * t->lanes * 4; }

/* rows of the result starting at row0 (count of them): out[r][0..width) = a[r][.] . b[.][0..width), width <= nvec*lanes valid columns. */
typedef struct { V a, b, out; int64_t lda, ldb, ldo, k; double scale; int nvec, valid; } Plain;

static void plain_tile(Emit *e, const Plain *p, V row, int rows) {
    Micro m;
    int lanes = e->t->lanes;
    micro_init(e, &m, rows, p->nvec);
    for (int i = 0; i < rows; i++) {
        m.a[i] = at(e, p->a, mulc(e, addc(e, row, i), p->lda));
        for (int v = 0; v < p->nvec; v++) set(e, m.acc[i][v], cf(e, 0, lanes));
    }
    int left = p->valid - (p->nvec - 1) * lanes;
    if (left >= lanes || p->ldb == (int64_t)p->nvec * lanes) {
        micro_run(e, &m, ci(e, 1), p->b, ci(e, p->ldb), ci(e, p->k), p->k % 4 == 0 ? 4 : 1);
    } else { /* the last vector would read past its rows: a masked load instead */
        Loop l = loop_begin(e, ci(e, 0), ci(e, p->k), 1);
        for (int v = 0; v < p->nvec; v++) {
            V b = load_n(e, at(e, p->b, addc(e, mulc(e, l.i, p->ldb), (int64_t)v * lanes)), lanes, p->valid - v * lanes);
            for (int i = 0; i < rows; i++)
                set(e, m.acc[i][v], fp_fma(e, splat(e, load(e, at(e, m.a[i], l.i), 1), lanes), b, get(e, m.acc[i][v])));
        }
        loop_end(e, &l);
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < p->nvec; v++) {
            V o = at(e, p->out, addc(e, mulc(e, addc(e, row, i), p->ldo), (int64_t)v * lanes));
            V r = fp_mul(e, get(e, m.acc[i][v]), cf(e, p->scale, lanes));
            store_n(e, r, o, lanes, p->valid - v * lanes);
        }
}

static void plain(Emit *e, const Plain *p, V rows) {
    int mr = e->t->mr[p->nvec];
    V whole = mulc(e, udivc(e, rows, mr), mr);
    Loop l = loop_begin(e, ci(e, 0), whole, mr);
    plain_tile(e, p, l.i, mr);
    loop_end(e, &l);
    l = loop_begin(e, whole, rows, 1);
    plain_tile(e, p, l.i, 1);
    loop_end(e, &l);
}

/* keys j..j+width of k, transposed into scratch. */
static void transpose_keys(Emit *e, const AttnPart *a, V k, V to, int64_t width, int64_t ld) {
    Loop j = loop_begin(e, ci(e, 0), ci(e, width), 1);
    Loop d = loop_begin(e, ci(e, 0), ci(e, a->head_size), 1);
    store(e, load(e, at(e, k, add(e, mulc(e, j.i, a->ld2), d.i)), 1), at(e, to, add(e, mulc(e, d.i, ld), j.i)));
    loop_end(e, &d);
    loop_end(e, &j);
}

static void scores_panel(Emit *e, const AttnPart *a, V q, V k, V s, V first, V rows, V j, int64_t width) {
    int lanes = e->t->lanes, nvec = (int)ceil_div(width, lanes);
    int64_t ld = (int64_t)nvec * lanes;
    transpose_keys(e, a, at(e, k, mulc(e, j, a->ld2)), e->scratch, width, ld);
    V out = at(e, s, j);
    Plain p = {q, e->scratch, out, a->ld1, ld, a->m, a->head_size, a->scale, nvec, (int)width};
    plain(e, &p, rows);
    if (!a->causal) return;
    Loop r = loop_begin(e, ci(e, 0), rows, 1);
    Loop c = loop_begin(e, ci(e, 0), ci(e, width), 1);
    If f = if_begin(e, lt(e, add(e, first, r.i), add(e, j, c.i)));
    store(e, LLVMConstReal(e->f32, -INFINITY), at(e, out, add(e, mulc(e, r.i, a->m), c.i)));
    if_end(e, &f);
    loop_end(e, &c);
    loop_end(e, &r);
}

void emit_attn_part(Emit *e, const AttnPart *a, const char *name) {
    kernel_begin(e, name);
    int64_t blocks = ceil_div(a->n, a->rows), width = (int64_t)e->t->nr * e->t->lanes;
    V bh = udivc(e, e->task, blocks), h = mulc(e, uremc(e, bh, a->heads), a->head_size), b = udivc(e, bh, a->heads);
    V first = mulc(e, uremc(e, e->task, blocks), a->rows), rows = umin(e, sub(e, ci(e, a->n), first), ci(e, a->rows));
    if (a->av) {
        V of = a->s1 ? bh : uremc(e, bh, a->heads); /* probabilities of one batch element may serve all */
        V p = at(e, arg(e, 0), mulc(e, add(e, mulc(e, of, a->n), first), a->m));
        V v = at(e, arg(e, 1), add(e, mulc(e, b, a->s2), addc(e, h, a->off2)));
        V y = at(e, arg(e, 2), add(e, mulc(e, add(e, mulc(e, b, a->n), first), a->ldy), h));
        for (int64_t d = 0; d < a->head_size; d += width) {
            int64_t w = a->head_size - d < width ? a->head_size - d : width;
            Plain x = {p, atc(e, v, d), atc(e, y, d), a->m, a->ld2, a->ldy, a->m, 1, (int)ceil_div(w, e->t->lanes), (int)w};
            plain(e, &x, rows);
        }
    } else {
        V q = at(e, arg(e, 0), add(e, add(e, mulc(e, b, a->s1), mulc(e, first, a->ld1)), addc(e, h, a->off1)));
        V k = at(e, arg(e, 1), add(e, mulc(e, b, a->s2), addc(e, h, a->off2)));
        V s = at(e, arg(e, 2), mulc(e, add(e, mulc(e, bh, a->n), first), a->m));
        int64_t whole = a->m / width * width;
        if (whole) {
            Loop j = loop_begin(e, ci(e, 0), ci(e, whole), width);
            scores_panel(e, a, q, k, s, first, rows, j.i, width);
            loop_end(e, &j);
        }
        if (whole < a->m) scores_panel(e, a, q, k, s, first, rows, ci(e, whole), a->m - whole);
    }
    kernel_end(e);
}
