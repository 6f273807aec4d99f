/* The Winograd form of a 3x3 convolution (winograd.c has the algebra, kernels.h the place in the whole).
 *
 *   for each chunk of input channels
 *     the strip's region, normalised                       region: about L1
 *     for each tile: B' d B                                transformed [position][tile][channel]: stays in L2
 *   for each block of output columns of the piece
 *     for each position: products, as in emit_contract     products [position][tile][column]
 *     for each tile: A' M A, epilogue, store
 */
#include "emit_contract.h"
#include "winograd.h"

typedef struct {
    K k;
    const Winograd *w;
    V region, transformed, products, kernels; /* scratch */
    int64_t tiles, rows, cols;       /* tiles of a strip; rows and columns of the region of one image */
} W;

/* y (rows) = matrix (rows, n) x, skipping zeros. */
static void linear(Emit *e, const double *matrix, int rows, int n, const V *x, V *y, int lanes) {
    for (int i = 0; i < rows; i++) {
        V sum = NULL;
        for (int pass = 0; pass < 2; pass++) /* a coefficient of one first: nothing to multiply */
            for (int j = 0; j < n; j++) {
                double f = matrix[i * n + j];
                if (f == 0 || (f == 1) != (pass == 0)) continue;
                if (!sum) sum = f == 1 ? x[j] : fp_mul(e, x[j], cf(e, f, lanes));
                else if (f == 1) sum = fp_add(e, sum, x[j]);
                else if (f == -1) sum = fp_sub(e, sum, x[j]);
                else sum = fp_fma(e, x[j], cf(e, f, lanes), sum);
            }
        y[i] = sum;
    }
}

/* ---- input ---- */

/* kc channels of the region from one operand: src has `width` channels, of which those from `from` on are channels `channel` on of the input.
 * shared: src has one image for all. */
static void load_region(Emit *e, const W *w, V src, int shared, int64_t width, V from, V channel) {
    const Contract *c = w->k.c;
    bool swish = c->pre == PRE_SWISH || c->pre == PRE_AFFINE_SWISH;
    int lanes = swish && c->kc % (2 * c->lanes) == 0 ? 2 * c->lanes : c->lanes;
    Loop lb = loop_begin(e, ci(e, 0), ci(e, c->images), 1);
    V image = add(e, w->k.b0, lb.i);
    Loop lr = loop_begin(e, ci(e, 0), ci(e, w->rows), 1);
    int upsample = w->w->upsample;
    V iy = addc(e, add(e, udivc(e, w->k.y0, upsample), lr.i), -c->pad_top), row_ok = inside(e, iy, c->h / upsample);
    Loop lc = loop_begin(e, ci(e, 0), ci(e, w->cols), 1);
    V ix = addc(e, add(e, udivc(e, w->k.x0, upsample), lc.i), -c->pad_left);
    V to = at(e, w->region, mulc(e, add(e, mulc(e, add(e, mulc(e, lb.i, w->rows), lr.i), w->cols), lc.i), c->kc));
    If f = if_begin(e, LLVMBuildAnd(e->b, row_ok, inside(e, ix, c->w / upsample), ""));
    V pixel = input_pixel(e, c, shared ? ci(e, 0) : image, iy, ix, c->upsample / upsample);
    V row = at(e, src, add(e, mulc(e, pixel, width), from));
    for (int64_t i = 0; i < c->kc; i += lanes)
        store(e, contract_prologue(e, &w->k, load(e, atc(e, row, i), lanes), addc(e, channel, i), image, lanes), atc(e, to, i));
    if_else(e, &f);
    for (int64_t i = 0; i < c->kc; i += c->lanes) store(e, cf(e, 0, c->lanes), atc(e, to, i));
    if_end(e, &f);
    loop_end(e, &lc);
    loop_end(e, &lr);
    loop_end(e, &lb);
}

typedef struct { Loop image, row, col; V tile; } TileLoop; /* over the tiles of a strip; tile: its number */

static TileLoop tiles_begin(Emit *e, const W *w) {
    const Contract *c = w->k.c;
    TileLoop l;
    l.image = loop_begin(e, ci(e, 0), ci(e, c->images), 1);
    l.row = loop_begin(e, ci(e, 0), ci(e, c->tiles_y), 1);
    l.col = loop_begin(e, ci(e, 0), ci(e, c->tiles_x), 1);
    l.tile = add(e, mulc(e, add(e, mulc(e, l.image.i, c->tiles_y), l.row.i), c->tiles_x), l.col.i);
    return l;
}

static void tiles_end(Emit *e, TileLoop *l) {
    loop_end(e, &l->col);
    loop_end(e, &l->row);
    loop_end(e, &l->image);
}

/* B' d B of every tile, for the chunk of channels in the region; channel: its first channel. */
static void transform_inputs(Emit *e, const W *w, V channel) {
    const Contract *c = w->k.c;
    int n = w->w->n, step = winograd_step(w->w), lanes = c->lanes;
    TileLoop t = tiles_begin(e, w);
    V corner = add(e, mulc(e, add(e, mulc(e, t.image.i, w->rows), mulc(e, t.row.i, step)), w->cols), mulc(e, t.col.i, step));
    V from = at(e, w->region, mulc(e, corner, c->kc));
    V to = operand_at(e, c, w->transformed, add(e, mulc(e, t.tile, in_channels(c)), channel));
    Loop l = loop_begin(e, ci(e, 0), ci(e, c->kc), lanes);
    V rows[6][6];
    for (int j = 0; j < n; j++) {
        V d[6], r[6];
        for (int i = 0; i < n; i++) d[i] = load(e, at(e, from, addc(e, l.i, (i * w->cols + j) * c->kc)), lanes);
        linear(e, w->w->b, n, n, d, r, lanes);
        for (int i = 0; i < n; i++) rows[i][j] = r[i];
    }
    for (int i = 0; i < n; i++) {
        V r[6];
        linear(e, w->w->b, n, n, rows[i], r, lanes);
        for (int j = 0; j < n; j++) {
            V place = operand_at(e, c, to, addc(e, l.i, (i * n + j) * winograd_input_stride(c)));
            store_operand(e, c, r[j], place, lanes);
        }
    }
    loop_end(e, &l);
    tiles_end(e, &t);
}

/* Chunks from..to of the input channels, those of x first. */
static void load_inputs(Emit *e, const W *w, V from, V to) {
    const Contract *c = w->k.c;
    int64_t border = c->c1 / c->kc;
    for (int s = 0; s < (c->c2 ? 2 : 1); s++) {
        V first = s ? umax(e, from, ci(e, border)) : from, end = s || !c->c2 ? to : umin(e, to, ci(e, border));
        Loop l = loop_begin(e, first, end, 1);
        V channel = mulc(e, l.i, c->kc);
        load_region(e, w, s ? w->k.x2 : w->k.x, s ? c->x2_shared : c->x_shared, s ? c->c2 : c->c1, addc(e, channel, s ? -c->c1 : 0), channel);
        transform_inputs(e, w, channel);
        loop_end(e, &l);
    }
}

/* ---- products ---- */

typedef struct { const W *w; V inputs, panel, products, k0, count; int64_t width; int nvec; bool first; } Position;

/* `rows` tiles from `tile` on, some input channels of one position; unless they are the first, the sums of those before lie in products. */
static void product_tile(Emit *e, const void *position, V tile, int rows) {
    const Position *p = position;
    const Contract *c = p->w->k.c;
    Micro m;
    micro_init(e, &m, rows, p->nvec);
    for (int i = 0; i < rows; i++) {
        V row = addc(e, tile, i), out = at(e, p->products, mulc(e, row, p->width));
        m.a[i] = operand_at(e, c, p->inputs, add(e, mulc(e, row, in_channels(c)), p->k0));
        for (int v = 0; v < p->nvec; v++)
            set(e, m.acc[i][v], p->first ? cf(e, 0, c->lanes) : load(e, atc(e, out, (int64_t)v * c->lanes), c->lanes));
    }
    V panel = operand_at(e, c, p->panel, mulc(e, p->k0, p->width));
    if (c->bf16) micro_run_bf16(e, &m, panel, ci(e, p->width), udivc(e, p->count, 2), c->lanes >= 8 ? 4 : 2);
    else micro_run(e, &m, ci(e, 1), panel, ci(e, p->width), p->count, 4);
    for (int i = 0; i < rows; i++) {
        V out = at(e, p->products, mulc(e, addc(e, tile, i), p->width));
        for (int v = 0; v < p->nvec; v++) store(e, get(e, m.acc[i][v]), atc(e, out, (int64_t)v * c->lanes));
    }
}

/* One block of columns: the products of every position. Input channels in parts whose panel stays in L2 while the tiles pass by. */
static void block_products(Emit *e, const W *w, V j, int nvec) {
    const Contract *c = w->k.c;
    int64_t ci_ = in_channels(c), positions = winograd_positions(c), width = (int64_t)nvec * c->lanes;
    int64_t most = e->t->l2_bytes / 4 / (width * (c->bf16 ? 2 : 4)), parts = ceil_div(ci_, most), part = ceil_div(ceil_div(ci_, parts), c->lanes) * c->lanes;
    Loop l = loop_begin(e, ci(e, 0), ci(e, positions), 1);
    V block = operand_at(e, c, w->k.panels, mulc(e, j, positions * ci_ * c->nr * c->lanes));
    Position p = {.w = w, .inputs = operand_at(e, c, w->transformed, mulc(e, l.i, winograd_input_stride(c))),
                  .panel = operand_at(e, c, block, mulc(e, l.i, ci_ * width)),
                  .products = at(e, w->products, mulc(e, l.i, winograd_product_stride(c, width))), .width = width, .nvec = nvec, .first = true};
    p.k0 = ci(e, 0);
    p.count = ci(e, part < ci_ ? part : ci_);
    row_tiles(e, w->tiles, e->t->mr[nvec], product_tile, &p);
    if (part < ci_) {
        Loop lk = loop_begin(e, ci(e, part), ci(e, ci_), part);
        p.k0 = lk.i;
        p.count = umin(e, ci(e, part), sub(e, ci(e, ci_), lk.i));
        p.first = false;
        row_tiles(e, w->tiles, e->t->mr[nvec], product_tile, &p);
        loop_end(e, &lk);
    }
    loop_end(e, &l);
}

/* Some input channels from k0 on of every position, kernels transformed first. */
static void part_products(Emit *e, const W *w, V j, int nvec, V k0, V count, bool first) {
    const Contract *c = w->k.c;
    int64_t ci_ = in_channels(c), taps = (int64_t)c->kh * c->kw, width = (int64_t)nvec * c->lanes;
    V stored = operand_at(e, c, w->k.panels, add(e, mulc(e, j, taps * ci_ * c->nr * c->lanes), mulc(e, k0, taps * width)));
    emit_winograd_kernel(e, c, stored, w->kernels, count, nvec);
    Loop l = loop_begin(e, ci(e, 0), ci(e, winograd_positions(c)), 1);
    Position p = {.w = w, .inputs = operand_at(e, c, w->transformed, add(e, mulc(e, l.i, winograd_input_stride(c)), k0)),
                  .panel = at(e, w->kernels, mulc(e, l.i, winograd_part_stride(c, nvec))), .products = at(e, w->products, mulc(e, l.i, winograd_product_stride(c, width))),
                  .k0 = ci(e, 0), .count = count, .width = width, .nvec = nvec, .first = first};
    row_tiles(e, w->tiles, e->t->mr[nvec], product_tile, &p);
    loop_end(e, &l);
}

/* The same for plain kernels: part by part, so that each is transformed once. */
static void block_products_streamed(Emit *e, const W *w, V j, int nvec) {
    int64_t ci_ = in_channels(w->k.c), part = winograd_part(w->k.c);
    part_products(e, w, j, nvec, ci(e, 0), ci(e, part < ci_ ? part : ci_), true);
    if (part >= ci_) return;
    Loop l = loop_begin(e, ci(e, part), ci(e, ci_), part);
    part_products(e, w, j, nvec, l.i, umin(e, ci(e, part), sub(e, ci(e, ci_), l.i)), false);
    loop_end(e, &l);
}

/* ---- output ---- */

/* A' M A of one tile for the vector of columns at `offset` of block j, its epilogue and stores. */
static void finish_tile(Emit *e, const W *w, const TileLoop *t, V j, V offset, int64_t width, int valid) {
    const Contract *c = w->k.c;
    int n = w->w->n, m = w->w->m, lanes = c->lanes;
    V from = at(e, w->products, add(e, mulc(e, t->tile, width), offset)), rows[4][6];
    for (int b = 0; b < n; b++) {
        V d[6], r[4];
        for (int a = 0; a < n; a++) d[a] = load(e, atc(e, from, (a * n + b) * winograd_product_stride(c, width)), lanes);
        linear(e, w->w->a, m, n, d, r, lanes);
        for (int a = 0; a < m; a++) rows[a][b] = r[a];
    }
    ChannelSums sums;
    V batch = add(e, w->k.b0, t->image.i), y0 = add(e, w->k.y0, mulc(e, t->row.i, m)), x0 = add(e, w->k.x0, mulc(e, t->col.i, m));
    for (int a = 0; a < m; a++) {
        V r[4], y = addc(e, y0, a), line = mulc(e, add(e, mulc(e, batch, c->oh), y), c->ow);
        linear(e, w->w->a, m, n, rows[a], r, lanes);
        for (int b = 0; b < m; b++) {
            V x = addc(e, x0, b), ok = NULL;
            bool corner = a == 0 && b == 0; /* of every tile that is in the picture at all */
            if (c->oh % m && !corner) ok = inside(e, y, c->oh);
            if (c->ow % m && !corner) ok = ok ? LLVMBuildAnd(e->b, ok, inside(e, x, c->ow), "") : inside(e, x, c->ow);
            If f = {0};
            if (ok) f = if_begin(e, ok);
            V result = contract_finish(e, &w->k, r[b], NULL, j, offset, valid, add(e, line, x), batch);
            if (w->k.sums && corner) sums_begin(e, &sums, contract_sums_at(e, &w->k, j, offset), c->co, eq(e, t->tile, ci(e, 0)), result, lanes);
            if (w->k.sums) sums_add(e, &sums, result);
            if (ok) if_end(e, &f);
        }
    }
    if (w->k.sums) sums_end(e, &sums);
}

static void block(Emit *e, const K *k, V j, int nvec, bool last) {
    const W *w = (const W *)k; /* K is W's first member */
    const Contract *c = k->c;
    int64_t width = (int64_t)nvec * c->lanes, left = last ? c->co - (c->blocks - 1) * c->nr * c->lanes : width, whole = left / c->lanes * c->lanes;
    (c->streamed ? block_products_streamed : block_products)(e, w, j, nvec);
    TileLoop t = tiles_begin(e, w);
    if (whole) {
        Loop l = loop_begin(e, ci(e, 0), ci(e, whole), c->lanes);
        finish_tile(e, w, &t, j, l.i, width, c->lanes);
        loop_end(e, &l);
    }
    if (whole < left) finish_tile(e, w, &t, j, ci(e, whole), width, (int)(left - whole));
    tiles_end(e, &t);
}

static W winograd_of(const Contract *c) {
    const Winograd *f = winograd_form(c);
    return (W){.k = {.c = c}, .w = f, .tiles = c->tiles_x * c->tiles_y * c->images, .rows = winograd_inputs(f, c->tiles_y), .cols = winograd_inputs(f, c->tiles_x)};
}

void emit_winograd(Emit *e, const Contract *c, const char *name) {
    kernel_begin(e, name);
    W w = winograd_of(c);
    contract_args(e, &w.k);
    V piece = contract_task(e, &w.k);
    if (c->staged) {
        w.transformed = w.k.strip;
        w.products = e->scratch;
    } else {
        w.region = e->scratch;
        w.transformed = atc(e, w.region, (w.rows * w.cols * c->images * c->kc + 15) / 16 * 16);
        w.products = atc(e, w.transformed, winograd_strip_floats(c));
        load_inputs(e, &w, ci(e, 0), ci(e, in_channels(c) / c->kc));
    }
    w.kernels = atc(e, w.products, winograd_positions(c) * winograd_product_stride(c, c->nr * c->lanes));
    contract_blocks(e, &w.k, piece, block);
    kernel_end(e);
}

void emit_winograd_load(Emit *e, const Contract *c, const char *name) {
    kernel_begin(e, name);
    W w = winograd_of(c);
    contract_load_args(e, &w.k);
    V part = contract_task(e, &w.k);
    int64_t chunks = in_channels(c) / c->kc;
    w.region = e->scratch;
    w.transformed = w.k.strip;
    load_inputs(e, &w, part_begin(e, part, chunks, c->load_parts), part_begin(e, addc(e, part, 1), chunks, c->load_parts));
    kernel_end(e);
}
