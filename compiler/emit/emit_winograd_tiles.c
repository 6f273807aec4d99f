/* Products of a Winograd convolution on the tile unit. The rest of the core is free most of that
 * time. So after each two products a share of other work is done: the block before goes through its
 * output transform and epilogue; the next position's panel, the next strip's region and the lines
 * that results will overwrite are prefetched. */
#include "emit_winograd_tiles.h"
#include "contract_plan.h"
#include "emit_amx.h"
#include "tiles.h"

static void overlap_share(Emit *e, void *user)
{
    const Position *p = user;
    const WinogradTask *w = p->w;
    for (int i = 0; i < 2; i++)
        prefetch_share(e, &p->prefetch[i]);
    for (int i = 0; i < 2; i++) {
        prefetch_share(e, &w->region_prefetch[i]);
        prefetch_share(e, &w->result_prefetch[i]);
    }
    if (!w->previous.each)
        return;
    V from = get(e, w->previous.next),
      to = smin(e, addc(e, from, w->previous.each), w->previous.units);
    Loop l = loop_begin(e, from, to, 1);
    finish_unit(e, w, w->previous.products, w->previous.j, l.i);
    loop_end(e, &l);
    set(e, w->previous.next, to);
}

/* Input channels of a run of steps. With several taps all of them read the same two tiles and those
 * below, which stay in L1. */
static int64_t run_channels(const Contract *c)
{
    int64_t all = in_channels(c), part = c->kernels == KERNELS_STREAMED ? winograd_part(c) : all,
            runs = 1;
    if (winograd_form(c)->taps == 1)
        return part;
    int64_t rows = TILE_MOST * c->tile_rows + (winograd_form(c)->taps - 1) * c->tiles_x;
    while (all / runs * rows * 2 > L1_SHARE || all % (runs * c->k_step))
        runs++;
    return all / runs;
}

/* Steps of a loop's body: they divide those of each run. */
static int64_t steps_of_body(const Contract *c)
{
    int64_t run = run_channels(c), rest = in_channels(c) % run;
    return run / c->k_step % 2 == 0 && rest / c->k_step % 2 == 0 ? 2 : 1;
}

/* Of m x n tiles: products between two calls of overlap_share. */
static int products_apart(const Contract *c, int m, int n)
{
    enum { APART = 2 };
    int all = m * n * (int)steps_of_body(c);
    return all < APART ? all : APART;
}

/* How often overlap_share comes for all input channels of one position. */
int64_t winograd_shares(const Contract *c, int nvec)
{
    int64_t calls = 0, tiles = winograd_rows(c) / c->tile_rows,
            steps = winograd_form(c)->taps * in_channels(c) / c->k_step;
    for (int64_t i = 0; i < tiles; i += TILE_MOST)
        for (int v = 0; v < nvec; v += TILE_MOST) {
            int m = tiles - i < TILE_MOST ? 1 : TILE_MOST, n = nvec - v < TILE_MOST ? 1 : TILE_MOST;
            calls += steps * m * n / products_apart(c, m, n);
        }
    return calls;
}

/* Row of the transformed inputs where the unit's tile number `tile` begins. */
static V input_row(Emit *e, const WinogradTask *w, V tile)
{
    const Contract *c = w->task.c;
    int64_t tiles = winograd_unit_tiles(c),
            image = winograd_lines(w->form, c->tiles_y) * c->tiles_x;
    if (winograd_rows(c) == tiles * c->tile_rows)
        return mulc(e, tile, c->tile_rows);
    return add(e, mulc(e, udivc(e, tile, tiles), image),
               mulc(e, uremc(e, tile, tiles), c->tile_rows));
}

/* m tiles of rows, one or two of columns: where their products lie; where their inputs begin, and
 * the columns of the panel. */
typedef struct {
    V out[TILE_MOST], inputs[TILE_MOST], panel;
    int v;
} Group;

static Group group_at(Emit *e, const Position *p, V tile, int m, int v)
{
    const Contract *c = p->w->task.c;
    int64_t column = (int64_t)v * c->lanes;
    Group g = {.v = v};
    g.panel = at(e, p->panel, mulc(e, udivc(e, p->k0, 2), p->panel_row));
    for (int i = 0; i < m; i++) {
        V number = addc(e, tile, i), row = input_row(e, p->w, number);
        g.inputs[i] = operand_at(e, c, p->inputs, add(e, mulc(e, row, winograd_row(c)), p->k0));
        g.out[i] = at(e, p->products, addc(e, mulc(e, number, c->tile_rows * p->width), column));
    }
    return g;
}

/* All channels of all taps: run by run, where there are several taps. */
static void run_taps(Emit *e, const Position *p, TileProduct *t, const Group *g)
{
    const Contract *c = p->w->task.c;
    int64_t taps = p->w->form->taps, all = in_channels(c), run = run_channels(c);
    Loop l = {0};
    if (taps > 1)
        l = loop_begin(e, ci(e, 0), ci(e, all / run * taps), 1);
    V channel = taps > 1 ? mulc(e, udivc(e, l.i, taps), run) : ci(e, 0),
      tap = taps > 1 ? uremc(e, l.i, taps) : ci(e, 0);
    V below = add(e, mulc(e, tap, c->tiles_x * winograd_row(c)), channel),
      kernel = mulc(e, add(e, mulc(e, tap, all / 2), udivc(e, channel, 2)), p->panel_row);
    for (int i = 0; i < t->m; i++)
        t->a[i] = operand_at(e, c, g->inputs[i], below);
    for (int j = 0; j < t->n; j++)
        t->b[j] = atc(e, at(e, g->panel, kernel), p->offset[g->v + j]);
    tile_products(e, t, taps > 1 ? ci(e, run / c->k_step) : udivc(e, p->count, c->k_step));
    if (taps > 1)
        loop_end(e, &l);
}

/* m of the unit's tiles, from number `tile` on: they stay in L1 while the columns pass by. */
static void unit_tiles(Emit *e, Position *p, V tile, int m)
{
    const Contract *c = p->w->task.c;
    int64_t pair = p->width * 4; /* bytes of a row of products */
    for (int v = 0; v < p->nvec; v += TILE_MOST) {
        TileProduct t = {.m = m,
                         .n = p->nvec - v < TILE_MOST ? 1 : TILE_MOST,
                         .lda = ci(e, winograd_row(c) * 2),
                         .ldb = ci(e, p->panel_row * 4),
                         .a_step = c->k_step * 2,
                         .b_step = c->k_step / 2 * p->panel_row * 4,
                         .stream_b = true,
                         .unroll = (int)steps_of_body(c),
                         .overlap = overlap_share,
                         .user = p};
        t.apart = products_apart(c, t.m, t.n);
        Group g = group_at(e, p, tile, m, v);
        for (int i = 0; i < m; i++)
            for (int j = 0; j < t.n; j++) {
                V sums = atc(e, g.out[i], (int64_t)j * c->lanes);
                if (p->first)
                    tile_zero(e, tile_sum(i, j));
                else
                    tile_load(e, tile_sum(i, j), sums, ci(e, pair));
            }
        run_taps(e, p, &t, &g);
        for (int i = 0; i < m; i++)
            for (int j = 0; j < t.n; j++)
                tile_store(e, tile_sum(i, j), atc(e, g.out[i], (int64_t)j * c->lanes), ci(e, pair));
    }
}

void unit_products(Emit *e, Position *p)
{
    const Contract *c = p->w->task.c;
    int64_t tiles = winograd_rows(c) / c->tile_rows, pairs = tiles / TILE_MOST * TILE_MOST;
    if (pairs) {
        Loop l = loop_begin(e, ci(e, 0), ci(e, pairs), TILE_MOST);
        unit_tiles(e, p, l.i, TILE_MOST);
        loop_end(e, &l);
    }
    if (tiles > pairs)
        unit_tiles(e, p, ci(e, pairs), 1);
}

void prefetch_regions(Emit *e, WinogradTask *w)
{
    const Contract *c = w->task.c;
    int up = w->form->upsample;
    int64_t h = c->h / up, wide = c->w / up,
            calls = c->blocks / c->slices * winograd_positions(c) * winograd_shares(c, c->nr);
    if (c->staged || c->images > 1 || c->upsample != up || w->rows > h || w->cols > wide)
        return;
    ContractTask next = w->task;
    V number = e->task, zero = ci(e, 0);
    e->task = smin(e, addc(e, number, 1),
                   ci(e, contract_tasks(c) - 1)); /* a thread's tasks follow each other */
    contract_task(e, &next);
    e->task = number;
    V iy = smin(e, smax(e, addc(e, udivc(e, next.y0, up), -c->pad_top), zero), ci(e, h - w->rows));
    V ix = smin(e, smax(e, addc(e, udivc(e, next.x0, up), -c->pad_left), zero),
                ci(e, wide - w->cols));
    for (int i = 0; i < (c->c2 ? 2 : 1); i++) {
        int64_t width = i ? c->c2 : c->c1;
        V pixel = input_pixel(e, c, (i ? c->x2_shared : c->x_shared) ? zero : next.b0, iy, ix, 1);
        w->region_prefetch[i] = (Prefetch){
            .from = at(e, i ? w->task.x2 : w->task.x, mulc(e, pixel, width)),
            .lines = 1,
            .groups = w->cols * width * 4 / CACHE_LINE,
            .step = CACHE_LINE,
            .count = w->rows,
            .row_step = wide * width * 4};
        prefetch_begin(e, &w->region_prefetch[i], calls);
    }
}

void winograd_overlap_block(Emit *e, WinogradTask *w, V j, int nvec)
{
    const Contract *c = w->task.c;
    int64_t calls = winograd_positions(c) * winograd_shares(c, nvec);
    if (winograd_buffers(c) > 1) {
        int64_t floats = winograd_positions(c) * winograd_product_stride(c, c->nr * c->lanes),
                units = c->nr * w->tiles;
        V buffer = LLVMBuildAnd(e->b, sub(e, j, w->first), ci(e, 1), "");
        w->previous.j = addc(e, j, -1);
        w->previous.products = at(e, w->products, sub(e, ci(e, floats), mulc(e, buffer, floats)));
        w->previous.units = choose(e, lt(e, w->first, j), ci(e, units), ci(e, 0));
        w->previous.next = var(e, e->i64, ci(e, 0));
        w->previous.each = ceil_div(units, calls);
        w->products = at(e, w->products, mulc(e, buffer, floats));
    }
    if (c->images > 1)
        return;
    V batch, pixel = output_pixel(e, &w->task, ci(e, 0), &batch),
             column = mulc(e, j, c->nr * c->lanes);
    for (int i = c->epilogue.past_caches;
         i < (c->epilogue.has_res && !c->epilogue.res_shared ? 2 : 1); i++) {
        int64_t row = i ? c->co : c->ldy;
        w->result_prefetch[i] = (Prefetch){
            .from = at(e, i ? w->task.res : w->task.y, add(e, mulc(e, pixel, row), column)),
            .lines = nvec,
            .groups = c->tw,
            .step = row * 4,
            .count = c->th,
            .row_step = c->ow * row * 4,
            .write = !i};
        prefetch_begin(e, &w->result_prefetch[i], calls);
    }
}
