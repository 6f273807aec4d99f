/* The contract kernel's products on the tile unit (tiles.c has the blocking, emit_amx.h the unit): what emit_contract.c does with register tiles for
 * one block of columns and one chunk of input channels.
 *
 *   A: `tile_rows` neighbouring pixels of a line of the strip, `stride` pixels apart, so read in place    no im2col
 *   B: k_step / 2 rows of the panel, 16 of its columns
 *
 *   for each two tiles of pixels, for each two of columns
 *     sums: zero, or those of the chunks before
 *     for each tap, for each step of channels: four products
 *     sums to scratch; last chunk: epilogue of each pixel from there, while they are in L1
 */
#include "emit_contract.h"
#include "tiles.h"

/* One or two vectors of the block. GEGLU: a value's and its gate's, so that both come out of one product. */
typedef struct { int v[TILE_MOST], n; } Columns;
typedef struct { V pixel, valid; } Line; /* a tile's first pixel in the strip, and how many of its rows are pixels */

static Line line_of(Emit *e, const K *k, V t) {
    const Contract *c = k->c;
    int64_t per = tiles_of_line(c), rows = c->tile_rows;
    V rest = NULL, pixel;
    if (c->flat) {
        pixel = mulc(e, t, rows);
        rest = sub(e, k->pixels, pixel);
    } else {
        V q = mulc(e, uremc(e, t, per), rows);
        pixel = add(e, mulc(e, udivc(e, t, per), c->tw), q);
        if (c->tw % rows) rest = sub(e, ci(e, c->tw), q);
    }
    return (Line){pixel, rest ? umin(e, rest, ci(e, rows)) : ci(e, rows)};
}

/* Where accumulator (i, j) of the tiles from t on lies in scratch: parked by tile and vector, or of this product alone. */
static V sums_at(Emit *e, const K *k, V t, const Columns *cols, int i, int j) {
    const Contract *c = k->c;
    int64_t floats = (int64_t)c->tile_rows * TILE_COLUMNS;
    if (c->n_chunks == 1) return atc(e, k->parked, tile_sum(i, j) * floats);
    return at(e, k->parked, mulc(e, addc(e, mulc(e, addc(e, t, i), c->nr), cols->v[j]), floats));
}

/* Each pixel of tile i: its sums leave through the epilogue. */
static void finish(Emit *e, const K *k, const Block *b, const Columns *cols, V t, int i, Line line) {
    const Contract *c = k->c;
    bool geglu = contract_geglu(c);
    int64_t out = (int64_t)(geglu ? c->nr / 2 : c->nr) * c->lanes;
    V batch, first = output_pixel(e, k, line.pixel, &batch);
    Loop l = loop_begin(e, ci(e, 0), line.valid, 1);
    V pixel = add(e, first, l.i), r[TILE_MOST];
    for (int j = 0; j < cols->n; j++) r[j] = load(e, at(e, sums_at(e, k, t, cols, i, j), mulc(e, l.i, TILE_COLUMNS)), c->lanes);
    for (int j = 0; j < (geglu ? 1 : cols->n); j++) {
        int64_t offset = (int64_t)cols->v[j] * c->lanes, left = b->last ? c->co - (c->blocks - 1) * out - offset : c->lanes;
        contract_finish(e, k, r[j], geglu ? r[1] : NULL, b->j, ci(e, offset), left < c->lanes ? (int)left : c->lanes, pixel, batch);
    }
    loop_end(e, &l);
}

/* m tiles of pixels from t on, one or two of columns: all taps of the chunk. */
static void product(Emit *e, const K *k, const Block *b, const Columns *cols, V t, int m) {
    const Contract *c = k->c;
    V row = ci(e, TILE_ROW_BYTES), count = chunk_channels(e, c, b->chunk), base = operand_at(e, c, k->strip, mulc(e, b->chunk, k->chunk_stride));
    int64_t width = (int64_t)b->nvec * c->lanes;
    Line line[TILE_MOST];
    V window[TILE_MOST];
    TileProduct p = {.m = m, .n = cols->n, .lda = ci(e, c->stride * c->kc * 2), .ldb = ci(e, width * 4),
                     .a_step = c->k_step * 2, .b_step = c->k_step / 2 * width * 4};
    for (int i = 0; i < m; i++) {
        line[i] = line_of(e, k, addc(e, t, i));
        window[i] = operand_at(e, c, base, window_offset(e, k, line[i].pixel));
    }
    If f = {0};
    if (c->n_chunks > 1) {
        f = if_begin(e, lt(e, ci(e, 0), b->chunk));
        for (int i = 0; i < m; i++)
            for (int j = 0; j < cols->n; j++) tile_load(e, tile_sum(i, j), sums_at(e, k, t, cols, i, j), row);
        if_else(e, &f);
    }
    for (int i = 0; i < m; i++)
        for (int j = 0; j < cols->n; j++) tile_zero(e, tile_sum(i, j));
    if (c->n_chunks > 1) if_end(e, &f);
    V panel = var(e, e->ptr, b->panel);
    Loop ly = loop_begin(e, ci(e, 0), ci(e, c->kh), 1);
    Loop lx = loop_begin(e, ci(e, 0), ci(e, c->kw), 1);
    V tap = mulc(e, add(e, mulc(e, ly.i, k->sw), lx.i), c->kc), here = get(e, panel);
    for (int i = 0; i < m; i++) p.a[i] = operand_at(e, c, window[i], tap);
    for (int j = 0; j < cols->n; j++) p.b[j] = atc(e, here, (int64_t)cols->v[j] * TILE_COLUMNS); /* a pair is as long as an f32 */
    tile_products(e, &p, udivc(e, count, c->k_step));
    set(e, panel, operand_at(e, c, here, mulc(e, count, width)));
    loop_end(e, &lx);
    loop_end(e, &ly);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < cols->n; j++) tile_store(e, tile_sum(i, j), sums_at(e, k, t, cols, i, j), row);
    if (c->n_chunks > 1) f = if_begin(e, eq(e, b->chunk, ci(e, c->n_chunks - 1)));
    for (int i = 0; i < m; i++) finish(e, k, b, cols, t, i, line[i]);
    if (c->n_chunks > 1) if_end(e, &f);
}

/* The vectors of the block that hold columns of the result, by one or two. */
static int columns_of(const Contract *c, const Block *b, Columns *cols) {
    bool geglu = contract_geglu(c);
    int half = c->nr / 2, n = 0;
    for (int v = 0; v < (geglu ? half : b->nvec); v += geglu ? 1 : TILE_MOST) {
        if (b->last && c->co - (c->blocks - 1) * (geglu ? half : c->nr) * c->lanes <= (int64_t)v * c->lanes) break;
        cols[n++] = geglu ? (Columns){{v, half + v}, 2} : (Columns){{v, v + 1}, b->nvec - v < TILE_MOST ? 1 : TILE_MOST};
    }
    return n;
}

/* What the next chunk reads lies behind this one's panel, and further away than L2: a share of it is asked for in each round of this one. */
typedef struct { V from; int64_t lines; } Ahead;

static void prefetch_share(Emit *e, const Ahead *a, V round) {
    V read = LLVMConstInt(e->i32, 0, 0), l2 = LLVMConstInt(e->i32, 2, 0), data = LLVMConstInt(e->i32, 1, 0);
    V from = at_byte(e, a->from, mulc(e, round, a->lines * TILE_ROW_BYTES));
    Loop l = loop_begin(e, ci(e, 0), ci(e, a->lines), 1);
    intrinsic(e, "llvm.prefetch", e->ptr, (V[]){at_byte(e, from, mulc(e, l.i, TILE_ROW_BYTES)), read, l2, data}, 4);
    loop_end(e, &l);
}

void tile_block(Emit *e, const K *k, const Block *b) {
    const Contract *c = k->c;
    CHECK(c->lanes == TILE_COLUMNS && c->bf16);
    Columns cols[TILE_MOST];
    int n = columns_of(c, b, cols);
    int64_t whole = tile_count(c), last = whole; /* tiles of most strips, and of the last one */
    int64_t panel = (int64_t)c->kh * c->kw * b->nvec * c->lanes; /* numbers of a channel */
    Ahead ahead = {.from = operand_at(e, c, b->panel, mulc(e, chunk_channels(e, c, b->chunk), panel)),
                   .lines = ceil_div(panel * c->kc * 2, ceil_div(whole, TILE_MOST) * TILE_ROW_BYTES)};
    if (c->flat) last = c->tw % c->pixels ? ceil_div(c->tw % c->pixels, c->tile_rows) : whole;
    else if (c->images == 1 && c->oh % c->th) last = c->oh % c->th * tiles_of_line(c);
    V tiles = ci(e, whole);
    if (last != whole) {
        if (c->flat) tiles = udivc(e, addc(e, k->pixels, c->tile_rows - 1), c->tile_rows);
        else tiles = mulc(e, udivc(e, k->pixels, c->tw), tiles_of_line(c));
    }
    if (whole >= TILE_MOST || last >= TILE_MOST) {
        Loop l = loop_begin(e, ci(e, 0), mulc(e, udivc(e, tiles, TILE_MOST), TILE_MOST), TILE_MOST);
        prefetch_share(e, &ahead, udivc(e, l.i, TILE_MOST));
        for (int j = 0; j < n; j++) product(e, k, b, &cols[j], l.i, TILE_MOST);
        loop_end(e, &l);
    }
    if (whole % TILE_MOST == 0 && last % TILE_MOST == 0) return;
    If f = {0};
    bool all = whole % TILE_MOST && last % TILE_MOST;
    if (!all) f = if_begin(e, eq(e, uremc(e, tiles, TILE_MOST), ci(e, 1)));
    for (int j = 0; j < n; j++) product(e, k, b, &cols[j], addc(e, tiles, -1), 1);
    if (!all) if_end(e, &f);
}
