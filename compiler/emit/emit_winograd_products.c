/* The products of a Winograd convolution: for each position (strip's tiles, channels) x (channels,
 * columns of a block), on vectors or on the tile unit. During them the next position's panel and
 * staged inputs are prefetched, a few lines at a time. */
#include "emit_winograd_products.h"
#include "emit_micro.h"
#include "emit_winograd_kernel.h"
#include "emit_winograd_tiles.h"
#include <string.h>

static void prefetch_next(Emit *e, const void *user)
{
    const Position *p = user;
    for (int i = 0; i < 2; i++)
        prefetch_share(e, &p->prefetch[i]);
}

static int unroll(const Contract *c)
{
    return c->bf16 && c->lanes < 8 ? 2 : 4;
} /* of channels, or of pairs */

/* Row of the transformed inputs of a row of products: images have lines without products. */
static V input_line(Emit *e, const WinogradTask *w, V row)
{
    const Contract *c = w->task.c;
    int64_t beyond = (w->form->taps - 1) * c->tiles_x;
    if (!beyond || c->images == 1)
        return row;
    return add(e, row, mulc(e, udivc(e, row, c->tiles_x * c->tiles_y), beyond));
}

/* The channels of position p, times those rows of the panel. */
static void run_channels(Emit *e, const Position *p, Micro *m, V panel)
{
    const Contract *c = p->w->task.c;
    if (c->bf16)
        micro_run_bf16(e, m, panel, ci(e, p->panel_row), udivc(e, p->count, 2), unroll(c));
    else
        micro_run(e, m, panel, ci(e, p->panel_row), p->count, unroll(c));
}

/* The same for each tap: the inputs one line of tiles below, times the next rows of the panel. */
static void run_taps(Emit *e, const Position *p, Micro *m, V panel)
{
    const Contract *c = p->w->task.c;
    V first[16];
    memcpy(first, m->a, sizeof first);
    Loop l = loop_begin(e, ci(e, 0), ci(e, p->w->form->taps), 1);
    for (int i = 0; i < m->rows; i++)
        m->a[i] = operand_at(e, c, first[i], mulc(e, l.i, c->tiles_x * winograd_row(c)));
    run_channels(e, p, m, at(e, panel, mulc(e, l.i, p->tap)));
    loop_end(e, &l);
}

/* `rows` tiles from `tile` on. */
static void product_tile(Emit *e, const void *position, V tile, int rows)
{
    const Position *p = position;
    const Contract *c = p->w->task.c;
    Micro m;
    micro_init(e, &m, rows, p->nvec);
    if (p->prefetch[0].from)
        m.overlap = prefetch_next;
    m.user = p;
    memcpy(m.offset, p->offset, sizeof m.offset);
    for (int i = 0; i < rows; i++) {
        V row = addc(e, tile, i), out = at(e, p->products, mulc(e, row, p->width));
        V line = input_line(e, p->w, row);
        m.a[i] = operand_at(e, c, p->inputs, add(e, mulc(e, line, winograd_row(c)), p->k0));
        for (int v = 0; v < p->nvec; v++)
            set(e, m.acc[i][v],
                p->first ? cf(e, 0, c->lanes)
                         : load(e, atc(e, out, (int64_t)v * c->lanes), c->lanes));
    }
    V panel = at(e, p->panel, mulc(e, udivc(e, p->k0, c->bf16 ? 2 : 1), p->panel_row));
    (p->w->form->taps > 1 ? run_taps : run_channels)(e, p, &m, panel);
    for (int i = 0; i < rows; i++) {
        V out = at(e, p->products, mulc(e, addc(e, tile, i), p->width));
        for (int v = 0; v < p->nvec; v++)
            store(e, get(e, m.acc[i][v]), atc(e, out, (int64_t)v * c->lanes));
    }
}

static void position_products(Emit *e, Position *p)
{
    if (p->w->task.c->tile_rows)
        unit_products(e, p);
    else
        row_tiles(e, p->w->tiles, e->t->mr[p->nvec], product_tile, p);
}

/* The transformed inputs of a position. */
static V position_inputs(Emit *e, const WinogradTask *w, V position)
{
    const WinogradAxis *x = &w->form->x, *y = &w->form->y;
    if (x->n > x->inputs) {
        V along[2] = {udivc(e, position, x->n), uremc(e, position, x->n)};
        along[0] = choose(e, lt(e, ci(e, y->twice), along[0]), addc(e, along[0], -1), along[0]);
        along[1] = choose(e, lt(e, ci(e, x->twice), along[1]), addc(e, along[1], -1), along[1]);
        position = add(e, mulc(e, along[0], x->inputs), along[1]);
    }
    return operand_at(e, w->task.c, w->transformed,
                      mulc(e, position, winograd_input_stride(w->task.c)));
}

/* The panels of the position after number `position` of block b, or of the next block's first one;
 * those of all the block's vectors. */
static Prefetch next_panels(Emit *e, const WinogradTask *w, const ColumnBlock *b, V position)
{
    const Contract *c = w->task.c;
    const PanelLayout layout = panel_layout(c);
    int64_t positions = winograd_positions(c), rows = w->form->taps * panel_rows(&layout);
    V next = addc(e, position, 1), more = lt(e, next, ci(e, positions));
    V block = block_panel(e, c, &layout, w->task.panels, choose(e, more, b->j, addc(e, b->j, 1)));
    return (Prefetch){
        .from = at(e, block, mulc(e, choose(e, more, next, ci(e, 0)), rows * PANEL_COLUMNS)),
        .lines = 1,
        .groups = rows,
        .step = PANEL_COLUMNS * 4,
        .count = ceil_div((int64_t)b->nvec * c->lanes, PANEL_COLUMNS),
        .row_step = panel_words(&layout) * 4};
}

/* Input channels in parts whose panel stays in L2 while the strip's tiles pass by; on the tile unit
 * all at once. */
static void stored_products(Emit *e, const WinogradTask *w, const ColumnBlock *b)
{
    const Contract *c = w->task.c;
    int64_t all = in_channels(c), positions = winograd_positions(c),
            width = (int64_t)b->nvec * c->lanes, element = c->bf16 ? 2 : 4;
    const PanelLayout layout = panel_layout(c);
    int64_t taps = w->form->taps, tap = panel_rows(&layout) * PANEL_COLUMNS, depth = taps * tap,
            most = e->t->l2_bytes / 4 / (width * element * taps),
            part = c->tile_rows ? all : round_up(ceil_div(all, ceil_div(all, most)), c->lanes);
    Loop l = loop_begin(e, ci(e, 0), ci(e, positions), 1);
    V block = block_panel(e, c, &layout, w->task.panels, b->j);
    Position p = {.w = w,
                  .inputs = position_inputs(e, w, l.i),
                  .panel = at(e, block, mulc(e, l.i, depth)),
                  .products = at(e, w->products, mulc(e, l.i, winograd_product_stride(c, width))),
                  .k0 = ci(e, 0),
                  .count = ci(e, part < all ? part : all),
                  .width = width,
                  .panel_row = PANEL_COLUMNS,
                  .tap = tap,
                  .nvec = b->nvec,
                  .first = true};
    for (int v = 0; v < b->nvec; v++)
        p.offset[v] = block_vector(c, &layout, v);
    int64_t calls = c->tile_rows ? winograd_shares(c, b->nvec)
                                 : ceil_div(w->tiles, e->t->mr[b->nvec]) * taps *
                                       ceil_div(part, unroll(c) * (c->bf16 ? 2 : 1));
    p.prefetch[0] = next_panels(e, w, b, l.i);
    if (c->staged)
        p.prefetch[1] = prefetch_row(position_inputs(e, w, addc(e, l.i, 1)),
                                     winograd_input_stride(c) * element);
    for (int i = 0; i < (c->staged ? 2 : 1); i++)
        prefetch_begin(e, &p.prefetch[i], calls);
    position_products(e, &p);
    if (part < all) {
        Loop lk = loop_begin(e, ci(e, part), ci(e, all), part);
        p.k0 = lk.i;
        p.count = smin(e, ci(e, part), sub(e, ci(e, all), lk.i));
        p.first = false;
        position_products(e, &p);
        loop_end(e, &lk);
    }
    loop_end(e, &l);
}

/* The input channels from k0 on, `count` of them, of every position: kernels are transformed first.
 * They are the first ones where k0 is a constant. */
static void part_products(Emit *e, const WinogradTask *w, const ColumnBlock *b, V k0, V count)
{
    const Contract *c = w->task.c;
    int64_t width = (int64_t)b->nvec * c->lanes, position = winograd_part_stride(c, b->nvec);
    PlainKernel k = {.stored = w->task.panels,
                     .j = b->j,
                     .first = k0,
                     .out = w->kernels,
                     .count = count,
                     .nvec = b->nvec,
                     .position = position,
                     .row = width};
    emit_winograd_kernel(e, c, &k);
    Loop l = loop_begin(e, ci(e, 0), ci(e, winograd_positions(c)), 1);
    Position p = {.w = w,
                  .inputs = operand_at(e, c, position_inputs(e, w, l.i), k0),
                  .panel = at(e, w->kernels, mulc(e, l.i, position)),
                  .products = at(e, w->products, mulc(e, l.i, winograd_product_stride(c, width))),
                  .k0 = ci(e, 0),
                  .count = count,
                  .width = width,
                  .panel_row = width,
                  .nvec = b->nvec,
                  .first = LLVMIsConstant(k0)};
    for (int v = 0; v < b->nvec; v++)
        p.offset[v] = (int64_t)v * c->lanes;
    position_products(e, &p);
    loop_end(e, &l);
}

/* The same for plain kernels: part by part, so that each is transformed once. */
static void streamed_products(Emit *e, const WinogradTask *w, const ColumnBlock *b)
{
    int64_t all = in_channels(w->task.c), part = winograd_part(w->task.c);
    part_products(e, w, b, ci(e, 0), ci(e, min64(part, all)));
    if (part >= all)
        return;
    Loop l = loop_begin(e, ci(e, part), ci(e, all), part);
    part_products(e, w, b, l.i, smin(e, ci(e, part), sub(e, ci(e, all), l.i)));
    loop_end(e, &l);
}

void block_products(Emit *e, WinogradTask *w, const ColumnBlock *b)
{
    const Contract *c = w->task.c;
    if (c->tile_rows)
        winograd_overlap_block(e, w, b->j, b->nvec);
    (c->kernels == KERNELS_STREAMED ? streamed_products : stored_products)(e, w, b);
}
