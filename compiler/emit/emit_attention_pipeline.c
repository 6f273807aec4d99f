/* The pipelined form of attention on the tile unit. Products and exponentials take about the same
 * time on different units. So the tile instructions of two products (the scores of the next step,
 * and a pair of columns of the chunk before) are interleaved with the rows of a step's softmax. */
#include "emit_attention_pipeline.h"
#include "err.h"
#include <stddef.h>

enum { STRIP = ATTENTION_STRIP, SUMS = ATTENTION_SUMS };

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

/* The instructions of sums_product, as a list. */
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
static V item_weights(Emit *e, const TileAttention *t, V number)
{
    return parity_at(e, t->weights, number, t->a->block_panels * TILE_MOST);
}

static V item_step(Emit *e, const TileAttention *t, Item item, V u)
{
    return add(e, mulc(e, item.chunk, t->a->block_panels), u);
}

/* Softmax of step u of an item, between its rows the products of the step after it and of pair u of
 * the item before. */
static void pipelined_step(Emit *e, const TileAttention *t, V number, V u, int64_t items)
{
    const Attention *a = t->a;
    int64_t per = a->block_panels;
    V number_of_step = add(e, mulc(e, number, per), u),
      next = smin(e, addc(e, number_of_step, 1),
                  ci(e, items * per - 1)); /* the last one is done twice */
    V next_number = udivc(e, next, per), before_number = addc(e, number, -1);
    Item here = item_of(e, a, number), after = item_of(e, a, next_number),
         before = item_of(e, a, before_number);
    TileOps ops = {0};
    TileProduct p = score_product(e, t, after.strip, item_step(e, t, after, uremc(e, next, per)));
    Four start = four_at(e, strip_start(e, t, after.strip), 1, 0),
         s = four_at(e, parity_at(e, t->scores, addc(e, number_of_step, 1), SUMS), TILE_MOST, 1);
    put_product(e, &ops, &p, tiles_of_keys(a), &start, &s);
    p = value_product(e, t, item_weights(e, t, before_number), item_step(e, t, before, ci(e, 0)), u,
                      TILE_MOST);
    Four o = four_at(e, tile_at(e, strip_results(e, t, before.strip), mulc(e, u, SUMS)), TILE_MOST,
                     1);
    put_product(e, &ops, &p, per, &o, &o);
    V from = parity_at(e, t->scores, number_of_step, SUMS),
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

void pipelined_steps(Emit *e, const TileAttention *t, int64_t chunks)
{
    const Attention *a = t->a;
    int64_t per = a->block_panels, items = chunks * attention_strips(a);
    V zero = ci(e, 0);
    Loop u = loop_begin(e, zero, ci(e, per), 1);
    attention_scores(e, t, zero, u.i, t->scores);
    attention_softmax(e, t->scores, tile_at(e, item_weights(e, t, zero), mulc(e, u.i, TILE_MOST)),
                      t->sums);
    loop_end(e, &u);
    if (items > 1) {
        Item second = item_of(e, a, ci(e, 1));
        attention_scores(e, t, second.strip, item_step(e, t, second, zero),
                         parity_at(e, t->scores, ci(e, per), SUMS));
    }
    Loop i = loop_begin(e, ci(e, 1), ci(e, items), 1);
    u = loop_begin(e, zero, ci(e, per), 1);
    pipelined_step(e, t, i.i, u.i, items);
    loop_end(e, &u);
    loop_end(e, &i);
    V last = ci(e, items - 1);
    Item item = item_of(e, a, last);
    attention_values(e, t, item.strip, item_weights(e, t, last), item_step(e, t, item, zero),
                     ci(e, per));
}
