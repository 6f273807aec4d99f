#include "emit_attention_steps.h"
#include "emit_bf16.h"
#include "emit_math.h"

enum { STRIP = ATTENTION_STRIP, STEP = ATTENTION_STEP, SUMS = ATTENTION_SUMS };

Four four_at(Emit *e, V base, int64_t i_step, int64_t j_step)
{
    Four f;
    for (int i = 0; i < TILE_MOST; i++)
        for (int j = 0; j < TILE_MOST; j++)
            f.p[i][j] = tile_atc(e, base, i * i_step + j * j_step);
    return f;
}

TileProduct score_product(Emit *e, const TileAttention *t, V strip, V step)
{
    int64_t n = tiles_of_keys(t->a);
    V q = tile_at(e, t->queries, mulc(e, strip, TILE_MOST * n)),
      k = tile_at(e, t->task->keys, mulc(e, step, TILE_MOST * n));
    return (TileProduct){.m = TILE_MOST,
                         .n = TILE_MOST,
                         .a = {q, tile_atc(e, q, n)},
                         .b = {k, tile_atc(e, k, n)},
                         .lda = ci(e, TILE_ROW_BYTES),
                         .ldb = ci(e, TILE_ROW_BYTES),
                         .a_step = TILE_FLOATS * 4,
                         .b_step = TILE_FLOATS * 4,
                         .unroll = 1};
}

/* weights: of the chunk whose first step is `step`. */
TileProduct value_product(Emit *e, const TileAttention *t, V weights, V step, V pair, int n)
{
    int64_t columns = tiles_of_values(t->a);
    V v = tile_at(e, t->task->values, add(e, mulc(e, step, columns), mulc(e, pair, TILE_MOST)));
    return (TileProduct){.m = TILE_MOST,
                         .n = n,
                         .a = {weights, tile_atc(e, weights, 1)},
                         .b = {v, tile_atc(e, v, 1)},
                         .lda = ci(e, TILE_ROW_BYTES),
                         .ldb = ci(e, TILE_ROW_BYTES),
                         .a_step = TILE_MOST * TILE_FLOATS * 4,
                         .b_step = columns * TILE_FLOATS * 4,
                         .unroll = 1};
}

static void sums_product(Emit *e, const TileProduct *p, V count, const Four *from, const Four *to)
{
    V row = ci(e, TILE_ROW_BYTES);
    for (int i = 0; i < p->m; i++)
        for (int j = 0; j < p->n; j++)
            tile_load(e, tile_sum(i, j), from->p[i][j], row);
    tile_products(e, p, count);
    for (int i = 0; i < p->m; i++)
        for (int j = 0; j < p->n; j++)
            tile_store(e, tile_sum(i, j), to->p[i][j], row);
}

V strip_start(Emit *e, const TileAttention *t, V strip)
{
    return tile_at(e, t->start, mulc(e, strip, TILE_MOST));
}

/* Starting values of a step some of whose keys the strip's rows do not see. */
static void mask(Emit *e, const TileAttention *t, V strip, V step)
{
    const Attention *a = t->a;
    V key = mulc(e, step, STEP), limit = sub(e, ci(e, a->m), key), start = strip_start(e, t, strip);
    V after = sub(e, addc(e, add(e, t->task->first, mulc(e, strip, STRIP)), 1),
                  key); /* keys up to the first row's query */
    for (int i = 0; i < TILE_MOST; i++) {
        Loop r = loop_begin(e, ci(e, 0), ci(e, TILE_ROWS), 1);
        V row = mulc(e, r.i, TILE_COLUMNS),
          from = load(e, at(e, tile_atc(e, start, i), row), TILE_COLUMNS);
        V seen = a->causal ? smin(e, limit, add(e, addc(e, after, i * TILE_ROWS), r.i)) : limit;
        for (int j = 0; j < TILE_MOST; j++) {
            V s = choose(e, lanes_below(e, addc(e, seen, -j * TILE_COLUMNS), TILE_COLUMNS), from,
                         cf(e, HIDDEN, TILE_COLUMNS));
            store(e, s, at(e, tile_atc(e, t->masked, TILE_MOST * i + j), row));
        }
        loop_end(e, &r);
    }
}

/* S of a strip and a step, to one of the two places for it. */
void attention_scores(Emit *e, const TileAttention *t, V strip, V step, V to)
{
    const Attention *a = t->a;
    Four from = four_at(e, strip_start(e, t, strip), 1, 0),
         masked = four_at(e, t->masked, TILE_MOST, 1), four = four_at(e, to, TILE_MOST, 1);
    if (has_hidden(a)) {
        V seen = sub(e, ci(e, a->m), mulc(e, step, STEP)); /* keys that all rows see */
        if (a->causal)
            seen = smin(e, seen,
                        sub(e, addc(e, add(e, t->task->first, mulc(e, strip, STRIP)), 1),
                            mulc(e, step, STEP)));
        V some = lt(e, seen, ci(e, STEP));
        If f = if_begin(e, some);
        mask(e, t, strip, step);
        if_end(e, &f);
        for (int i = 0; i < TILE_MOST; i++)
            for (int j = 0; j < TILE_MOST; j++)
                from.p[i][j] = choose(e, some, masked.p[i][j], from.p[i][j]);
    }
    TileProduct p = score_product(e, t, strip, step);
    sums_product(e, &p, ci(e, tiles_of_keys(a)), &from, &four);
}

/* One row: S from two tiles, P, and its sum added to the row's. */
void softmax_row(Emit *e, V s0, V s1, V p, V sum)
{
    V p0 = m_exp2(e, load(e, s0, TILE_COLUMNS), TILE_COLUMNS, FOR_BF16),
      p1 = m_exp2(e, load(e, s1, TILE_COLUMNS), TILE_COLUMNS, FOR_BF16);
    store(e, fp_add(e, load(e, sum, TILE_COLUMNS), fp_add(e, p0, p1)), sum);
    store(e, words_bf16(e, p0, p1, TILE_COLUMNS), p);
}

V strip_sums(Emit *e, const TileAttention *t, V strip)
{
    return at(e, t->sums, mulc(e, strip, STRIP * TILE_COLUMNS));
}

/* weights: where the step's two tiles of P go. */
void attention_softmax(Emit *e, V scores, V weights, V sums)
{
    Loop r = loop_begin(e, ci(e, 0), ci(e, TILE_ROWS), 1);
    V row = mulc(e, r.i, TILE_COLUMNS);
    for (int i = 0; i < TILE_MOST; i++) {
        V s = at(e, tile_atc(e, scores, TILE_MOST * i), row),
          sum = at(e, tile_atc(e, sums, i), row);
        softmax_row(e, s, tile_atc(e, s, 1), at(e, tile_atc(e, weights, i), row), sum);
    }
    loop_end(e, &r);
}

V strip_results(Emit *e, const TileAttention *t, V strip)
{
    return tile_at(e, t->results, mulc(e, strip, value_pairs(t->a) * SUMS));
}

/* O += P . values for `count` steps from `step` on. */
void attention_values(Emit *e, const TileAttention *t, V strip, V weights, V step, V count)
{
    int64_t whole = tiles_of_values(t->a) / TILE_MOST;
    Loop l = loop_begin(e, ci(e, 0), ci(e, whole), 1);
    for (int part = 0; part < 2; part++) {
        if (part)
            loop_end(e, &l);
        if (part && tiles_of_values(t->a) % TILE_MOST == 0)
            break;
        V pair = part ? ci(e, whole) : l.i;
        TileProduct p = value_product(e, t, weights, step, pair, part ? 1 : TILE_MOST);
        Four o = four_at(e, tile_at(e, strip_results(e, t, strip), mulc(e, pair, SUMS)), TILE_MOST,
                         1);
        sums_product(e, &p, count, &o, &o);
    }
}
