/* Attention on the tile unit. A task is one block of queries of one head, in strips of 32; keys
 * come in steps of 32, a chunk of steps at a time. All tiles in scratch and in the packed keys and
 * values lie one after the other, without gaps:
 *
 *   keys     [step][2 of 16 keys][32 channels]       a tile: pairs of channels x keys
 *   values   [step][16 channels]                     a tile: pairs of keys x channels
 *
 *   for each chunk, for each strip
 *     for each step
 *       S = Q . keys - r                             four sums, which begin with -r instead of zero
 *       P = 2^S, rounded to bf16; sums of rows
 *     O += P . values                                for each 32 channels: four sums, the steps of
 * the chunk y = O / sums
 *
 * r is a number per query, and any number does that is near enough to the row's maximum: P and O
 * are floating-point numbers, and both are divided in the end. So r is the maximum over the first
 * keys alone, and nothing is ever rescaled. Should a sum turn out as large as `too_large`, r was
 * too small: the whole task is done once more, with the maximum over all keys.
 *
 * Keys that do not exist or that a query must not see are hidden by sums that begin with -1e30.
 *
 * Products and exponentials take about the same time, on different units: in the woven form the
 * products of the next step and of the chunk before stand between the rows of a step's softmax. */
#include "emit_amx.h"
#include "emit_attention.h"
#include "emit_bf16.h"

enum { STRIP = ATTENTION_STRIP, STEP = ATTENTION_STEP, SUMS = ATTENTION_SUMS, FIRST_STEPS = 2 };
static const double hidden = -1e30, too_large = 18446744073709551616.0 /* 2^64 */;

typedef struct {
    const AttentionTask *task;
    const Attention *a;
    V queries; /* [strip][2][tile of channels] */
    V start;   /* [strip][2] of -r */
    V masked;  /* [2][2] of -r, or hidden */
    V scores;  /* two times [2][2] */
    V weights; /* P: two times [step of the chunk][2] */
    V results; /* O: [strip][pair of columns][2][2] */
    V sums;    /* [query], a vector each */
    V totals;  /* [query] */
} T;

static void carve(Emit *e, T *t)
{
    const AttentionTiles at = attention_tiles(t->a);
    t->queries = atc(e, e->scratch, at.queries);
    t->start = atc(e, e->scratch, at.start);
    t->masked = atc(e, e->scratch, at.masked);
    t->scores = atc(e, e->scratch, at.scores);
    t->weights = atc(e, e->scratch, at.weights);
    t->results = atc(e, e->scratch, at.results);
    t->sums = atc(e, e->scratch, at.sums);
    t->totals = atc(e, e->scratch, at.totals);
}

static V tile_at(Emit *e, V base, V index) { return at(e, base, mulc(e, index, TILE_FLOATS)); }
static V tile_atc(Emit *e, V base, int64_t index) { return atc(e, base, index * TILE_FLOATS); }

/* Q, scaled; queries beyond n are zero. */
static void load_queries(Emit *e, const T *t)
{
    const Attention *a = t->a;
    V scale = cf(e, a->scale * 1.4426950408889634, TILE_COLUMNS),
      valid = umin(e, sub(e, ci(e, a->n), t->task->first), ci(e, a->query_block));
    for (int exist = 1; exist >= 0; exist--) {
        if (!exist && a->n % a->query_block == 0)
            break;
        Loop q = loop_begin(e, exist ? ci(e, 0) : valid, exist ? valid : ci(e, a->query_block), 1);
        V to = tile_at(e, t->queries, mulc(e, udivc(e, q.i, TILE_ROWS), tiles_of_keys(a)));
        to = at(e, to, mulc(e, uremc(e, q.i, TILE_ROWS), TILE_COLUMNS));
        V from = at(e, t->task->q, mulc(e, q.i, a->ldq));
        for (int64_t d = 0; d < tiles_of_keys(a) * TILE_CHANNELS; d += TILE_CHANNELS) {
            V half[2] = {cf(e, 0, TILE_COLUMNS), cf(e, 0, TILE_COLUMNS)};
            for (int h = 0; h < 2 && exist; h++) {
                int64_t left = a->head_size - d - h * TILE_COLUMNS;
                if (left > 0)
                    half[h] = fp_mul(e,
                                     load_n(e, atc(e, from, d + h * TILE_COLUMNS), TILE_COLUMNS,
                                            left < TILE_COLUMNS ? (int)left : TILE_COLUMNS),
                                     scale);
            }
            store(e, words_bf16(e, half[0], half[1], TILE_COLUMNS),
                  tile_atc(e, to, d / TILE_CHANNELS));
        }
        loop_end(e, &q);
    }
}

static void fill(Emit *e, V p, int64_t floats, double value)
{
    Loop l = loop_begin(e, ci(e, 0), ci(e, floats), TILE_COLUMNS);
    store(e, cf(e, value, TILE_COLUMNS), at(e, p, l.i));
    loop_end(e, &l);
}

/* ---- products ---- */

typedef struct {
    V p[TILE_MOST][TILE_MOST];
} Four; /* where the tiles of four sums lie */

static Four four_at(Emit *e, V base, int64_t i_step, int64_t j_step)
{
    Four f;
    for (int i = 0; i < TILE_MOST; i++)
        for (int j = 0; j < TILE_MOST; j++)
            f.p[i][j] = tile_atc(e, base, i * i_step + j * j_step);
    return f;
}

static TileProduct score_product(Emit *e, const T *t, V strip, V step)
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
static TileProduct value_product(Emit *e, const T *t, V weights, V step, V pair, int n)
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

static V strip_start(Emit *e, const T *t, V strip)
{
    return tile_at(e, t->start, mulc(e, strip, TILE_MOST));
}

/* Starting values of a step some of whose keys the strip's rows do not see. */
static void mask(Emit *e, const T *t, V strip, V step)
{
    const Attention *a = t->a;
    V key = mulc(e, step, STEP), limit = sub(e, ci(e, a->m), key), start = strip_start(e, t, strip);
    V after = sub(e, addc(e, add(e, t->task->first, mulc(e, strip, STRIP)), 1),
                  key); /* keys up to the first row's query */
    for (int i = 0; i < TILE_MOST; i++) {
        Loop r = loop_begin(e, ci(e, 0), ci(e, TILE_ROWS), 1);
        V row = mulc(e, r.i, TILE_COLUMNS),
          from = load(e, at(e, tile_atc(e, start, i), row), TILE_COLUMNS);
        V seen = a->causal ? umin(e, limit, add(e, addc(e, after, i * TILE_ROWS), r.i)) : limit;
        for (int j = 0; j < TILE_MOST; j++) {
            V s = choose(e, lanes_below(e, addc(e, seen, -j * TILE_COLUMNS), TILE_COLUMNS), from,
                         cf(e, hidden, TILE_COLUMNS));
            store(e, s, at(e, tile_atc(e, t->masked, TILE_MOST * i + j), row));
        }
        loop_end(e, &r);
    }
}

/* S of a strip and a step, to one of the two places for it. */
static void scores(Emit *e, const T *t, V strip, V step, V to)
{
    const Attention *a = t->a;
    Four from = four_at(e, strip_start(e, t, strip), 1, 0),
         masked = four_at(e, t->masked, TILE_MOST, 1), four = four_at(e, to, TILE_MOST, 1);
    if (has_hidden(a)) {
        V seen = sub(e, ci(e, a->m), mulc(e, step, STEP)); /* keys that all rows see */
        if (a->causal)
            seen = umin(e, seen,
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

/* ---- softmax ---- */

/* One row: S from two tiles, P, and its sum added to the row's. */
static void softmax_row(Emit *e, V s0, V s1, V p, V sum)
{
    V p0 = m_exp2(e, load(e, s0, TILE_COLUMNS), TILE_COLUMNS, FOR_BF16),
      p1 = m_exp2(e, load(e, s1, TILE_COLUMNS), TILE_COLUMNS, FOR_BF16);
    store(e, fp_add(e, load(e, sum, TILE_COLUMNS), fp_add(e, p0, p1)), sum);
    store(e, words_bf16(e, p0, p1, TILE_COLUMNS), p);
}

static V strip_sums(Emit *e, const T *t, V strip)
{
    return at(e, t->sums, mulc(e, strip, STRIP * TILE_COLUMNS));
}

/* weights: where the step's two tiles of P go. */
static void softmax(Emit *e, V scores, V weights, V sums)
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

/* -r of a strip: less the maximum over its first `count` steps. The strip's sums serve as running
 * maxima. */
static void find_start(Emit *e, const T *t, V strip, V count)
{
    V start = strip_start(e, t, strip), max = strip_sums(e, t, strip);
    fill(e, start, TILE_MOST * TILE_FLOATS, 0);
    fill(e, max, STRIP * TILE_COLUMNS, hidden);
    Loop u = loop_begin(e, ci(e, 0), count, 1);
    scores(e, t, strip, u.i, t->scores);
    for (int i = 0; i < TILE_MOST; i++) {
        Loop r = loop_begin(e, ci(e, 0), ci(e, TILE_ROWS), 1);
        V row = mulc(e, r.i, TILE_COLUMNS), m = at(e, tile_atc(e, max, i), row),
          s = at(e, tile_atc(e, t->scores, TILE_MOST * i), row);
        V both = fp_max(e, load(e, s, TILE_COLUMNS), load(e, tile_atc(e, s, 1), TILE_COLUMNS));
        store(e, fp_max(e, both, load(e, m, TILE_COLUMNS)), m);
        loop_end(e, &r);
    }
    loop_end(e, &u);
    Loop r = loop_begin(e, ci(e, 0), ci(e, STRIP), 1);
    V row = mulc(e, r.i, TILE_COLUMNS),
      m = reduce_max(e, load(e, at(e, max, row), TILE_COLUMNS), TILE_COLUMNS);
    store(e, splat(e, fp_sub(e, cf(e, 0, 1), m), TILE_COLUMNS), at(e, start, row));
    loop_end(e, &r);
}

/* ---- all keys, once ---- */

static V strip_results(Emit *e, const T *t, V strip)
{
    return tile_at(e, t->results, mulc(e, strip, value_pairs(t->a) * SUMS));
}

/* O += P . values for `count` steps from `step` on. */
static void values(Emit *e, const T *t, V strip, V weights, V step, V count)
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

/* One product after the other: steps from..to. */
static void plain_steps(Emit *e, const T *t, int64_t from, int64_t to)
{
    const Attention *a = t->a;
    Loop c = loop_begin(e, ci(e, from), ci(e, to), a->block_panels);
    Loop s = loop_begin(e, ci(e, 0), ci(e, attention_strips(a)), 1);
    V count = umin(e, sub(e, ci(e, to), c.i), ci(e, a->block_panels));
    if (a->causal) { /* steps up to the strip's last query */
        V last = udivc(e, addc(e, add(e, t->task->first, mulc(e, s.i, STRIP)), STRIP + STEP - 1),
                       STEP);
        count = umax(e, umin(e, count, sub(e, last, c.i)), ci(e, 0));
    }
    Loop u = loop_begin(e, ci(e, 0), count, 1);
    scores(e, t, s.i, add(e, c.i, u.i), t->scores);
    softmax(e, t->scores, tile_at(e, t->weights, mulc(e, u.i, TILE_MOST)), strip_sums(e, t, s.i));
    loop_end(e, &u);
    values(e, t, s.i, t->weights, c.i, count);
    loop_end(e, &s);
    loop_end(e, &c);
}

/* ---- the woven form ---- */

typedef struct {
    enum { LOAD, STORE, DOT } kind;
    int tile, a, b;
    V p;
} TileOp;
typedef struct {
    TileOp op[128];
    int n, done;
} TileOps;

static void put(TileOps *o, TileOp x)
{
    CHECK(o->n < (int)(sizeof o->op / sizeof o->op[0]));
    o->op[o->n++] = x;
}

/* What sums_product does, as a list. */
static void put_product(Emit *e, TileOps *o, const TileProduct *p, int64_t count, const Four *from,
                        const Four *to)
{
    for (int i = 0; i < p->m; i++)
        for (int j = 0; j < p->n; j++)
            put(o, (TileOp){LOAD, tile_sum(i, j), 0, 0, from->p[i][j]});
    for (int64_t s = 0; s < count; s++)
        for (int i = 0; i < p->m; i++) {
            put(o, (TileOp){LOAD, tile_a(i), 0, 0, at_byte(e, p->a[i], ci(e, s * p->a_step))});
            for (int j = 0; j < p->n; j++) {
                if (i == 0)
                    put(o,
                        (TileOp){LOAD, tile_b(j), 0, 0, at_byte(e, p->b[j], ci(e, s * p->b_step))});
                put(o, (TileOp){DOT, tile_sum(i, j), tile_a(i), tile_b(j), NULL});
            }
        }
    for (int i = 0; i < p->m; i++)
        for (int j = 0; j < p->n; j++)
            put(o, (TileOp){STORE, tile_sum(i, j), 0, 0, to->p[i][j]});
}

static void emit_until(Emit *e, TileOps *o, int end)
{
    V row = ci(e, TILE_ROW_BYTES);
    for (; o->done < end; o->done++) {
        const TileOp *x = &o->op[o->done];
        if (x->kind == DOT)
            tile_dot(e, x->tile, x->a, x->b);
        else if (x->kind == LOAD)
            tile_load(e, x->tile, x->p, row);
        else
            tile_store(e, x->tile, x->p, row);
    }
}

/* Item: a chunk of a strip; its number counts strips within chunks. */
typedef struct {
    V chunk, strip;
} Item;
static Item item_of(Emit *e, const Attention *a, V number)
{
    return (Item){udivc(e, number, attention_strips(a)), uremc(e, number, attention_strips(a))};
}

static V parity_at(Emit *e, V base, V number, int64_t tiles)
{
    return tile_at(e, base, mulc(e, uremc(e, number, 2), tiles));
}
static V item_weights(Emit *e, const T *t, V number)
{
    return parity_at(e, t->weights, number, t->a->block_panels * TILE_MOST);
}

static V item_step(Emit *e, const T *t, Item item, V u)
{
    return add(e, mulc(e, item.chunk, t->a->block_panels), u);
}

/* Softmax of step u of an item, between its rows the products of the step after it and of pair u of
 * the item before. */
static void woven_step(Emit *e, const T *t, V number, V u, int64_t items)
{
    const Attention *a = t->a;
    int64_t per = a->block_panels;
    V turn = add(e, mulc(e, number, per), u),
      next = umin(e, addc(e, turn, 1), ci(e, items * per - 1)); /* the last one is done twice */
    V next_number = udivc(e, next, per), before_number = addc(e, number, -1);
    Item here = item_of(e, a, number), after = item_of(e, a, next_number),
         before = item_of(e, a, before_number);
    TileOps ops = {0};
    TileProduct p = score_product(e, t, after.strip, item_step(e, t, after, uremc(e, next, per)));
    Four start = four_at(e, strip_start(e, t, after.strip), 1, 0),
         s = four_at(e, parity_at(e, t->scores, addc(e, turn, 1), SUMS), TILE_MOST, 1);
    put_product(e, &ops, &p, tiles_of_keys(a), &start, &s);
    p = value_product(e, t, item_weights(e, t, before_number), item_step(e, t, before, ci(e, 0)), u,
                      TILE_MOST);
    Four o = four_at(e, tile_at(e, strip_results(e, t, before.strip), mulc(e, u, SUMS)), TILE_MOST,
                     1);
    put_product(e, &ops, &p, per, &o, &o);
    V from = parity_at(e, t->scores, turn, SUMS),
      weights = tile_at(e, item_weights(e, t, number), mulc(e, u, TILE_MOST));
    V sums = strip_sums(e, t, here.strip);
    for (int r = 0; r < STRIP; r++) {
        V row = atc(e, from,
                    (r / TILE_ROWS * TILE_MOST * TILE_ROWS + r % TILE_ROWS) * TILE_COLUMNS);
        softmax_row(e, row, tile_atc(e, row, 1), atc(e, weights, r * TILE_COLUMNS),
                    atc(e, sums, r * TILE_COLUMNS));
        emit_until(e, &ops, ops.n * (r + 1) / STRIP);
    }
}

static void woven_steps(Emit *e, const T *t, int64_t chunks)
{
    const Attention *a = t->a;
    int64_t per = a->block_panels, items = chunks * attention_strips(a);
    V zero = ci(e, 0);
    Loop u = loop_begin(e, zero, ci(e, per), 1);
    scores(e, t, zero, u.i, t->scores);
    softmax(e, t->scores, tile_at(e, item_weights(e, t, zero), mulc(e, u.i, TILE_MOST)), t->sums);
    loop_end(e, &u);
    if (items > 1) {
        Item second = item_of(e, a, ci(e, 1));
        scores(e, t, second.strip, item_step(e, t, second, zero),
               parity_at(e, t->scores, ci(e, per), SUMS));
    }
    Loop i = loop_begin(e, ci(e, 1), ci(e, items), 1);
    u = loop_begin(e, zero, ci(e, per), 1);
    woven_step(e, t, i.i, u.i, items);
    loop_end(e, &u);
    loop_end(e, &i);
    V last = ci(e, items - 1);
    Item item = item_of(e, a, last);
    values(e, t, item.strip, item_weights(e, t, last), item_step(e, t, item, zero), ci(e, per));
}

/* ---- the kernel ---- */

/* Totals of rows. Returns whether one is too large. */
static V row_totals(Emit *e, const T *t)
{
    V bad = var(e, e->i1, LLVMConstInt(e->i1, 0, 0));
    Loop q = loop_begin(e, ci(e, 0), ci(e, t->a->query_block), 1);
    V total = reduce_add(e, load(e, at(e, t->sums, mulc(e, q.i, TILE_COLUMNS)), TILE_COLUMNS),
                         TILE_COLUMNS);
    store(e, total, at(e, t->totals, q.i));
    set(e, bad,
        LLVMBuildOr(e->b, get(e, bad),
                    LLVMBuildFCmp(e->b, LLVMRealUGE, total, cf(e, too_large, 1), ""), ""));
    loop_end(e, &q);
    return get(e, bad);
}

static void store_results(Emit *e, const T *t)
{
    const Attention *a = t->a;
    Loop q = loop_begin(e, ci(e, 0),
                        umin(e, sub(e, ci(e, a->n), t->task->first), ci(e, a->query_block)), 1);
    V inverse = splat(e, fp_div(e, cf(e, 1, 1), load(e, at(e, t->totals, q.i), 1)), TILE_COLUMNS),
      to = element_at(e, a->y_bf16, t->task->y, mulc(e, q.i, a->ldy));
    V from = strip_results(e, t, udivc(e, q.i, STRIP)), in_strip = uremc(e, q.i, STRIP);
    from = at(e, tile_at(e, from, mulc(e, udivc(e, in_strip, TILE_ROWS), TILE_MOST)),
              mulc(e, uremc(e, in_strip, TILE_ROWS), TILE_COLUMNS));
    for (int64_t d = 0; d < a->head_size; d += TILE_COLUMNS) {
        int64_t j = d / TILE_COLUMNS, left = a->head_size - d;
        V o = load(e, tile_atc(e, from, j / TILE_MOST * SUMS + j % TILE_MOST), TILE_COLUMNS);
        store_elements(e, a->y_bf16, fp_mul(e, o, inverse), element_at(e, a->y_bf16, to, ci(e, d)),
                       TILE_COLUMNS, left < TILE_COLUMNS ? (int)left : TILE_COLUMNS);
    }
    loop_end(e, &q);
}

void emit_attention_tiles(Emit *e, const AttentionTask *task)
{
    const Attention *a = task->a;
    T t = {.task = task, .a = a};
    carve(e, &t);
    tile_configure(e, TILE_ROWS, TILE_CHANNELS);
    load_queries(e, &t);
    int64_t all = attention_steps(a), first = all < FIRST_STEPS ? all : FIRST_STEPS,
            chunks = pipelined_chunks(a);
    V again = var(e, e->i1, LLVMConstInt(e->i1, 1, 0));
    Loop turn = loop_begin(e, ci(e, 0), ci(e, first < all ? 2 : 1), 1);
    If f = if_begin(e, get(e, again));
    Loop s = loop_begin(e, ci(e, 0), ci(e, attention_strips(a)), 1);
    find_start(e, &t, s.i, choose(e, eq(e, turn.i, ci(e, 0)), ci(e, first), ci(e, all)));
    loop_end(e, &s);
    fill(e, t.sums, a->query_block * TILE_COLUMNS, 0);
    fill(e, t.results, attention_strips(a) * value_pairs(a) * SUMS * TILE_FLOATS, 0);
    if (chunks)
        woven_steps(e, &t, chunks);
    if (chunks * a->block_panels < all)
        plain_steps(e, &t, chunks * a->block_panels, all);
    set(e, again, row_totals(e, &t));
    if_end(e, &f);
    loop_end(e, &turn);
    store_results(e, &t);
    tile_release(e);
}
