/* Attention with an online softmax on vectors. Keys, then channels, lie across the lanes; queries
 * are rows of the micro-kernel:
 *
 *   Q[query][.] = q * scale * log2(e)                      into scratch, as operands
 *   for each block of keys:
 *     S[query][key] = Q[query][.] . keys                   micro-kernel
 *     m' = max(m, max over keys S)
 *     P = 2^(S - m'), as operands in place of S
 *     l = l * 2^(m - m') + sum over keys P
 *     O[query][d] = O * 2^(m - m') + P[query][.] . values  micro-kernel
 *     m = m'
 *   y[query][d] = O[query][d] / l
 *
 * Where one block holds all keys, nothing is rescaled, and y is stored straight from the registers.
 * Where there are several, emit_attention_weights.c does without m' first.
 */
#include "emit_attention_vectors.h"
#include <stddef.h>
#include "emit_attention_weights.h"
#include "emit_math.h"

void attention_fill(Emit *e, V p, int64_t n, double value)
{
    Loop l = loop_begin(e, ci(e, 0), ci(e, n), e->t->lanes);
    store(e, cf(e, value, e->t->lanes), at(e, p, l.i));
    loop_end(e, &l);
}

static void scores_tile(Emit *e, const void *scores, V row, int rows)
{
    const Scores *s = scores;
    const Attention *a = s->x->a;
    Micro m;
    micro_init(e, &m, rows, s->nvec);
    attention_scores_product(e, s, &m, row, NULL);
    for (int i = 0; i < rows; i++) {
        V to = at(e, attention_row(e, s->x->scores, addc(e, row, i), score_stride(a)), s->column);
        for (int v = 0; v < s->nvec; v++)
            store(e, get(e, m.acc[i][v]), atc(e, to, (int64_t)v * a->lanes));
    }
}

/* S, or P, of `count` panels from panel `first` on. */
static void scores_block(Emit *e, const VectorAttention *x, V first, V count, RowTile *tile)
{
    const Attention *a = x->a;
    int64_t panel_words = panel_keys(a) * key_words(a);
    int narrow = (int)((keys_stored(a) - (key_panels(a) - 1) * panel_keys(a)) / a->lanes);
    Loop p = loop_begin(e, ci(e, 0), count, 1);
    V panel = add(e, first, p.i);
    Scores s = {x, at(e, x->keys, mulc(e, panel, panel_words)), mulc(e, p.i, panel_keys(a)),
                narrow};
    If f = {0};
    if (narrow < a->panel_vectors) {
        f = if_begin(e, eq(e, panel, ci(e, key_panels(a) - 1)));
        row_tiles(e, a->query_block, e->t->mr[narrow], tile, &s);
        if_else(e, &f);
        s.nvec = a->panel_vectors;
    }
    row_tiles(e, a->query_block, e->t->mr[s.nvec], tile, &s);
    if (narrow < a->panel_vectors)
        if_end(e, &f);
    loop_end(e, &p);
}

/* Scores of key j of the block where j >= limit become HIDDEN. */
static void mask_vector(Emit *e, const VectorAttention *x, V row, V j, V limit)
{
    int lanes = x->a->lanes;
    V p = at(e, row, j);
    store(
        e,
        choose(e, lanes_below(e, sub(e, limit, j), lanes), load(e, p, lanes), cf(e, HIDDEN, lanes)),
        p);
}

/* Hides keys that do not exist and, in causal attention, those after their query. key0: the block's
 * first key; keys: how many it stores. */
static void mask(Emit *e, const VectorAttention *x, V key0, V keys)
{
    const Attention *a = x->a;
    if (!a->causal && a->m % a->lanes == 0)
        return;
    V limit = sub(e, ci(e, a->m), key0);
    If f = {0};
    if (!a->causal)
        f = if_begin(e, lt(e, limit, keys));
    Loop i = loop_begin(e, ci(e, 0), ci(e, a->query_block), 1);
    V row = attention_row(e, x->scores, i.i, score_stride(a));
    if (a->causal) {
        V after = smin(e, limit, addc(e, sub(e, add(e, x->first, i.i), key0), 1));
        Loop j = loop_begin(e, ci(e, 0), keys, a->lanes);
        mask_vector(e, x, row, j.i, after);
        loop_end(e, &j);
    } else {
        mask_vector(e, x, row, addc(e, keys, -a->lanes), limit);
    }
    loop_end(e, &i);
    if (!a->causal)
        if_end(e, &f);
}

/* The vector of a row's scores at `at`, and the running value that it joins; top: the row's
 * maximum, in the second fold. */
typedef void VectorBody(Emit *e, const VectorAttention *x, V row, V at, V top, V *running);

/* A fold over the vectors of a row of scores. */
typedef struct {
    double initial;
    VectorBody *body;
    V (*join)(Emit *e, V a, V b);
} Fold;
/* A row of `keys` scores. multiple: the keys where they are a constant, else a divisor of them. */
typedef struct {
    V at, keys, top;
    int64_t multiple;
} Row;

/* `parts` vectors at a time, each with a running value of its own, which hides latencies. Returns
 * their union. */
static V over_row(Emit *e, const VectorAttention *x, const Row *row, const Fold *fold)
{
    enum { MOST = 4 };
    int lanes = x->a->lanes, parts = 1;
    V running[MOST];
    for (int p = MOST; p > 1 && parts == 1; p--)
        if (row->multiple % ((int64_t)p * lanes) == 0)
            parts = p;
    for (int p = 0; p < parts; p++)
        running[p] = var(e, vec_type(e, lanes), NULL);
    for (int p = 0; p < parts; p++)
        set(e, running[p], cf(e, fold->initial, lanes));
    Loop j = loop_begin(e, ci(e, 0), row->keys, (int64_t)parts * lanes);
    for (int p = 0; p < parts; p++)
        fold->body(e, x, row->at, addc(e, j.i, (int64_t)p * lanes), row->top, &running[p]);
    loop_end(e, &j);
    V all = get(e, running[0]);
    for (int p = 1; p < parts; p++)
        all = fold->join(e, all, get(e, running[p]));
    return all;
}

static void row_max(Emit *e, const VectorAttention *x, V row, V at_, V top, V *running)
{
    (void)top;
    set(e, *running, fp_max(e, load(e, at(e, row, at_), x->a->lanes), get(e, *running)));
}

/* P replaces S in memory: operands take no more room than scores, and each vector is read before
 * its place is written. */
static void row_exp(Emit *e, const VectorAttention *x, V row, V at_, V top, V *running)
{
    int lanes = x->a->lanes;
    V p = fp_sub(e, load(e, at(e, row, at_), lanes), splat(e, top, lanes));
    p = m_exp2(e, p, lanes, x->a->bf16 ? FOR_BF16 : FOR_F32);
    set(e, *running, fp_add(e, get(e, *running), p));
    if (x->a->bf16)
        store_bf16(e, p, at_bf16(e, row, at_), lanes);
    else
        store(e, p, at(e, row, at_));
}

/* m' of `keys` scores and, if online, of those before. multiple: as in Row. */
static void row_maxima(Emit *e, const VectorAttention *x, V keys, int64_t multiple, bool online)
{
    const Attention *a = x->a;
    int lanes = a->lanes;
    Loop i = loop_begin(e, ci(e, 0), ci(e, a->query_block), 1);
    Row row = {attention_row(e, x->scores, i.i, score_stride(a)), keys, NULL, multiple};
    V top = reduce_max(e, over_row(e, x, &row, &(Fold){HIDDEN, row_max, fp_max}), lanes);
    if (online)
        top = fp_max(e, top, load(e, at(e, x->old, i.i), 1));
    store(e, top, at(e, x->max, i.i));
    loop_end(e, &i);
}

/* Maxima; the factor of older results; P and its sums. online: there are several blocks of keys.
 * multiple: as in Row. */
static void softmax_block(Emit *e, const VectorAttention *x, V keys, int64_t multiple, bool online)
{
    const Attention *a = x->a;
    int lanes = a->lanes;
    row_maxima(e, x, keys, multiple, online);
    if (online) {
        Loop i = loop_begin(e, ci(e, 0), ci(e, query_rows(a)), lanes);
        V m = load(e, at(e, x->max, i.i), lanes), old = at(e, x->old, i.i),
          sum = at(e, x->sum, i.i);
        V f = m_exp2(e, fp_sub(e, load(e, old, lanes), m), lanes, FOR_F32);
        store(e, f, at(e, x->factor, i.i));
        store(e, fp_mul(e, load(e, sum, lanes), f), sum);
        store(e, m, old);
        loop_end(e, &i);
    }
    Loop i = loop_begin(e, ci(e, 0), ci(e, a->query_block), 1);
    V max = load(e, at(e, x->max, i.i), 1), total = at(e, x->sum, i.i);
    Row row = {attention_row(e, x->scores, i.i, score_stride(a)), keys, max, multiple};
    V sum = reduce_add(e, over_row(e, x, &row, &(Fold){0, row_exp, fp_add}), lanes);
    store(e, online ? fp_add(e, load(e, total, 1), sum) : sum, total);
    loop_end(e, &i);
}

static void store_row(Emit *e, const VectorAttention *x, V row, V channel, V v, int valid)
{
    V to = element_at(e, x->a->y_bf16, x->y, add(e, mulc(e, row, x->a->ldy), channel));
    If f = {0};
    bool partial = x->a->n % x->a->query_block != 0;
    if (partial)
        f = if_begin(e, lt(e, add(e, x->first, row), ci(e, x->a->n)));
    store_elements(e, x->a->y_bf16, v, to, x->a->lanes, valid);
    if (partial)
        if_end(e, &f);
}

/* A panel of values: nvec vectors of channels from `channel` on, `left` of which exist. count:
 * words of keys; multiple: as in Row, in words. */
typedef struct {
    const VectorAttention *x;
    V panel, channel, count;
    int64_t multiple, left;
    int nvec;
    bool online;
} Values;

static void values_tile(Emit *e, const void *values, V row, int rows)
{
    const Values *p = values;
    const VectorAttention *x = p->x;
    const Attention *a = x->a;
    int lanes = a->lanes;
    Micro m;
    micro_init(e, &m, rows, p->nvec);
    for (int i = 0; i < rows; i++) {
        V r = addc(e, row, i),
          o = at(e, attention_row(e, x->results, r, result_stride(a)), p->channel);
        m.a[i] = attention_row(e, x->scores, r, score_stride(a));
        V f = p->online && x->factor ? splat(e, load(e, at(e, x->factor, r), 1), lanes) : NULL;
        for (int v = 0; v < p->nvec; v++) {
            V before = p->online ? load(e, atc(e, o, (int64_t)v * lanes), lanes) : cf(e, 0, lanes);
            set(e, m.acc[i][v], f ? fp_mul(e, before, f) : before);
        }
    }
    attention_product(e, x, &m, p->panel, p->count, p->multiple);
    for (int i = 0; i < rows; i++) {
        V r = addc(e, row, i);
        V inverse = p->online ? NULL : fp_div(e, cf(e, 1, 1), load(e, at(e, x->sum, r), 1));
        for (int v = 0; v < p->nvec; v++) {
            V channel = addc(e, p->channel, (int64_t)v * lanes), o = get(e, m.acc[i][v]);
            int64_t left = p->left - (int64_t)v * lanes;
            if (p->online)
                store(e, o, at(e, attention_row(e, x->results, r, result_stride(a)), channel));
            else
                store_row(e, x, r, channel, fp_mul(e, o, splat(e, inverse, lanes)),
                          left < lanes ? (int)left : lanes);
        }
    }
}

/* O += P . values, for `count` words of keys from `word` on. Where all keys are one block: y = O /
 * l. multiple: as in Row, in words. */
static void values_block(Emit *e, const VectorAttention *x, V word, V count, int64_t multiple,
                         bool online)
{
    const Attention *a = x->a;
    int64_t width = value_width(a), stored = channels_stored(a), whole = stored / width * width,
            all = attention_words(a, keys_stored(a));
    Values p = {.x = x,
                .count = count,
                .multiple = multiple,
                .online = online,
                .nvec = a->nr,
                .left = whole < a->head_size ? whole : a->head_size};
    for (int64_t d = 0; d < stored; d += width) { /* few: head_size / 64 */
        p.nvec = (int)((stored - d < width ? stored - d : width) / a->lanes);
        p.left = a->head_size - d;
        p.channel = ci(e, d);
        p.panel = at(e, x->values,
                     add(e, ci(e, d * all), mulc(e, word, (int64_t)p.nvec * a->lanes)));
        row_tiles(e, a->query_block, e->t->mr[p.nvec], values_tile, &p);
    }
}

static void store_results(Emit *e, const VectorAttention *x)
{
    const Attention *a = x->a;
    int lanes = a->lanes;
    Loop q = loop_begin(e, ci(e, 0), smin(e, sub(e, ci(e, a->n), x->first), ci(e, a->query_block)),
                        1);
    V inverse = splat(e, fp_div(e, cf(e, 1, 1), load(e, at(e, x->sum, q.i), 1)), lanes);
    V from = attention_row(e, x->results, q.i, result_stride(a)),
      to = element_at(e, a->y_bf16, x->y, mulc(e, q.i, a->ldy));
    int64_t whole = a->head_size / lanes * lanes;
    Loop d = loop_begin(e, ci(e, 0), ci(e, whole), lanes);
    store_elements(e, a->y_bf16, fp_mul(e, load(e, at(e, from, d.i), lanes), inverse),
                   element_at(e, a->y_bf16, to, d.i), lanes, lanes);
    loop_end(e, &d);
    if (whole < a->head_size)
        store_n(e, fp_mul(e, load(e, atc(e, from, whole), lanes), inverse), atc(e, to, whole),
                lanes, (int)(a->head_size - whole));
    loop_end(e, &q);
}

static void carve(Emit *e, VectorAttention *x)
{
    const Attention *a = x->a;
    x->queries = e->scratch;
    x->scores = atc(e, x->queries, a->query_block * query_stride(a));
    x->results = atc(e, x->scores, a->query_block * score_stride(a));
    x->old = key_blocks(a) > 1 ? atc(e, x->results, a->query_block * result_stride(a)) : x->results;
    x->max = atc(e, x->old, query_rows(a));
    x->sum = atc(e, x->max, query_rows(a));
    x->factor = atc(e, x->sum, query_rows(a));
    x->sums = atc(e, x->factor, query_rows(a));
}

/* O and l of several blocks of keys. The last one may have fewer panels, and causal attention stops
 * at the block's last query. */
static void key_block_results(Emit *e, const VectorAttention *x)
{
    const Attention *a = x->a;
    int64_t step = a->block_panels, per = panel_keys(a);
    bool even_blocks = key_panels(a) % step == 0 && keys_stored(a) % per == 0;
    attention_fill(e, x->results, a->query_block * result_stride(a), 0);
    V end = ci(e, key_panels(a));
    if (a->causal)
        end = smin(e, end, udivc(e, addc(e, x->first, a->query_block + per - 1), per));
    Loop j = loop_begin(e, ci(e, 0), end, step);
    V count = smin(e, sub(e, end, j.i), ci(e, step)), key0 = mulc(e, j.i, per);
    V keys = smin(e, mulc(e, count, per), sub(e, ci(e, keys_stored(a)), key0));
    int64_t multiple = even_blocks && !a->causal ? step * per : a->lanes;
    if (multiple != a->lanes) {
        count = ci(e, step);
        keys = ci(e, multiple);
    }
    scores_block(e, x, j.i, count, x->factor ? scores_tile : attention_weights_tile);
    if (x->factor) {
        mask(e, x, key0, keys);
        softmax_block(e, x, keys, multiple, true);
    }
    V word = a->bf16 ? udivc(e, key0, 2) : key0, n = a->bf16 ? udivc(e, keys, 2) : keys;
    values_block(e, x, word, n, attention_words(a, multiple), true);
    loop_end(e, &j);
}

/* With running maxima. */
static void rescaled(Emit *e, const VectorAttention *x)
{
    attention_queries(e, x, 1);
    attention_fill(e, x->old, query_rows(x->a), HIDDEN);
    attention_fill(e, x->sum, query_rows(x->a), 0);
    key_block_results(e, x);
}

static void online(Emit *e, const VectorAttention *x)
{
    const Attention *a = x->a;
    If again = {0};
    bool keeps = attention_keeps_scale(a);
    if (keeps) {
        VectorAttention once = *x;
        once.factor = NULL;
        attention_queries(e, x, attention_unit(x->a, e->t));
        scores_block(e, x, ci(e, 0), ci(e, 1), scores_tile);
        row_maxima(e, x, ci(e, panel_keys(a)), panel_keys(a), false);
        attention_start(e, x);
        attention_fill(e, x->sums, a->query_block * a->lanes, 0);
        key_block_results(e, &once);
        again = if_begin(e, attention_totals(e, x));
    }
    rescaled(e, x);
    if (keeps)
        if_end(e, &again);
    store_results(e, x);
}

void emit_attention_vectors(Emit *e, const AttentionTask *task)
{
    const Attention *a = task->a;
    VectorAttention x = {.a = a,
                         .q = task->q,
                         .y = task->y,
                         .first = task->first,
                         .keys = task->keys,
                         .values = task->values};
    carve(e, &x);
    if (key_blocks(a) > 1) {
        online(e, &x);
        return;
    }
    attention_queries(e, &x, 1);
    V keys = ci(e, keys_stored(a));
    scores_block(e, &x, ci(e, 0), ci(e, key_panels(a)), scores_tile);
    mask(e, &x, ci(e, 0), keys);
    softmax_block(e, &x, keys, keys_stored(a), false);
    values_block(e, &x, ci(e, 0), ci(e, attention_words(a, keys_stored(a))),
                 attention_words(a, keys_stored(a)), false);
}
