/* The contract kernel's products on the tile unit: what emit_contract.c does with register tiles,
 * for one block of columns and one chunk of input channels. tiles.c has the blocking, emit_amx.h
 * the unit.
 *
 *   A: `tile_rows` neighbouring pixels of a line of the strip, `stride` pixels apart, read in
 *      place: no im2col
 *   B: k_step / 2 rows of the panel, 16 of its columns
 *
 *   for each two tiles of pixels, for each two of columns
 *     sums: zero, or those of the chunks before
 *     for each tap, for each step of channels: four products
 *     sums to scratch
 *
 * The vector units are free while the tile unit works. So between the products of one group of
 * tiles the rows of the group before go through the epilogue (in the last chunk), and a share of
 * the next chunk's operands is prefetched. */
#include "emit_tiles.h"
#include "emit_amx.h"
#include "emit_prefetch.h"
#include "emit_tiles_results.h"
#include "err.h"

static void finish(Emit *e, const TileResults *r)
{
    Loop l = loop_begin(e, ci(e, 0), ci(e, tile_results_rows(r)), 1);
    tile_results_finish_row(e, r, l.i);
    loop_end(e, &l);
}

/* ---- products ---- */

/* Work that overlaps with a group's products: the epilogue of the group before, and prefetches.
 * previous: that group; NULL: none. ready: an i1, it has results, in the last chunk. */
typedef struct {
    const TileResults *previous;
    V ready;
    Prefetch prefetch[2];
} Overlap;
/* The same, in shares after every few tile instructions. */
typedef struct {
    Overlap o;
    /* The next row, a variable; the end of the rows. */
    V row, end;
    /* Rows in a share. */
    int64_t rows;
} Shares;

static void overlap_share(Emit *e, void *user)
{
    Shares *s = user;
    for (int i = 0; i < 2; i++)
        prefetch_share(e, &s->o.prefetch[i]);
    if (s->o.previous) {
        V from = get(e, s->row), to = smin(e, addc(e, from, s->rows), s->end);
        Loop l = loop_begin(e, from, to, 1);
        tile_results_finish_row(e, s->o.previous, l.i);
        loop_end(e, &l);
        set(e, s->row, to);
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

static Shares shares_begin(Emit *e, const Overlap *o, int64_t shares)
{
    Shares s = {.o = *o};
    if (o->previous) {
        int64_t rows = tile_results_rows(o->previous);
        s.rows = ceil_div(rows, shares);
        s.row = var(e, e->i64, ci(e, 0));
        s.end = choose(e, o->ready, ci(e, rows), ci(e, 0));
    }
    for (int i = 0; i < 2; i++)
        if (o->prefetch[i].from)
            prefetch_begin(e, &s.o.prefetch[i], shares);
    return s;
}

/* Accumulators to where the group's sums lie. */
static void store_sums(Emit *e, const TileResults *r)
{
    int64_t tile = tile_results_stride(r->g.task->c);
    for (int i = 0; i < r->g.m; i++)
        for (int j = 0; j < r->g.cols->n; j++)
            tile_store(e, tile_sum(i, j), atc(e, r->sums[j], i * tile), ci(e, TILE_ROW_BYTES));
}

/* Accumulators: those of the chunks before, or zero. */
static void begin_sums(Emit *e, const TileResults *r)
{
    const Contract *c = r->g.task->c;
    int64_t tile = tile_results_stride(c);
    If f = {0};
    if (c->n_chunks > 1) {
        f = if_begin(e, lt(e, ci(e, 0), r->g.b->chunk));
        for (int i = 0; i < r->g.m; i++)
            for (int j = 0; j < r->g.cols->n; j++)
                tile_load(e, tile_sum(i, j), atc(e, r->sums[j], i * tile), ci(e, TILE_ROW_BYTES));
        if_else(e, &f);
    }
    for (int i = 0; i < r->g.m; i++)
        for (int j = 0; j < r->g.cols->n; j++)
            tile_zero(e, tile_sum(i, j));
    if (c->n_chunks > 1)
        if_end(e, &f);
}

/* Where each tile's window begins in the chunk at `base`. */
static void window_starts(Emit *e, const TileGroup *g, V base, V *window)
{
    const Contract *c = g->task->c;
    int64_t next = c->tile_rows * c->stride * strip_row(c);
    for (int i = 0; i < g->m; i++) {
        if (i && tiles_are_neighbours(c)) {
            window[i] = operand_at(e, c, window[0], ci(e, next));
            continue;
        }
        V pixel = tile_line_at(e, g->task, addc(e, g->tile, i)).pixel;
        window[i] = operand_at(e, c, base, window_offset(e, g->task, pixel));
    }
}

/* All taps of the chunk, which holds `count` channels. */
static void run_taps(Emit *e, const TileGroup *g, TileProduct *p, const V *window, V count)
{
    const Contract *c = g->task->c;
    const PanelLayout layout = panel_read(c);
    V panel = var(e, e->ptr, g->b->panel);
    Loop ly = loop_begin(e, ci(e, 0), ci(e, c->kh), 1);
    Loop lx = loop_begin(e, ci(e, 0), ci(e, c->kw), 1);
    V tap = mulc(e, add(e, mulc(e, ly.i, g->task->sw), lx.i), strip_row(c)), here = get(e, panel);
    for (int i = 0; i < g->m; i++)
        p->a[i] = operand_at(e, c, window[i], tap);
    for (int j = 0; j < g->cols->n; j++)
        p->b[j] = atc(e, here, block_vector(c, &layout, g->cols->v[j]));
    tile_products(e, p, udivc(e, count, c->k_step));
    set(e, panel, atc(e, here, panel_rows(&layout) * PANEL_COLUMNS));
    loop_end(e, &lx);
    loop_end(e, &ly);
}

static TileResults product(Emit *e, const TileGroup *g, const Overlap *o)
{
    const Contract *c = g->task->c;
    int64_t steps = c->kh * c->kw * (last_chunk(c) / c->k_step);
    int in_step = g->m * g->cols->n,
        apart = products_apart(in_step, steps, o->previous ? tile_results_rows(o->previous) : 1);
    V window[TILE_MOST],
        count = chunk_channels(e, c, g->b->chunk),
        base = operand_at(e, c, g->task->strip, mulc(e, g->b->chunk, g->task->chunk_stride));
    TileProduct p = {.m = g->m,
                     .n = g->cols->n,
                     .lda = ci(e, c->stride * strip_row(c) * 2),
                     .ldb = ci(e, PANEL_COLUMNS * 4),
                     .a_step = c->k_step * 2,
                     .b_step = c->k_step / 2 * PANEL_COLUMNS * 4,
                     .unroll = 1,
                     .apart = apart,
                     .stream_a = c->flat,
                     .stream_b = !c->flat};
    TileResults r = tile_results(e, g);
    window_starts(e, g, base, window);
    begin_sums(e, &r);
    Shares shares = shares_begin(e, o, steps * in_step / apart);
    p.overlap = overlap_share;
    p.user = &shares;
    run_taps(e, g, &p, window, count);
    store_sums(e, &r);
    return r;
}

/* ---- a block ---- */

/* The vectors of the block, by one or two. Returns how many. */
static int columns_of(const PanelBlock *b, Columns *cols)
{
    int n = 0;
    for (int v = 0; v < b->nvec; v += TILE_MOST)
        cols[n++] = (Columns){{v, v + 1}, b->nvec - v < TILE_MOST ? 1 : TILE_MOST};
    return n;
}

/* Sums of one group are in scratch while those of the next one are stored: two buffers. */
static V buffer_of(Emit *e, V product) { return LLVMBuildAnd(e->b, product, ci(e, 1), ""); }

/* Tiles of most strips, and of the last one. */
static void count_tiles(const Contract *c, int64_t *whole, int64_t *last)
{
    *whole = *last = tile_count(c);
    if (c->flat)
        *last = c->tw % c->pixels ? ceil_div(c->tw % c->pixels, c->tile_rows) : *whole;
    else if (c->images == 1 && c->oh % c->th)
        *last = c->oh % c->th * tiles_of_line(c);
}

static V tiles_of_strip(Emit *e, const ContractTask *task)
{
    const Contract *c = task->c;
    int64_t whole, last;
    count_tiles(c, &whole, &last);
    if (last == whole)
        return ci(e, whole);
    if (c->flat)
        return udivc(e, addc(e, task->pixels, c->tile_rows - 1), c->tile_rows);
    return mulc(e, udivc(e, task->pixels, c->tw), tiles_of_line(c));
}

/* The next chunk's panels come from beyond L2. Each product of this chunk prefetches a share of
 * them: `rows` rows of 64 bytes. */
typedef struct {
    Prefetch panels;
    int64_t rows;
    /* The same for its chunk of the strip, in bytes; NULL: not. */
    V strip;
    int64_t bytes;
} NextChunk;

static NextChunk next_chunk(Emit *e, const ContractTask *task, const PanelBlock *b, int n)
{
    const Contract *c = task->c;
    const PanelLayout p = panel_layout(c);
    int64_t shares = ceil_div(tile_count(c), TILE_MOST) * n, rows = c->kc / p.group;
    V last = eq(e, b->chunk, ci(e, c->n_chunks - 1)),
      from = choose(e, last, block_panel(e, c, &p, task->panels, addc(e, b->j, 1)),
                    atc(e, b->stored, rows * PANEL_COLUMNS));
    /* A panel's taps follow each other, and panels too. */
    NextChunk next = {.panels = {.from = from,
                                 .lines = 1,
                                 .groups = rows,
                                 .step = CACHE_LINE,
                                 .count = b->nvec * panel_taps(&p),
                                 .row_step = panel_rows(&p) * CACHE_LINE},
                      .bytes = round_up(ceil_div(task->chunk_stride * 2, shares), CACHE_LINE)};
    next.rows = ceil_div(next.panels.groups * next.panels.count, shares);
    /* The chunk of the strip is too large to stay in L2 from block to block. */
    if (c->staged && !c->flat && c->n_chunks > 1)
        next.strip = operand_at(e, c, task->strip,
                                mulc(e, addc(e, b->chunk, 1), task->chunk_stride));
    return next;
}

/* A block at work. final, an i1: this is its last chunk. */
typedef struct {
    const ContractTask *task;
    const PanelBlock *b;
    Columns cols[TILE_MOST];
    int n; /* of cols */
    NextChunk next;
    V final;
} BlockWork;

/* All groups of two tiles: `pairs` of them, `odd` tiles. */
static void tile_pairs(Emit *e, const BlockWork *w, V pairs, V odd)
{
    int n = w->n;
    const NextChunk *next = &w->next;
    Loop l = loop_begin(e, ci(e, 0), odd, TILE_MOST);
    V first = mulc(e, udivc(e, l.i, TILE_MOST), n);
    TileGroup g = {.task = w->task, .b = w->b, .cols = &w->cols[n - 1], .m = TILE_MOST};
    g.buffer = buffer_of(e, addc(e, first, -1));
    g.tile = addc(e, l.i, -TILE_MOST);
    TileResults r = tile_results(e, &g);
    for (int j = 0; j < n; j++) {
        TileResults previous = r;
        Overlap o = {.previous = &previous};
        o.ready = j ? w->final : LLVMBuildAnd(e->b, w->final, lt(e, ci(e, 0), l.i), "");
        o.prefetch[0] = prefetch_part(e, &next->panels, addc(e, first, j), next->rows);
        if (next->strip)
            o.prefetch[1] = prefetch_row(
                at_byte(e, next->strip, mulc(e, addc(e, first, j), next->bytes)), next->bytes);
        g.cols = &w->cols[j];
        g.tile = l.i;
        g.buffer = buffer_of(e, addc(e, first, j));
        r = product(e, &g, &o);
    }
    loop_end(e, &l);
    If f = if_begin(e, LLVMBuildAnd(e->b, w->final, lt(e, ci(e, 0), odd), ""));
    g.cols = &w->cols[n - 1];
    g.buffer = buffer_of(e, addc(e, mulc(e, pairs, n), -1));
    g.tile = addc(e, odd, -TILE_MOST);
    r = tile_results(e, &g);
    finish(e, &r);
    if_end(e, &f);
}

/* The last tile, without a partner. */
static void tile_alone(Emit *e, const BlockWork *w, V tile)
{
    for (int j = 0; j < w->n; j++) {
        TileGroup g = {w->task, w->b, &w->cols[j], tile, ci(e, 0), 1};
        TileResults r = product(e, &g, &(Overlap){0});
        If last_chunk = if_begin(e, w->final);
        finish(e, &r);
        if_end(e, &last_chunk);
    }
}

void tile_block(Emit *e, const ContractTask *task, const PanelBlock *b)
{
    const Contract *c = task->c;
    CHECK(c->lanes == TILE_COLUMNS && c->bf16);
    BlockWork w = {.task = task, .b = b};
    int64_t whole, last;
    count_tiles(c, &whole, &last);
    w.n = columns_of(b, w.cols);
    w.next = next_chunk(e, task, b, w.n);
    w.final = c->n_chunks == 1 ? LLVMConstInt(e->i1, 1, 0)
                               : eq(e, b->chunk, ci(e, c->n_chunks - 1));
    V tiles = tiles_of_strip(e, task), pairs = udivc(e, tiles, TILE_MOST),
      odd = mulc(e, pairs, TILE_MOST);
    if (whole >= TILE_MOST || last >= TILE_MOST)
        tile_pairs(e, &w, pairs, odd);
    if (whole % TILE_MOST == 0 && last % TILE_MOST == 0)
        return;
    If f = {0};
    bool all = whole % TILE_MOST && last % TILE_MOST;
    if (!all)
        f = if_begin(e, eq(e, uremc(e, tiles, TILE_MOST), ci(e, 1)));
    tile_alone(e, &w, odd);
    if (!all)
        if_end(e, &f);
}
