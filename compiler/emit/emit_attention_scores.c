/* Queries as operands, and their products with keys: f32, bf16 or, in emit_attention_int8.c, whole
 * numbers. */
#include "emit_attention_int8.h"

void attention_product(Emit *e, const VectorAttention *x, Micro *m, V panel, V count,
                       int64_t multiple)
{
    int64_t width = (int64_t)m->nvec * x->a->lanes;
    int unroll = multiple % 4 == 0 ? 4 : multiple % 2 == 0 ? 2 : 1;
    if (x->a->bf16)
        micro_run_bf16(e, m, panel, ci(e, width), count, unroll);
    else
        micro_run(e, m, panel, ci(e, width), count, unroll);
}

/* One query, scaled. */
static void load_query(Emit *e, const Attention *a, V from, double scale, V to)
{
    int lanes = a->lanes;
    for (int64_t d = 0; d < channels_stored(a); d += lanes) {
        int64_t left = a->head_size - d;
        V v = load_n(e, atc(e, from, d), lanes, left < lanes ? (int)left : lanes);
        store_elements(e, a->bf16, fp_mul(e, v, cf(e, scale, lanes)),
                       element_at(e, a->bf16, to, ci(e, d)), lanes, lanes);
    }
}

void attention_queries(Emit *e, const VectorAttention *x, double unit)
{
    const Attention *a = x->a;
    double scale = a->scale * LOG2_E * unit;
    V valid = smin(e, sub(e, ci(e, a->n), x->first), ci(e, a->query_block));
    for (int exist = 1; exist >= 0; exist--) {
        if (!exist && a->n % a->query_block == 0)
            break;
        Loop q = loop_begin(e, exist ? ci(e, 0) : valid, exist ? valid : ci(e, a->query_block), 1);
        V to = attention_row(e, x->queries, q.i, query_stride(a));
        if (exist)
            (a->int8 ? load_query_int8 : load_query)(e, a, attention_row(e, x->q, q.i, a->ldq),
                                                     scale, to);
        else
            attention_fill(e, to, query_stride(a), 0);
        loop_end(e, &q);
    }
}

void attention_scores_product(Emit *e, const Scores *s, Micro *m, V row, V *start)
{
    const Attention *a = s->x->a;
    int64_t words = attention_score_words(a, a->head_size);
    for (int i = 0; i < m->rows; i++)
        m->a[i] = attention_row(e, s->x->queries, addc(e, row, i), query_stride(a));
    if (a->int8) {
        scores_int8(e, s, m, start);
        return;
    }
    for (int i = 0; i < m->rows && start; i++)
        for (int v = 0; v < m->nvec; v++)
            set(e, m->acc[i][v], splat(e, start[i], a->lanes));
    attention_product(e, s->x, m, s->panel, ci(e, words), words);
}
