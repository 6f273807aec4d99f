/* Attention on vectors without a running maximum:
 *
 *   r[query] = maximum over the first panel of keys S
 *   for each block of keys
 *     P = 2^(S - r), as operands; sums of l                micro-kernel; S stays in registers
 *     O += P . values                                      micro-kernel
 *   y = O / l
 *
 * P and O are floating-point numbers with the same factor 2^-r as l, so any r near the maximum
 * gives the same result. Scores begin with -r instead of zero, and neither they nor their maxima
 * pass through memory. A sum of `too_large` or more means that r was too small: then the task is
 * done again with running maxima. On the tile unit it is the same (emit_attention_tiles.c). */
#include "emit_attention_weights.h"
#include "emit_math.h"
#include <stddef.h>

static const double too_large = 18446744073709551616.0; /* 2^64 */

bool attention_keeps_scale(const Attention *a)
{
    return key_blocks(a) > 1 && !a->causal && a->m % a->lanes == 0;
}

void attention_start(Emit *e, const VectorAttention *x)
{
    int lanes = x->a->lanes;
    Loop i = loop_begin(e, ci(e, 0), ci(e, query_rows(x->a)), lanes);
    V max = at(e, x->max, i.i);
    store(e, fp_sub(e, cf(e, 0, lanes), load(e, max, lanes)), max);
    loop_end(e, &i);
}

/* P of one row of a register tile. */
static void weights_row(Emit *e, const Scores *s, const Micro *m, int i, V row)
{
    const VectorAttention *x = s->x;
    int lanes = x->a->lanes;
    V p = attention_row(e, x->scores, row, score_stride(x->a)),
      sums = attention_row(e, x->sums, row, lanes), total = load(e, sums, lanes);
    for (int v = 0; v < s->nvec; v++) {
        V key = addc(e, s->column, (int64_t)v * lanes),
          w = m_exp2(e, get(e, m->acc[i][v]), lanes, x->a->bf16 ? FOR_BF16 : FOR_F32);
        total = fp_add(e, total, w);
        store_elements(e, x->a->bf16, w, element_at(e, x->a->bf16, p, key), lanes, lanes);
    }
    store(e, total, sums);
}

void attention_weights_tile(Emit *e, const void *scores, V row, int rows)
{
    const Scores *s = scores;
    Micro m;
    micro_init(e, &m, rows, s->nvec);
    for (int i = 0; i < rows; i++) {
        V start = splat(e, load(e, at(e, s->x->max, addc(e, row, i)), 1), s->x->a->lanes);
        for (int v = 0; v < s->nvec; v++)
            set(e, m.acc[i][v], start);
    }
    attention_scores_product(e, s, &m, row);
    for (int i = 0; i < rows; i++)
        weights_row(e, s, &m, i, addc(e, row, i));
}

V attention_totals(Emit *e, const VectorAttention *x)
{
    int lanes = x->a->lanes;
    V bad = var(e, e->i1, NULL);
    set(e, bad, LLVMConstInt(e->i1, 0, 0));
    Loop q = loop_begin(e, ci(e, 0), ci(e, x->a->query_block), 1);
    V total = reduce_add(e, load(e, attention_row(e, x->sums, q.i, lanes), lanes), lanes);
    store(e, total, at(e, x->sum, q.i));
    V above = LLVMBuildFCmp(e->b, LLVMRealUGE, total, cf(e, too_large, 1), "");
    set(e, bad, LLVMBuildOr(e->b, get(e, bad), above, ""));
    loop_end(e, &q);
    return get(e, bad);
}
