/* The products of a Winograd convolution: for each position (strip's tiles, channels) x (channels,
 * columns of a block), on vectors or on the tile unit.
 *
 * Beside them, a few lines at a time, the next position's panel and staged inputs are asked for.
 * The tile unit leaves the rest of the core alone for most of the time, so more is done there, a
 * little after each two products: the block before goes through its output transform and epilogue,
 * and the next strip's region and the lines that results will overwrite are asked for. */
#include "emit_winograd.h"
#include "emit_amx.h"
#include "contract_plan.h"
#include "tiles.h"

typedef struct {
    const W *w;
    V inputs, panel, products, k0, count; /* k0, count: some input channels */
    int64_t width;
    int nvec;
    bool first;     /* they are the first ones: else sums of those before lie in products */
    Ahead ahead[2]; /* the next position's panel and inputs */
} Position;

static void ask_next(Emit *e, const void *user)
{
    const Position *p = user;
    for (int i = 0; i < 2; i++)
        ahead_ask(e, &p->ahead[i]);
}

static int unroll(const Contract *c)
{
    return c->bf16 && c->lanes < 8 ? 2 : 4;
} /* of channels, or of pairs */

/* `rows` tiles from `tile` on. */
static void product_tile(Emit *e, const void *position, V tile, int rows)
{
    const Position *p = position;
    const Contract *c = p->w->k.c;
    Micro m;
    micro_init(e, &m, rows, p->nvec);
    if (p->ahead[0].from)
        m.beside = ask_next;
    m.user = p;
    for (int i = 0; i < rows; i++) {
        V row = addc(e, tile, i), out = at(e, p->products, mulc(e, row, p->width));
        m.a[i] = operand_at(e, c, p->inputs, add(e, mulc(e, row, winograd_row(c)), p->k0));
        for (int v = 0; v < p->nvec; v++)
            set(e, m.acc[i][v],
                p->first ? cf(e, 0, c->lanes)
                         : load(e, atc(e, out, (int64_t)v * c->lanes), c->lanes));
    }
    V panel = operand_at(e, c, p->panel, mulc(e, p->k0, p->width));
    if (c->bf16)
        micro_run_bf16(e, &m, panel, ci(e, p->width), udivc(e, p->count, 2), unroll(c));
    else
        micro_run(e, &m, ci(e, 1), panel, ci(e, p->width), p->count, unroll(c));
    for (int i = 0; i < rows; i++) {
        V out = at(e, p->products, mulc(e, addc(e, tile, i), p->width));
        for (int v = 0; v < p->nvec; v++)
            store(e, get(e, m.acc[i][v]), atc(e, out, (int64_t)v * c->lanes));
    }
}

/* ---- on the tile unit ---- */

static void beside(Emit *e, void *user)
{
    const Position *p = user;
    const W *w = p->w;
    ask_next(e, user);
    for (int i = 0; i < 2; i++) {
        ahead_ask(e, &w->region_ahead[i]);
        ahead_ask(e, &w->result_ahead[i]);
    }
    if (!w->before.each)
        return;
    V from = get(e, w->before.next), to = umin(e, addc(e, from, w->before.each), w->before.units);
    Loop l = loop_begin(e, from, to, 1);
    finish_unit(e, w, w->before.products, w->before.j, l.i);
    loop_end(e, &l);
    set(e, w->before.next, to);
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

/* Of m x n tiles: products between two calls of `beside`. */
static int products_apart(const Contract *c, int m, int n)
{
    enum { APART = 2 };
    int all = m * n * (int)steps_of_body(c);
    return all < APART ? all : APART;
}

/* How often `beside` comes for all input channels of one position. */
static int64_t besides(const Contract *c, int nvec)
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
static V input_row(Emit *e, const W *w, V tile)
{
    const Contract *c = w->k.c;
    int64_t tiles = winograd_unit_tiles(c), image = winograd_lines(w->w, c->tiles_y) * c->tiles_x;
    if (winograd_rows(c) == tiles * c->tile_rows)
        return mulc(e, tile, c->tile_rows);
    return add(e, mulc(e, udivc(e, tile, tiles), image),
               mulc(e, uremc(e, tile, tiles), c->tile_rows));
}

/* m of its tiles, from number `tile` on: they stay in L1 while the columns pass by. */
static void unit_tiles(Emit *e, Position *p, V tile, int m)
{
    const W *w = p->w;
    const Contract *c = w->k.c;
    int64_t pair = p->width * 4; /* bytes of two channels of the panel, and of a row of products */
    int64_t taps = w->w->taps, all = in_channels(c), run = run_channels(c), runs = all / run * taps;
    for (int v = 0; v < p->nvec; v += TILE_MOST) {
        TileProduct t = {.m = m,
                         .n = p->nvec - v < TILE_MOST ? 1 : TILE_MOST,
                         .lda = ci(e, winograd_row(c) * 2),
                         .ldb = ci(e, pair),
                         .a_step = c->k_step * 2,
                         .b_step = c->k_step / 2 * pair,
                         .stream_b = true,
                         .unroll = (int)steps_of_body(c),
                         .beside = beside,
                         .user = p};
        t.apart = products_apart(c, t.m, t.n);
        V out[TILE_MOST], a[TILE_MOST],
            panel = atc(e, operand_at(e, c, p->panel, mulc(e, p->k0, p->width)),
                        (int64_t)v * c->lanes);
        for (int i = 0; i < m; i++) {
            V number = addc(e, tile, i);
            a[i] = operand_at(e, c, p->inputs,
                              add(e, mulc(e, input_row(e, w, number), winograd_row(c)), p->k0));
            out[i] = at(e, p->products,
                        addc(e, mulc(e, number, c->tile_rows * p->width), (int64_t)v * c->lanes));
        }
        for (int i = 0; i < m; i++)
            for (int j = 0; j < t.n; j++) {
                if (p->first)
                    tile_zero(e, tile_sum(i, j));
                else
                    tile_load(e, tile_sum(i, j), atc(e, out[i], (int64_t)j * c->lanes),
                              ci(e, pair));
            }
        Loop l = {0};
        if (taps > 1)
            l = loop_begin(e, ci(e, 0), ci(e, runs), 1);
        V channel = taps > 1 ? mulc(e, udivc(e, l.i, taps), run) : ci(e, 0),
          tap = taps > 1 ? uremc(e, l.i, taps) : ci(e, 0);
        V below = add(e, mulc(e, tap, c->tiles_x * winograd_row(c)), channel),
          kernel = mulc(e, add(e, mulc(e, tap, all), channel), p->width);
        for (int i = 0; i < m; i++)
            t.a[i] = operand_at(e, c, a[i], below);
        for (int j = 0; j < t.n; j++)
            t.b[j] = atc(e, operand_at(e, c, panel, kernel), (int64_t)j * c->lanes);
        tile_products(e, &t, taps > 1 ? ci(e, run / c->k_step) : udivc(e, p->count, c->k_step));
        if (taps > 1)
            loop_end(e, &l);
        for (int i = 0; i < m; i++)
            for (int j = 0; j < t.n; j++)
                tile_store(e, tile_sum(i, j), atc(e, out[i], (int64_t)j * c->lanes), ci(e, pair));
    }
}

static void unit_products(Emit *e, Position *p)
{
    const Contract *c = p->w->k.c;
    int64_t tiles = winograd_rows(c) / c->tile_rows, pairs = tiles / TILE_MOST * TILE_MOST;
    if (pairs) {
        Loop l = loop_begin(e, ci(e, 0), ci(e, pairs), TILE_MOST);
        unit_tiles(e, p, l.i, TILE_MOST);
        loop_end(e, &l);
    }
    if (tiles > pairs)
        unit_tiles(e, p, ci(e, pairs), 1);
}

void ask_for_regions(Emit *e, W *w)
{
    const Contract *c = w->k.c;
    int up = w->w->upsample;
    int64_t h = c->h / up, wide = c->w / up,
            calls = c->blocks / c->pieces * winograd_positions(c) * besides(c, c->nr);
    if (c->staged || c->images > 1 || c->upsample != up || w->rows > h || w->cols > wide)
        return;
    K next = w->k;
    V task = e->task, zero = ci(e, 0);
    e->task = umin(e, addc(e, task, 1),
                   ci(e, contract_tasks(c) - 1)); /* a thread's tasks follow each other */
    contract_task(e, &next);
    e->task = task;
    V iy = umin(e, umax(e, addc(e, udivc(e, next.y0, up), -c->pad_top), zero), ci(e, h - w->rows));
    V ix = umin(e, umax(e, addc(e, udivc(e, next.x0, up), -c->pad_left), zero),
                ci(e, wide - w->cols));
    for (int i = 0; i < (c->c2 ? 2 : 1); i++) {
        int64_t width = i ? c->c2 : c->c1;
        V pixel = input_pixel(e, c, (i ? c->x2_shared : c->x_shared) ? zero : next.b0, iy, ix, 1);
        w->region_ahead[i] = (Ahead){.from = at(e, i ? w->k.x2 : w->k.x, mulc(e, pixel, width)),
                                     .lines = 1,
                                     .groups = w->cols * width * 4 / CACHE_LINE,
                                     .step = CACHE_LINE,
                                     .count = w->rows,
                                     .row_step = wide * width * 4};
        ahead_begin(e, &w->region_ahead[i], calls);
    }
}

/* What is done beside the products of block j, but for the next strip's region. */
static void block_beside(Emit *e, W *w, V j, int nvec)
{
    const Contract *c = w->k.c;
    int64_t calls = winograd_positions(c) * besides(c, nvec);
    if (winograd_beside(c)) {
        int64_t floats = winograd_positions(c) * winograd_product_stride(c, c->nr * c->lanes),
                units = c->nr * w->tiles;
        V turn = LLVMBuildAnd(e->b, sub(e, j, w->first), ci(e, 1), "");
        w->before.j = addc(e, j, -1);
        w->before.products = at(e, w->products, sub(e, ci(e, floats), mulc(e, turn, floats)));
        w->before.units = choose(e, lt(e, w->first, j), ci(e, units), ci(e, 0));
        w->before.next = var(e, e->i64, ci(e, 0));
        w->before.each = ceil_div(units, calls);
        w->products = at(e, w->products, mulc(e, turn, floats));
    }
    if (c->images > 1)
        return;
    V batch, pixel = output_pixel(e, &w->k, ci(e, 0), &batch),
             column = mulc(e, j, c->nr * c->lanes);
    for (int i = c->past_caches; i < (c->has_res && !c->res_shared ? 2 : 1); i++) {
        int64_t row = i ? c->co : c->ldy;
        w->result_ahead[i] = (Ahead){
            .from = at(e, i ? w->k.res : w->k.y, add(e, mulc(e, pixel, row), column)),
            .lines = nvec,
            .groups = c->tw,
            .step = row * 4,
            .count = c->th,
            .row_step = c->ow * row * 4,
            .write = !i};
        ahead_begin(e, &w->result_ahead[i], calls);
    }
}

static void position_products(Emit *e, Position *p)
{
    if (p->w->k.c->tile_rows)
        unit_products(e, p);
    else
        row_tiles(e, p->w->tiles, e->t->mr[p->nvec], product_tile, p);
}

/* ---- blocks ---- */

/* The transformed inputs of a position. */
static V position_inputs(Emit *e, const W *w, V position)
{
    const WinogradAxis *x = &w->w->x, *y = &w->w->y;
    if (x->n > x->inputs) {
        V along[2] = {udivc(e, position, x->n), uremc(e, position, x->n)};
        along[0] = choose(e, lt(e, ci(e, y->twice), along[0]), addc(e, along[0], -1), along[0]);
        along[1] = choose(e, lt(e, ci(e, x->twice), along[1]), addc(e, along[1], -1), along[1]);
        position = add(e, mulc(e, along[0], x->inputs), along[1]);
    }
    return operand_at(e, w->k.c, w->transformed, mulc(e, position, winograd_input_stride(w->k.c)));
}

/* Input channels in parts whose panel stays in L2 while the strip's tiles pass by; on the tile unit
 * all at once. */
static void stored_products(Emit *e, const W *w, V j, int nvec)
{
    const Contract *c = w->k.c;
    int64_t all = in_channels(c), positions = winograd_positions(c),
            width = (int64_t)nvec * c->lanes, element = c->bf16 ? 2 : 4;
    int64_t depth = w->w->taps * all, most = e->t->l2_bytes / 4 / (width * element),
            part = c->tile_rows ? all : round_up(ceil_div(all, ceil_div(all, most)), c->lanes);
    Loop l = loop_begin(e, ci(e, 0), ci(e, positions), 1);
    V block = operand_at(e, c, w->k.panels, mulc(e, j, positions * depth * c->nr * c->lanes));
    Position p = {.w = w,
                  .inputs = position_inputs(e, w, l.i),
                  .panel = operand_at(e, c, block, mulc(e, l.i, depth * width)),
                  .products = at(e, w->products, mulc(e, l.i, winograd_product_stride(c, width))),
                  .k0 = ci(e, 0),
                  .count = ci(e, part < all ? part : all),
                  .width = width,
                  .nvec = nvec,
                  .first = true};
    int64_t calls = c->tile_rows ? besides(c, nvec)
                                 : ceil_div(w->tiles, e->t->mr[nvec]) *
                                       ceil_div(part, unroll(c) * (c->bf16 ? 2 : 1));
    p.ahead[0] = ahead_row(operand_at(e, c, p.panel, ci(e, depth * width)),
                           depth * width * element);
    if (c->staged)
        p.ahead[1] = ahead_row(position_inputs(e, w, addc(e, l.i, 1)),
                               winograd_input_stride(c) * element);
    for (int i = 0; i < (c->staged ? 2 : 1); i++)
        ahead_begin(e, &p.ahead[i], calls);
    position_products(e, &p);
    if (part < all) {
        Loop lk = loop_begin(e, ci(e, part), ci(e, all), part);
        p.k0 = lk.i;
        p.count = umin(e, ci(e, part), sub(e, ci(e, all), lk.i));
        p.first = false;
        position_products(e, &p);
        loop_end(e, &lk);
    }
    loop_end(e, &l);
}

/* Some input channels from k0 on of every position, kernels transformed first. */
static void part_products(Emit *e, const W *w, V j, int nvec, V k0, V count, bool first)
{
    const Contract *c = w->k.c;
    int64_t ci_ = in_channels(c), taps = (int64_t)c->kh * c->kw, width = (int64_t)nvec * c->lanes;
    V stored = operand_at(
        e, c, w->k.panels,
        add(e, mulc(e, j, taps * ci_ * c->nr * c->lanes), mulc(e, k0, taps * width)));
    emit_winograd_kernel(e, c, stored, w->kernels, count, nvec, winograd_part_stride(c, nvec));
    Loop l = loop_begin(e, ci(e, 0), ci(e, winograd_positions(c)), 1);
    Position p = {.w = w,
                  .inputs = operand_at(e, c, position_inputs(e, w, l.i), k0),
                  .panel = at(e, w->kernels, mulc(e, l.i, winograd_part_stride(c, nvec))),
                  .products = at(e, w->products, mulc(e, l.i, winograd_product_stride(c, width))),
                  .k0 = ci(e, 0),
                  .count = count,
                  .width = width,
                  .nvec = nvec,
                  .first = first};
    position_products(e, &p);
    loop_end(e, &l);
}

/* The same for plain kernels: part by part, so that each is transformed once. */
static void streamed_products(Emit *e, const W *w, V j, int nvec)
{
    int64_t ci_ = in_channels(w->k.c), part = winograd_part(w->k.c);
    part_products(e, w, j, nvec, ci(e, 0), ci(e, part < ci_ ? part : ci_), true);
    if (part >= ci_)
        return;
    Loop l = loop_begin(e, ci(e, part), ci(e, ci_), part);
    part_products(e, w, j, nvec, l.i, umin(e, ci(e, part), sub(e, ci(e, ci_), l.i)), false);
    loop_end(e, &l);
}

void block_products(Emit *e, W *w, V j, int nvec)
{
    if (w->k.c->tile_rows)
        block_beside(e, w, j, nvec);
    (w->k.c->kernels == KERNELS_STREAMED ? streamed_products : stored_products)(e, w, j, nvec);
}
