/* The contract kernel's products on the tile unit (tiles.c has the blocking, emit_amx.h the unit):
 * what emit_contract.c does with register tiles for one block of columns and one chunk of input
 * channels.
 *
 *   A: `tile_rows` neighbouring pixels of a line of the strip, `stride` pixels apart, so read in
 * place    no im2col B: k_step / 2 rows of the panel, 16 of its columns
 *
 *   for each two tiles of pixels, for each two of columns
 *     sums: zero, or those of the chunks before
 *     for each tap, for each step of channels: four products; between them a pixel of the product
 * before leaves through the epilogue (last chunk), and a share of what comes next is asked for: the
 * vector units are free while the tile unit works sums to scratch
 */
#include "emit_ahead.h"
#include "emit_amx.h"
#include "emit_contract.h"
#include "tiles.h"

/* One or two vectors of the block. GEGLU: a value's and its gate's, so that both come out of one
 * product. */
typedef struct {
    int v[TILE_MOST], n;
} Columns;
typedef struct {
    V pixel, valid;
} Line; /* a tile's first pixel in the strip, and how many of its rows are pixels */

static Line line_of(Emit *e, const K *k, V t)
{
    const Contract *c = k->c;
    int64_t per = tiles_of_line(c), rows = c->tile_rows;
    V rest = NULL, pixel;
    if (c->flat) {
        pixel = mulc(e, t, rows);
        if (c->pixels % rows || c->tw % rows)
            rest = sub(e, k->pixels, pixel);
    } else {
        V q = mulc(e, uremc(e, t, per), rows);
        pixel = add(e, mulc(e, udivc(e, t, per), c->tw), q);
        if (c->tw % rows)
            rest = sub(e, ci(e, c->tw), q);
    }
    return (Line){pixel, rest ? umin(e, rest, ci(e, rows)) : ci(e, rows)};
}

/* Tiles t and t + 1 are neighbours in a line: where t is even, as all are that have a partner. */
static bool neighbours(const Contract *c) { return c->flat || tiles_of_line(c) % TILE_MOST == 0; }

/* Where accumulator (0, j) of the tiles from t on lies in scratch: parked by tile and vector, or of
 * this product alone, beside the one before. */
static V sums_at(Emit *e, const K *k, V t, V turn, const Columns *cols, int j)
{
    const Contract *c = k->c;
    int64_t floats = (int64_t)c->tile_rows * TILE_COLUMNS;
    if (c->n_chunks == 1)
        return at(e, k->parked, mulc(e, addc(e, mulc(e, turn, TILE_MOST * TILE_MOST), j), floats));
    return at(e, k->parked, mulc(e, addc(e, mulc(e, t, c->nr), cols->v[j]), floats));
}

static int64_t next_tile_floats(const Contract *c)
{
    return (int64_t)(c->n_chunks == 1 ? TILE_MOST : c->nr) * c->tile_rows * TILE_COLUMNS;
}

/* The results of a product: m tiles of pixels, one or two of columns. */
typedef struct {
    const K *k;
    const Block *b;
    const Columns *cols;
    int m;
    V sums[TILE_MOST]; /* of column tile j: where those of the first tile of pixels lie */
    V pixel, batch,
        step; /* output pixel of the first tile, and how far that of the second lies behind it */
    V valid[TILE_MOST]; /* rows of each tile that are pixels */
    V first;            /* output pixel where the strip begins */
} Done;

static Done done_of(Emit *e, const K *k, const Block *b, const Columns *cols, V t, V turn, int m)
{
    Done d = {.k = k, .b = b, .cols = cols, .m = m};
    Line line[TILE_MOST];
    for (int i = 0; i < m; i++) {
        line[i] = line_of(e, k, addc(e, t, i));
        d.valid[i] = line[i].valid;
    }
    for (int j = 0; j < cols->n; j++)
        d.sums[j] = sums_at(e, k, t, turn, cols, j);
    d.first = output_pixel(e, k, ci(e, 0), &d.batch);
    d.pixel = output_pixel(e, k, line[0].pixel, &d.batch);
    if (m > 1) {
        V batch;
        d.step = neighbours(k->c) ? ci(e, k->c->tile_rows)
                                  : sub(e, output_pixel(e, k, line[1].pixel, &batch), d.pixel);
        if (k->c->images > 1 && !k->c->flat)
            d.batch = NULL; /* its own */
    }
    return d;
}

/* Row r of all tiles: its tile, output pixel and image. */
typedef struct {
    V tile, row, pixel, batch;
} Row;
static Row row_of(Emit *e, const Done *d, V r)
{
    const Contract *c = d->k->c;
    Row x = {.tile = ci(e, 0), .row = r, .batch = d->batch};
    if (d->m > 1) {
        x.tile = udivc(e, r, c->tile_rows);
        x.row = uremc(e, r, c->tile_rows);
    }
    x.pixel = add(e, d->pixel, x.row);
    if (d->m > 1)
        x.pixel = add(e, x.pixel, mul(e, x.tile, d->step));
    if (!x.batch)
        x.batch = udivc(e, x.pixel, c->oh * c->ow);
    return x;
}

static int64_t rows_of(const Done *d) { return (int64_t)d->m * d->k->c->tile_rows; }

/* Row r leaves through the epilogue. */
static void finish_row(Emit *e, const Done *d, V r)
{
    const K *k = d->k;
    const Contract *c = k->c;
    bool geglu = contract_geglu(c), whole = true;
    Row x = row_of(e, d, r);
    for (int i = 0; i < d->m; i++)
        whole = whole && d->valid[i] == ci(e, c->tile_rows);
    If f = {0};
    if (!whole) {
        V valid = d->m == 1 ? d->valid[0]
                            : choose(e, eq(e, x.tile, ci(e, 0)), d->valid[0], d->valid[1]);
        f = if_begin(e, lt(e, x.row, valid));
    }
    V v[TILE_MOST],
        place = add(e, mulc(e, x.tile, next_tile_floats(c)), mulc(e, x.row, TILE_COLUMNS));
    for (int j = 0; j < d->cols->n; j++)
        v[j] = load(e, at(e, d->sums[j], place), c->lanes);
    for (int j = 0; j < (geglu ? 1 : d->cols->n); j++) {
        int64_t offset = (int64_t)d->cols->v[j] * c->lanes,
                left = d->b->last ? c->co - (c->blocks - 1) * contract_block_out(c) - offset
                                  : c->lanes;
        V result = contract_finish(e, k, v[j], geglu ? v[1] : NULL, d->b->j, ci(e, offset),
                                   left < c->lanes ? (int)left : c->lanes, x.pixel, x.batch);
        if (!k->sums)
            continue;
        ChannelSums sums;
        sums_begin(e, &sums, contract_sums_at(e, k, d->b->j, ci(e, offset)), c->co,
                   eq(e, x.pixel, d->first), result, c->lanes);
        sums_add(e, &sums, result);
        sums_end(e, &sums);
    }
    if (!whole)
        if_end(e, &f);
}

static void finish(Emit *e, const Done *d)
{
    Loop l = loop_begin(e, ci(e, 0), ci(e, rows_of(d)), 1);
    finish_row(e, d, l.i);
    loop_end(e, &l);
}

/* What is done beside a product, a share after every few of its tile instructions: rows of the
 * product before leave, what is needed next is asked for. */
typedef struct {
    const Done *before; /* NULL: there is none */
    V row, end;         /* variable; rows of it to do, none in all chunks but the last */
    int64_t rows;       /* in a share */
    Ahead ahead[2];
} Beside;

static void beside(Emit *e, void *user)
{
    Beside *x = user;
    for (int i = 0; i < 2; i++)
        ahead_ask(e, &x->ahead[i]);
    if (x->before) {
        V from = get(e, x->row), to = umin(e, addc(e, from, x->rows), x->end);
        Loop l = loop_begin(e, from, to, 1);
        finish_row(e, x->before, l.i);
        loop_end(e, &l);
        set(e, x->row, to);
    }
}

/* Products from one share to the next: as few as it takes that a share is one row, if that is
 * possible. */
static int products_apart(int in_step, int64_t steps, int64_t rows)
{
    int apart = in_step;
    while (apart > 1 && steps * in_step / apart < rows)
        apart /= 2;
    return apart;
}

/* m tiles of pixels from t on, one or two of columns: all taps of the chunk. before: may be NULL;
 * there: whether it has results. */
static Done product(Emit *e, const K *k, const Block *b, const Columns *cols, V t, V turn, int m,
                    const Done *before, V there, const Ahead *ahead)
{
    const Contract *c = k->c;
    V row = ci(e, TILE_ROW_BYTES), count = chunk_channels(e, c, b->chunk),
      base = operand_at(e, c, k->strip, mulc(e, b->chunk, k->chunk_stride));
    int64_t width = (int64_t)b->nvec * c->lanes, tile = next_tile_floats(c);
    int64_t steps = c->kh * c->kw * (last_chunk(c) / c->k_step);
    int in_step = m * cols->n, apart = products_apart(in_step, steps, before ? rows_of(before) : 1);
    int64_t shares = steps * in_step / apart;
    V window[TILE_MOST];
    TileProduct p = {.m = m,
                     .n = cols->n,
                     .lda = ci(e, c->stride * strip_row(c) * 2),
                     .ldb = ci(e, width * 4),
                     .a_step = c->k_step * 2,
                     .b_step = c->k_step / 2 * width * 4,
                     .unroll = 1,
                     .apart = apart,
                     .stream_a = c->flat,
                     .stream_b = !c->flat};
    Done d = done_of(e, k, b, cols, t, turn, m);
    for (int i = 0; i < m; i++)
        window[i] =
            i && neighbours(c)
                ? operand_at(e, c, window[0], ci(e, c->tile_rows * c->stride * strip_row(c)))
                : operand_at(e, c, base, window_offset(e, k, line_of(e, k, addc(e, t, i)).pixel));
    If f = {0};
    if (c->n_chunks > 1) {
        f = if_begin(e, lt(e, ci(e, 0), b->chunk));
        for (int i = 0; i < m; i++)
            for (int j = 0; j < cols->n; j++)
                tile_load(e, tile_sum(i, j), atc(e, d.sums[j], i * tile), row);
        if_else(e, &f);
    }
    for (int i = 0; i < m; i++)
        for (int j = 0; j < cols->n; j++)
            tile_zero(e, tile_sum(i, j));
    if (c->n_chunks > 1)
        if_end(e, &f);
    Beside side = {.before = before};
    if (before) {
        side.rows = ceil_div(rows_of(before), shares);
        side.row = var(e, e->i64, ci(e, 0));
        side.end = choose(e, there, ci(e, rows_of(before)), ci(e, 0));
    }
    for (int i = 0; i < 2 && ahead; i++) {
        side.ahead[i] = ahead[i];
        if (ahead[i].from)
            ahead_begin(e, &side.ahead[i], shares);
    }
    p.beside = beside;
    p.user = &side;
    V panel = var(e, e->ptr, b->panel);
    Loop ly = loop_begin(e, ci(e, 0), ci(e, c->kh), 1);
    Loop lx = loop_begin(e, ci(e, 0), ci(e, c->kw), 1);
    V tap = mulc(e, add(e, mulc(e, ly.i, k->sw), lx.i), strip_row(c)), here = get(e, panel);
    for (int i = 0; i < m; i++)
        p.a[i] = operand_at(e, c, window[i], tap);
    for (int j = 0; j < cols->n; j++)
        p.b[j] = atc(e, here, (int64_t)cols->v[j] * TILE_COLUMNS); /* a pair is as long as an f32 */
    tile_products(e, &p, udivc(e, count, c->k_step));
    set(e, panel, operand_at(e, c, here, mulc(e, count, width)));
    loop_end(e, &lx);
    loop_end(e, &ly);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < cols->n; j++)
            tile_store(e, tile_sum(i, j), atc(e, d.sums[j], i * tile), row);
    return d;
}

/* The vectors of the block that hold columns of the result, by one or two. */
static int columns_of(const Contract *c, const Block *b, Columns *cols)
{
    bool geglu = contract_geglu(c);
    int half = c->nr / 2, n = 0;
    for (int v = 0; v < (geglu ? half : b->nvec); v += geglu ? 1 : TILE_MOST) {
        if (b->last && c->co - (c->blocks - 1) * contract_block_out(c) <= (int64_t)v * c->lanes)
            break;
        cols[n++] = geglu ? (Columns){{v, half + v}, 2}
                          : (Columns){{v, v + 1}, b->nvec - v < TILE_MOST ? 1 : TILE_MOST};
    }
    return n;
}

/* Sums of one product are in scratch while the next one's get there. */
static V turn_of(Emit *e, V product) { return LLVMBuildAnd(e->b, product, ci(e, 1), ""); }

void tile_block(Emit *e, const K *k, const Block *b)
{
    const Contract *c = k->c;
    CHECK(c->lanes == TILE_COLUMNS && c->bf16);
    Columns cols[TILE_MOST];
    int n = columns_of(c, b, cols);
    int64_t whole = tile_count(c), last = whole; /* tiles of most strips, and of the last one */
    int64_t panel = (int64_t)c->kh * c->kw * b->nvec * c->lanes; /* numbers of a channel */
    /* What the next chunk reads lies behind this one's panel, and further away than L2: a share of
     * it is asked for in each product of this one. */
    int64_t shares = ceil_div(whole, TILE_MOST) * n;
    V next[2] = {operand_at(e, c, b->panel, mulc(e, chunk_channels(e, c, b->chunk), panel)), NULL};
    int64_t bytes[2] = {round_up(ceil_div(panel * c->kc * 2, shares), CACHE_LINE),
                        round_up(ceil_div(k->chunk_stride * 2, shares), CACHE_LINE)};
    if (c->staged && !c->flat && c->n_chunks > 1) /* and so does its part of the strip, which is too
                                                     large to stay from block to block */
        next[1] = operand_at(e, c, k->strip, mulc(e, addc(e, b->chunk, 1), k->chunk_stride));
    V final = c->n_chunks == 1 ? LLVMConstInt(e->i1, 1, 0)
                               : eq(e, b->chunk, ci(e, c->n_chunks - 1));
    if (c->flat)
        last = c->tw % c->pixels ? ceil_div(c->tw % c->pixels, c->tile_rows) : whole;
    else if (c->images == 1 && c->oh % c->th)
        last = c->oh % c->th * tiles_of_line(c);
    V tiles = ci(e, whole);
    if (last != whole) {
        if (c->flat)
            tiles = udivc(e, addc(e, k->pixels, c->tile_rows - 1), c->tile_rows);
        else
            tiles = mulc(e, udivc(e, k->pixels, c->tw), tiles_of_line(c));
    }
    V rounds = udivc(e, tiles, TILE_MOST),
      odd = mulc(e, rounds, TILE_MOST); /* the first tile without a partner */
    if (whole >= TILE_MOST || last >= TILE_MOST) {
        Loop l = loop_begin(e, ci(e, 0), odd, TILE_MOST);
        V first = mulc(e, udivc(e, l.i, TILE_MOST), n);
        Done d = done_of(e, k, b, &cols[n - 1], addc(e, l.i, -TILE_MOST),
                         turn_of(e, addc(e, first, -1)), TILE_MOST);
        for (int j = 0; j < n; j++) {
            V there = j ? final : LLVMBuildAnd(e->b, final, lt(e, ci(e, 0), l.i), "");
            Ahead ahead[2] = {0};
            for (int i = 0; i < 2; i++)
                if (next[i])
                    ahead[i] = ahead_row(at_byte(e, next[i], mulc(e, addc(e, first, j), bytes[i])),
                                         bytes[i]);
            Done before = d;
            d = product(e, k, b, &cols[j], l.i, turn_of(e, addc(e, first, j)), TILE_MOST, &before,
                        there, ahead);
        }
        loop_end(e, &l);
        If f = if_begin(e, LLVMBuildAnd(e->b, final, lt(e, ci(e, 0), odd), ""));
        d = done_of(e, k, b, &cols[n - 1], addc(e, odd, -TILE_MOST),
                    turn_of(e, addc(e, mulc(e, rounds, n), -1)), TILE_MOST);
        finish(e, &d);
        if_end(e, &f);
    }
    if (whole % TILE_MOST == 0 && last % TILE_MOST == 0)
        return;
    If f = {0};
    bool all = whole % TILE_MOST && last % TILE_MOST;
    if (!all)
        f = if_begin(e, eq(e, uremc(e, tiles, TILE_MOST), ci(e, 1)));
    for (int j = 0; j < n; j++) {
        Done d = product(e, k, b, &cols[j], odd, ci(e, 0), 1, NULL, NULL, NULL);
        If last_chunk = if_begin(e, final);
        finish(e, &d);
        if_end(e, &last_chunk);
    }
    if (!all)
        if_end(e, &f);
}
