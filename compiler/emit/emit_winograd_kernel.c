/* Plain 3x3 kernels -> G g G', in the task that multiplies with them or in a step before: see
 * winograd.c. Sums in f32; packed kernels are transformed in double. */
#include "emit_winograd_kernel.h"
#include "emit_dequant.h"
#include "emitters.h"
#include "winograd.h"
#include "err.h"
#include <string.h>

/* y (n) = g (n, 3) x. Neighbouring rows of g that differ in the sign of the middle share the rest.
 */
static void line(Emit *e, const double *g, int n, const V *x, V *y, int lanes)
{
    V ends = NULL;
    for (int i = 0; i < n; i++) {
        const double *r = g + (ptrdiff_t)i * 3;
        if (i == 0 || r[0] != r[-3] || r[2] != r[-1]) {
            ends = r[0] == 0 ? NULL : r[0] == 1 ? x[0] : fp_mul(e, x[0], cf(e, r[0], lanes));
            if (r[2] != 0 && ends)
                ends = fp_fma(e, x[2], cf(e, r[2], lanes), ends);
            else if (r[2] != 0)
                ends = r[2] == 1 ? x[2] : fp_mul(e, x[2], cf(e, r[2], lanes));
        }
        CHECK(ends);
        y[i] = r[1] == 0 ? ends : fp_fma(e, x[1], cf(e, r[1], lanes), ends);
    }
}

/* From vector 0 of a block to the vector that begins with this column of it, `panel` places from
 * panel to panel. */
static V panel_column(Emit *e, V column, int64_t panel)
{
    return add(e, mulc(e, udivc(e, column, PANEL_COLUMNS), panel), uremc(e, column, PANEL_COLUMNS));
}

/* The 9 taps of the channels of one word of the products, number `word` from k->first on, by row
 * and column of the kernel: g[channel][column][row]. */
typedef struct {
    V g[2][3][3];
} Taps;

static void load_quantised_taps(Emit *e, const QuantColumns *q, V channel, int n, Taps *t)
{
    for (int i = 0; i < 9; i++) {
        V x[2];
        dequant_channels(e, q, ci(e, i), channel, n, x);
        for (int h = 0; h < n; h++)
            t->g[h][i % 3][i / 3] = x[h];
    }
}

/* The vector that begins with `column` of the block. */
static void load_taps(Emit *e, const Contract *c, const PlainKernel *k, V column, V word, Taps *t)
{
    const PanelLayout plain = panel_layout(c);
    int64_t tap = panel_rows(&plain) * PANEL_COLUMNS;
    V panel = at(e, block_panel(e, c, &plain, k->stored, k->j),
                 panel_column(e, column, panel_words(&plain)));
    if (c->quant) {
        V scales = block_scales(e, c, &plain, k->stored, k->j);
        scales = scale_at(e, &plain, scales, panel_column(e, column, panel_scales(&plain)));
        int n = contract_word(c);
        load_quantised_taps(e, &(QuantColumns){&plain, panel, scales, c->lanes},
                            add(e, k->first, mulc(e, word, n)), n, t);
        return;
    }
    V from = at(e, at(e, panel, mulc(e, udivc(e, k->first, plain.group), PANEL_COLUMNS)),
                mulc(e, word, PANEL_COLUMNS));
    for (int i = 0; i < 9; i++) {
        V p = atc(e, from, i * tap);
        if (c->bf16)
            load_pairs_bf16(e, p, c->lanes, &t->g[0][i % 3][i / 3], &t->g[1][i % 3][i / 3]);
        else
            t->g[0][i % 3][i / 3] = load(e, p, c->lanes);
    }
}

void emit_winograd_kernel(Emit *e, const Contract *c, const PlainKernel *k)
{
    const Winograd *w = winograd_form(c);
    int rows = w->y.n * w->taps, n = w->x.n, lanes = c->lanes, together = contract_word(c);
    Loop lv = loop_begin(e, ci(e, 0), ci(e, (int64_t)k->nvec * lanes), lanes);
    V out = at(e, k->out, k->panel ? panel_column(e, lv.i, k->panel) : lv.i);
    Loop lk = loop_begin(e, ci(e, 0), udivc(e, k->count, together), 1);
    V to = at(e, out, mulc(e, lk.i, k->row));
    V half[2][3][6] = {0}, y[2][6]; /* half: G g by column of g */
    Taps t;
    load_taps(e, c, k, lv.i, lk.i, &t);
    for (int h = 0; h < together; h++)
        for (int j = 0; j < 3; j++) {
            if (w->taps == 1)
                line(e, w->y.g, rows, t.g[h][j], half[h][j], lanes);
            else
                memcpy(half[h][j], t.g[h][j], sizeof t.g[h][j]);
        }
    for (int i = 0; i < rows; i++) {
        for (int h = 0; h < together; h++)
            line(e, w->x.g, n, (V[]){half[h][0][i], half[h][1][i], half[h][2][i]}, y[h], lanes);
        for (int j = 0; j < n; j++)
            store(e, c->bf16 ? pairs_bf16(e, y[0][j], y[1][j], lanes) : y[0][j],
                  atc(e, to, ((i / w->taps * n + j) * w->taps + i % w->taps) * k->position));
    }
    loop_end(e, &lk);
    loop_end(e, &lv);
}

static void unpack_part(Emit *e, const Contract *c, V j, V part, int nvec)
{
    PanelLayout transformed = panel_layout(c);
    transformed.winograd = c->winograd;
    transformed.group = contract_word(c);
    int64_t ci_ = in_channels(c), parts = winograd_unpack_parts(c);
    V from = mulc(e, part_begin(e, part, ci_ / c->lanes, parts), c->lanes),
      to = mulc(e, part_begin(e, addc(e, part, 1), ci_ / c->lanes, parts), c->lanes);
    V row = mulc(e, udivc(e, from, transformed.group), PANEL_COLUMNS);
    PlainKernel k = {.stored = arg(e, 0),
                     .j = j,
                     .first = from,
                     .out = at(e, block_panel(e, c, &transformed, arg(e, 1), j), row),
                     .count = sub(e, to, from),
                     .nvec = nvec,
                     .position = panel_rows(&transformed) * PANEL_COLUMNS,
                     .row = PANEL_COLUMNS,
                     .panel = panel_words(&transformed)};
    emit_winograd_kernel(e, c, &k);
}

void emit_winograd_unpack(Emit *e, const Contract *c, const char *name)
{
    kernel_begin(e, name);
    int64_t parts = winograd_unpack_parts(c),
            last = ceil_div(c->co - (c->blocks - 1) * c->nr * c->lanes, c->lanes);
    V j = udivc(e, e->task, parts), part = uremc(e, e->task, parts);
    If f = {0};
    if (last < c->nr) {
        f = if_begin(e, eq(e, j, ci(e, c->blocks - 1)));
        unpack_part(e, c, j, part, (int)last);
        if_else(e, &f);
    }
    if (last == c->nr || c->blocks > 1)
        unpack_part(e, c, j, part, c->nr);
    if (last < c->nr)
        if_end(e, &f);
    kernel_end(e);
}
