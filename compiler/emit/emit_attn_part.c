/* The two products of attention in its unfused form: scores that are stored, and their product with
 * the values. */
#include "emitters.h"
#include "emit_micro.h"
#include <math.h>

/* rows of the result starting at row0 (count of them): out[r][0..width) = a[r][.] . b[.][0..width),
 * width <= nvec*lanes valid columns. */
typedef struct {
    V a, b, out;
    int64_t lda, ldb, ldo, k;
    double scale;
    int nvec, valid;
} Plain;

static void plain_tile(Emit *e, const Plain *p, V row, int rows)
{
    Micro m;
    int lanes = e->t->lanes;
    micro_init(e, &m, rows, p->nvec);
    for (int i = 0; i < rows; i++) {
        m.a[i] = at(e, p->a, mulc(e, addc(e, row, i), p->lda));
        for (int v = 0; v < p->nvec; v++)
            set(e, m.acc[i][v], cf(e, 0, lanes));
    }
    int left = p->valid - (p->nvec - 1) * lanes;
    if (left >= lanes || p->ldb == (int64_t)p->nvec * lanes) {
        micro_run(e, &m, p->b, ci(e, p->ldb), ci(e, p->k), p->k % 4 == 0 ? 4 : 1);
    } else { /* the last vector would read past its rows: a masked load instead */
        Loop l = loop_begin(e, ci(e, 0), ci(e, p->k), 1);
        for (int v = 0; v < p->nvec; v++) {
            V b = load_n(e, at(e, p->b, addc(e, mulc(e, l.i, p->ldb), (int64_t)v * lanes)), lanes,
                         p->valid - v * lanes);
            for (int i = 0; i < rows; i++)
                set(e, m.acc[i][v],
                    fp_fma(e, splat(e, load(e, at(e, m.a[i], l.i), 1), lanes), b,
                           get(e, m.acc[i][v])));
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

static void plain(Emit *e, const Plain *p, V rows)
{
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
static void transpose_keys(Emit *e, const AttnPart *a, V k, V to, int64_t width, int64_t ld)
{
    Loop j = loop_begin(e, ci(e, 0), ci(e, width), 1);
    Loop d = loop_begin(e, ci(e, 0), ci(e, a->head_size), 1);
    store(e, load(e, at(e, k, add(e, mulc(e, j.i, a->ld2), d.i)), 1),
          at(e, to, add(e, mulc(e, d.i, ld), j.i)));
    loop_end(e, &d);
    loop_end(e, &j);
}

/* A task's share of the scores: `rows` queries from `first` on, all keys. scores: of the first
 * query. */
typedef struct {
    const AttnPart *a;
    V q, k, scores, first, rows;
} ScoreRows;

/* Scores with the keys j..j+width. */
static void scores_panel(Emit *e, const ScoreRows *s, V j, int64_t width)
{
    const AttnPart *a = s->a;
    int lanes = e->t->lanes, nvec = (int)ceil_div(width, lanes);
    int64_t ld = (int64_t)nvec * lanes;
    transpose_keys(e, a, at(e, s->k, mulc(e, j, a->ld2)), e->scratch, width, ld);
    V out = at(e, s->scores, j);
    Plain p = {s->q, e->scratch, out, a->ld1, ld, a->m, a->head_size, a->scale, nvec, (int)width};
    plain(e, &p, s->rows);
    if (!a->causal)
        return;
    Loop r = loop_begin(e, ci(e, 0), s->rows, 1);
    Loop c = loop_begin(e, ci(e, 0), ci(e, width), 1);
    If f = if_begin(e, lt(e, add(e, s->first, r.i), add(e, j, c.i)));
    store(e, LLVMConstReal(e->f32, -INFINITY), at(e, out, add(e, mulc(e, r.i, a->m), c.i)));
    if_end(e, &f);
    loop_end(e, &c);
    loop_end(e, &r);
}

/* All keys, in panels of `width`. */
static void scores(Emit *e, const ScoreRows *s, int64_t width)
{
    int64_t whole = s->a->m / width * width;
    if (whole) {
        Loop j = loop_begin(e, ci(e, 0), ci(e, whole), width);
        scores_panel(e, s, j.i, width);
        loop_end(e, &j);
    }
    if (whole < s->a->m)
        scores_panel(e, s, ci(e, whole), s->a->m - whole);
}

/* y = p . v for a task's rows, channels in panels of `width`. */
static void average_values(Emit *e, const AttnPart *a, V p, V v, V y, V rows)
{
    int64_t width = (int64_t)e->t->nr * e->t->lanes;
    for (int64_t d = 0; d < a->head_size; d += width) {
        int64_t w = min64(a->head_size - d, width);
        Plain x = {.a = p,
                   .b = atc(e, v, d),
                   .out = atc(e, y, d),
                   .lda = a->m,
                   .ldb = a->ld2,
                   .ldo = a->ldy,
                   .k = a->m,
                   .scale = 1,
                   .nvec = (int)ceil_div(w, e->t->lanes),
                   .valid = (int)w};
        plain(e, &x, rows);
    }
}

void emit_attn_part(Emit *e, const AttnPart *a, const char *name)
{
    kernel_begin(e, name);
    int64_t blocks = ceil_div(a->n, a->rows);
    V bh = udivc(e, e->task, blocks), h = mulc(e, uremc(e, bh, a->heads), a->head_size),
      b = udivc(e, bh, a->heads);
    V first = mulc(e, uremc(e, e->task, blocks), a->rows),
      rows = smin(e, sub(e, ci(e, a->n), first), ci(e, a->rows));
    if (a->av) { /* probabilities of one batch element may serve all */
        V of = a->s1 ? bh : uremc(e, bh, a->heads);
        V p = at(e, arg(e, 0), mulc(e, add(e, mulc(e, of, a->n), first), a->m));
        V v = at(e, arg(e, 1), add(e, mulc(e, b, a->s2), addc(e, h, a->off2)));
        V y = at(e, arg(e, 2), add(e, mulc(e, add(e, mulc(e, b, a->n), first), a->ldy), h));
        average_values(e, a, p, v, y, rows);
    } else {
        ScoreRows s = {.a = a, .first = first, .rows = rows};
        s.q = at(e, arg(e, 0),
                 add(e, add(e, mulc(e, b, a->s1), mulc(e, first, a->ld1)), addc(e, h, a->off1)));
        s.k = at(e, arg(e, 1), add(e, mulc(e, b, a->s2), addc(e, h, a->off2)));
        s.scores = at(e, arg(e, 2), mulc(e, add(e, mulc(e, bh, a->n), first), a->m));
        scores(e, &s, (int64_t)e->t->nr * e->t->lanes);
    }
    kernel_end(e);
}
