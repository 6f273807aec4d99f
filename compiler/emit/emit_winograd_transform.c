#include "emit_winograd_transform.h"
#include "emit_activation.h"
#include "emit_epilogue.h"
#include "emit_load.h"

typedef struct {
    const double *at;
    int rows, n;
} Matrix;

/* y (rows) = matrix (rows, n) x, skipping zeros. */
static void linear(Emit *e, Matrix m, const V *x, V *y, int lanes)
{
    int n = m.n;
    for (int i = 0; i < m.rows; i++) {
        V sum = NULL;
        for (int pass = 0; pass < 2; pass++) /* a coefficient of one first: nothing to multiply */
            for (int j = 0; j < n; j++) {
                double f = m.at[i * n + j];
                if (f == 0 || (f == 1) != (pass == 0))
                    continue;
                if (!sum)
                    sum = f == 1 ? x[j] : fp_mul(e, x[j], cf(e, f, lanes));
                else if (f == 1)
                    sum = fp_add(e, sum, x[j]);
                else if (f == -1)
                    sum = fp_sub(e, sum, x[j]);
                else
                    sum = fp_fma(e, x[j], cf(e, f, lanes), sum);
            }
        y[i] = sum;
    }
}

/* ---- input ---- */

/* x or x2: (images, rows, columns, width). shared: one image serves all. */
typedef struct {
    V base;
    int shared;
    int64_t width;
} Operand;

/* kc channels of the region from one operand, those from `from` on: channels `channel` on of the
 * input. */
static void load_region(Emit *e, const WinogradTask *w, const Operand *x, V from, V channel)
{
    const Contract *c = w->task.c;
    bool pairs = activation_in_pairs(prologues[c->pre].act);
    int lanes = pairs && c->kc % (2 * c->lanes) == 0 ? 2 * c->lanes : c->lanes;
    Loop lb = loop_begin(e, ci(e, 0), ci(e, c->images), 1);
    V image = add(e, w->task.b0, lb.i);
    Loop lr = loop_begin(e, ci(e, 0), ci(e, w->rows), 1);
    int upsample = w->form->upsample;
    V iy = addc(e, add(e, udivc(e, w->task.y0, upsample), lr.i), -c->pad_top),
      row_ok = inside(e, iy, c->h / upsample);
    Loop lc = loop_begin(e, ci(e, 0), ci(e, w->cols), 1);
    V ix = addc(e, add(e, udivc(e, w->task.x0, upsample), lc.i), -c->pad_left);
    V to = at(e, w->region,
              mulc(e, add(e, mulc(e, add(e, mulc(e, lb.i, w->rows), lr.i), w->cols), lc.i), c->kc));
    If f = if_begin(e, LLVMBuildAnd(e->b, row_ok, inside(e, ix, c->w / upsample), ""));
    V pixel = input_pixel(e, c, x->shared ? ci(e, 0) : image, iy, ix, c->upsample / upsample);
    V row = element_at(e, c->x_bf16, x->base, add(e, mulc(e, pixel, x->width), from));
    for (int64_t i = 0; i < c->kc && c->kc < x->width; i += CACHE_LINE / (c->x_bf16 ? 2 : 4))
        prefetch_line(e, element_at(e, c->x_bf16, row, ci(e, c->kc + i)),
                      false); /* the next chunk's */
    for (int64_t i = 0; i < c->kc; i += lanes) {
        V v = load_elements(e, c->x_bf16, element_at(e, c->x_bf16, row, ci(e, i)), lanes, lanes);
        store(e, contract_prologue(e, &w->task, v, addc(e, channel, i), image, lanes),
              atc(e, to, i));
    }
    if_else(e, &f);
    for (int64_t i = 0; i < c->kc; i += c->lanes)
        store(e, cf(e, 0, c->lanes), atc(e, to, i));
    if_end(e, &f);
    loop_end(e, &lc);
    loop_end(e, &lr);
    loop_end(e, &lb);
}

typedef struct {
    V tile, image, row, col;
} Place; /* of a tile in its strip: its row of products and where that is */
typedef struct {
    Loop image, row, col;
    V tile;
} TileLoop; /* over the tiles of a strip; tile: its row */

/* lines: rows of tiles in an image; image_rows: from one image to the next. */
static TileLoop tiles_begin(Emit *e, const WinogradTask *w, int64_t lines, int64_t image_rows)
{
    const Contract *c = w->task.c;
    TileLoop l;
    l.image = loop_begin(e, ci(e, 0), ci(e, c->images), 1);
    l.row = loop_begin(e, ci(e, 0), ci(e, lines), 1);
    l.col = loop_begin(e, ci(e, 0), ci(e, c->tiles_x), 1);
    l.tile = add(e, add(e, mulc(e, l.image.i, image_rows), mulc(e, l.row.i, c->tiles_x)), l.col.i);
    return l;
}

static void tiles_end(Emit *e, TileLoop *l)
{
    loop_end(e, &l->col);
    loop_end(e, &l->row);
    loop_end(e, &l->image);
}

/* B' d B of every tile, for the chunk of channels in the region; channel: its first channel. */
static void transform_inputs(Emit *e, const WinogradTask *w, V channel)
{
    const Contract *c = w->task.c;
    int rows = w->form->y.inputs, cols = w->form->x.inputs, lanes = c->lanes;
    int64_t lines = winograd_lines(w->form, c->tiles_y);
    TileLoop t = tiles_begin(e, w, lines, lines * c->tiles_x);
    V corner = add(e,
                   mulc(e,
                        add(e, mulc(e, t.image.i, w->rows),
                            mulc(e, t.row.i, winograd_step(w->form, &w->form->y))),
                        w->cols),
                   mulc(e, t.col.i, winograd_step(w->form, &w->form->x)));
    V from = at(e, w->region, mulc(e, corner, c->kc));
    V to = operand_at(e, c, w->transformed, add(e, mulc(e, t.tile, winograd_row(c)), channel));
    Loop l = loop_begin(e, ci(e, 0), ci(e, c->kc), lanes);
    V half[6][6];
    for (int j = 0; j < cols; j++) {
        V d[6] = {0}, r[6];
        for (int i = 0; i < rows; i++)
            d[i] = load(e, at(e, from, addc(e, l.i, (i * w->cols + j) * c->kc)), lanes);
        linear(e, (Matrix){w->form->y.b, rows, rows}, d, r, lanes);
        for (int i = 0; i < rows; i++)
            half[i][j] = r[i];
    }
    for (int i = 0; i < rows; i++) {
        V r[6];
        linear(e, (Matrix){w->form->x.b, cols, cols}, half[i], r, lanes);
        for (int j = 0; j < cols; j++) {
            V place = operand_at(e, c, to, addc(e, l.i, (i * cols + j) * winograd_input_stride(c)));
            store_operand(e, c, r[j], place, lanes);
        }
    }
    loop_end(e, &l);
    tiles_end(e, &t);
}

/* Chunks from..to of the input channels, those of x first. */
void load_inputs(Emit *e, const WinogradTask *w, V from, V to)
{
    const Contract *c = w->task.c;
    int64_t border = c->c1 / c->kc;
    for (int s = 0; s < (c->c2 ? 2 : 1); s++) {
        V first = s ? smax(e, from, ci(e, border)) : from,
          end = s || !c->c2 ? to : smin(e, to, ci(e, border));
        Loop l = loop_begin(e, first, end, 1);
        V channel = mulc(e, l.i, c->kc);
        Operand x = s ? (Operand){w->task.x2, c->x2_shared, c->c2}
                      : (Operand){w->task.x, c->x_shared, c->c1};
        load_region(e, w, &x, addc(e, channel, s ? -c->c1 : 0), channel);
        transform_inputs(e, w, channel);
        loop_end(e, &l);
    }
}

/* ---- output ---- */

/* A vector of columns of one tile's products, and where its results go: `o` but for the pixel. */
typedef struct {
    Place place;
    V products;
    int64_t width; /* columns of the products */
    OutputVector o;
} TileVector;

/* A' M: rows (m of y, n of x). */
static void transform_rows(Emit *e, const WinogradTask *w, const TileVector *t, V rows[4][6])
{
    const WinogradAxis *down = &w->form->y, *along = &w->form->x;
    int lanes = w->task.c->lanes;
    int64_t position = winograd_product_stride(w->task.c, t->width);
    V from = at(e, t->products, add(e, mulc(e, t->place.tile, t->width), t->o.offset));
    for (int b = 0; b < along->n; b++) {
        V d[6], r[4];
        for (int a = 0; a < down->n; a++)
            d[a] = load(e, atc(e, from, (a * along->n + b) * position), lanes);
        linear(e, (Matrix){down->a, down->m, down->n}, d, r, lanes);
        for (int a = 0; a < down->m; a++)
            rows[a][b] = r[a];
    }
}

/* Is the output at y, x in the picture? NULL: always. The tile's corner is. */
static V in_picture(Emit *e, const WinogradTask *w, V y, V x, bool corner)
{
    const Contract *c = w->task.c;
    V ok = NULL;
    if (c->oh % w->form->y.m && !corner)
        ok = inside(e, y, c->oh);
    if (c->ow % w->form->x.m && !corner)
        ok = ok ? LLVMBuildAnd(e->b, ok, inside(e, x, c->ow), "") : inside(e, x, c->ow);
    return ok;
}

/* A' M A of one tile for a vector of columns, its epilogue and stores. */
static void finish_tile(Emit *e, const WinogradTask *w, TileVector *t)
{
    const Contract *c = w->task.c;
    const WinogradAxis *down = &w->form->y, *along = &w->form->x;
    OutputVector *o = &t->o;
    V rows[4][6];
    transform_rows(e, w, t, rows);
    ChannelSums sums;
    o->batch = add(e, w->task.b0, t->place.image);
    V y0 = add(e, w->task.y0, mulc(e, t->place.row, down->m)),
      x0 = add(e, w->task.x0, mulc(e, t->place.col, along->m));
    for (int a = 0; a < down->m; a++) {
        V r[4], y = addc(e, y0, a), line = mulc(e, add(e, mulc(e, o->batch, c->oh), y), c->ow);
        linear(e, (Matrix){along->a, along->m, along->n}, rows[a], r, c->lanes);
        for (int b = 0; b < along->m; b++) {
            bool corner = a == 0 && b == 0;
            V x = addc(e, x0, b), ok = in_picture(e, w, y, x, corner);
            If f = {0};
            if (ok)
                f = if_begin(e, ok);
            o->pixel = add(e, line, x);
            V result = contract_finish(e, &w->task, r[b], NULL, o);
            if (w->task.sums && corner)
                sums = contract_sums(e, &w->task, o, eq(e, t->place.tile, ci(e, 0)), result);
            if (w->task.sums)
                sums_add(e, &sums, result);
            if (ok)
                if_end(e, &f);
        }
    }
    if (w->task.sums)
        sums_end(e, &sums);
}

void finish_unit(Emit *e, const WinogradTask *w, V products, V j, V u)
{
    const Contract *c = w->task.c;
    V tile = udivc(e, u, c->nr), line = udivc(e, tile, c->tiles_x);
    Place p = {tile, udivc(e, line, c->tiles_y), uremc(e, line, c->tiles_y),
               uremc(e, tile, c->tiles_x)};
    if (winograd_image_rows(c) != c->tiles_x * c->tiles_y)
        p.tile = add(e, tile, mulc(e, p.image, winograd_image_rows(c) - c->tiles_x * c->tiles_y));
    TileVector t = {p,
                    products,
                    c->nr * c->lanes,
                    {.j = j, .offset = mulc(e, uremc(e, u, c->nr), c->lanes), .valid = c->lanes}};
    finish_tile(e, w, &t);
}

void finish_block(Emit *e, const WinogradTask *w, const ColumnBlock *b)
{
    const Contract *c = w->task.c;
    int64_t width = (int64_t)b->nvec * c->lanes,
            left = b->last ? c->co - (c->blocks - 1) * c->nr * c->lanes : width,
            whole = left / c->lanes * c->lanes;
    TileLoop l = tiles_begin(e, w, c->tiles_y, winograd_image_rows(c));
    TileVector t = {{l.tile, l.image.i, l.row.i, l.col.i}, w->products, width, {.j = b->j}};
    if (whole) {
        Loop v = loop_begin(e, ci(e, 0), ci(e, whole), c->lanes);
        t.o.offset = v.i;
        t.o.valid = c->lanes;
        finish_tile(e, w, &t);
        loop_end(e, &v);
    }
    if (whole < left) {
        t.o.offset = ci(e, whole);
        t.o.valid = (int)(left - whole);
        finish_tile(e, w, &t);
    }
    tiles_end(e, &l);
}

WinogradTask winograd_task(const Contract *c)
{
    const Winograd *f = winograd_form(c);
    return (WinogradTask){.task = {.c = c},
                          .form = f,
                          .tiles = c->tiles_x * c->tiles_y * c->images,
                          .rows = winograd_region_rows(f, c->tiles_y),
                          .cols = winograd_region_cols(f, c->tiles_x)};
}
