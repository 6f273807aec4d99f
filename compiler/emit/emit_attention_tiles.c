/* Attention on the tile unit. A task is one block of queries of one head, in strips of 32; keys
 * come in steps of 32, a chunk of steps at a time. Tiles in scratch and in the packed keys and
 * values follow each other without gaps:
 *
 *   keys     [step][2 of 16 keys][32 channels]       a tile: pairs of channels x keys
 *   values   [step][16 channels]                     a tile: pairs of keys x channels
 *
 *   for each chunk, for each strip
 *     for each step of the chunk
 *       S = Q . keys - r                             four sums, which begin with -r instead of zero
 *       P = 2^S, rounded to bf16; sums of rows
 *     O += P . values                                for each 32 channels: four sums
 *   y = O / sums
 *
 * r is a number per query near its row maximum. Which one does not matter: P and O are
 * floating-point numbers, and O and the sums have the same factor 2^-r. So scores start at minus
 * the row maximum over the first keys, and nothing is rescaled. A sum of `too_large` or more means
 * that r was too small: then the whole task is done again with the maximum over all keys.
 *
 * Keys that do not exist, and keys that a query must not see, have sums that begin with HIDDEN.
 */
#include "emit_attention_tiles.h"
#include "emit_attention_pipeline.h"
#include "emit_attention_steps.h"
#include "emit_bf16.h"

enum { STRIP = ATTENTION_STRIP, STEP = ATTENTION_STEP, SUMS = ATTENTION_SUMS, FIRST_STEPS = 2 };
static const double too_large = 18446744073709551616.0; /* 2^64 */

static void carve(Emit *e, TileAttention *t)
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

/* Q, scaled; queries beyond n are zero. */
static void load_queries(Emit *e, const TileAttention *t)
{
    const Attention *a = t->a;
    V scale = cf(e, a->scale * LOG2_E, TILE_COLUMNS),
      valid = smin(e, sub(e, ci(e, a->n), t->task->first), ci(e, a->query_block));
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

/* Sets -r of a strip: minus the row maximum over its first `count` steps. The strip's sums hold the
 * running maxima meanwhile. */
static void find_start(Emit *e, const TileAttention *t, V strip, V count)
{
    V start = strip_start(e, t, strip), max = strip_sums(e, t, strip);
    fill(e, start, TILE_MOST * TILE_FLOATS, 0);
    fill(e, max, STRIP * TILE_COLUMNS, HIDDEN);
    Loop u = loop_begin(e, ci(e, 0), count, 1);
    attention_scores(e, t, strip, u.i, t->scores);
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

/* One product after the other: steps from..to. */
static void plain_steps(Emit *e, const TileAttention *t, int64_t from, int64_t to)
{
    const Attention *a = t->a;
    Loop c = loop_begin(e, ci(e, from), ci(e, to), a->block_panels);
    Loop s = loop_begin(e, ci(e, 0), ci(e, attention_strips(a)), 1);
    V count = smin(e, sub(e, ci(e, to), c.i), ci(e, a->block_panels));
    if (a->causal) { /* steps up to the strip's last query */
        V last = udivc(e, addc(e, add(e, t->task->first, mulc(e, s.i, STRIP)), STRIP + STEP - 1),
                       STEP);
        count = smax(e, smin(e, count, sub(e, last, c.i)), ci(e, 0));
    }
    Loop u = loop_begin(e, ci(e, 0), count, 1);
    attention_scores(e, t, s.i, add(e, c.i, u.i), t->scores);
    attention_softmax(e, t->scores, tile_at(e, t->weights, mulc(e, u.i, TILE_MOST)),
                      strip_sums(e, t, s.i));
    loop_end(e, &u);
    attention_values(e, t, s.i, t->weights, c.i, count);
    loop_end(e, &s);
    loop_end(e, &c);
}

/* Totals of rows. Returns whether one is too large. */
static V row_totals(Emit *e, const TileAttention *t)
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

static void store_results(Emit *e, const TileAttention *t)
{
    const Attention *a = t->a;
    Loop q = loop_begin(e, ci(e, 0),
                        smin(e, sub(e, ci(e, a->n), t->task->first), ci(e, a->query_block)), 1);
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
    TileAttention t = {.task = task, .a = a};
    carve(e, &t);
    tile_configure(e, TILE_ROWS, TILE_CHANNELS);
    load_queries(e, &t);
    int64_t all = attention_steps(a), first = all < FIRST_STEPS ? all : FIRST_STEPS,
            chunks = pipelined_chunks(a);
    V again = var(e, e->i1, LLVMConstInt(e->i1, 1, 0));
    Loop attempt = loop_begin(e, ci(e, 0), ci(e, first < all ? 2 : 1), 1);
    If f = if_begin(e, get(e, again));
    Loop s = loop_begin(e, ci(e, 0), ci(e, attention_strips(a)), 1);
    find_start(e, &t, s.i, choose(e, eq(e, attempt.i, ci(e, 0)), ci(e, first), ci(e, all)));
    loop_end(e, &s);
    fill(e, t.sums, a->query_block * TILE_COLUMNS, 0);
    fill(e, t.results, attention_strips(a) * value_pairs(a) * SUMS * TILE_FLOATS, 0);
    if (chunks)
        pipelined_steps(e, &t, chunks);
    if (chunks * a->block_panels < all)
        plain_steps(e, &t, chunks * a->block_panels, all);
    set(e, again, row_totals(e, &t));
    if_end(e, &f);
    loop_end(e, &attempt);
    store_results(e, &t);
    tile_release(e);
}
