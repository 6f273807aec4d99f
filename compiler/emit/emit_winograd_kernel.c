/* Plain 3x3 kernels -> G g G', in the task that multiplies with them or in a step before: see
 * winograd.c. Sums in f32; packed kernels are transformed in double. */
#include "emit_winograd_kernel.h"
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

/* Words from vector 0 of a block to the vector that begins with this column of it. */
static V panel_column(Emit *e, V column, int64_t words)
{
    return add(e, mulc(e, udivc(e, column, PANEL_COLUMNS), words), uremc(e, column, PANEL_COLUMNS));
}

void emit_winograd_kernel(Emit *e, const Contract *c, const PlainKernel *k)
{
    const Winograd *w = winograd_form(c);
    int rows = w->y.n * w->taps, n = w->x.n, lanes = c->lanes,
        together = c->bf16 ? 2 : 1; /* channels in a word */
    PanelLayout plain = panel_layout(c);
    plain.winograd = WINOGRAD_NONE;
    int64_t tap = panel_rows(&plain) * PANEL_COLUMNS;
    Loop lv = loop_begin(e, ci(e, 0), ci(e, (int64_t)k->nvec * lanes), lanes);
    V panel = at(e, k->stored, panel_column(e, lv.i, panel_words(&plain))),
      out = at(e, k->out, k->panel ? panel_column(e, lv.i, k->panel) : lv.i);
    Loop lk = loop_begin(e, ci(e, 0), udivc(e, k->count, together), 1);
    V from = at(e, panel, mulc(e, lk.i, PANEL_COLUMNS)), to = at(e, out, mulc(e, lk.i, k->row));
    V g[2][3][3], half[2][3][6] = {0}, y[2][6]; /* half: G g by column of g */
    for (int i = 0; i < 9; i++) {
        V p = atc(e, from, i * tap);
        if (c->bf16)
            load_pairs_bf16(e, p, lanes, &g[0][i % 3][i / 3], &g[1][i % 3][i / 3]);
        else
            g[0][i % 3][i / 3] = load(e, p, lanes);
    }
    for (int h = 0; h < together; h++)
        for (int j = 0; j < 3; j++) {
            if (w->taps == 1)
                line(e, w->y.g, rows, g[h][j], half[h][j], lanes);
            else
                memcpy(half[h][j], g[h][j], sizeof g[h][j]);
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
    PanelLayout plain = panel_layout(c), transformed = plain;
    transformed.winograd = c->winograd;
    int64_t ci_ = in_channels(c), parts = winograd_unpack_parts(c);
    V from = mulc(e, part_begin(e, part, ci_ / c->lanes, parts), c->lanes),
      to = mulc(e, part_begin(e, addc(e, part, 1), ci_ / c->lanes, parts), c->lanes);
    V row = mulc(e, udivc(e, from, plain.group), PANEL_COLUMNS);
    PlainKernel k = {.stored = at(e, block_panel(e, c, &plain, arg(e, 0), j), row),
                     .out = at(e, block_panel(e, c, &transformed, arg(e, 1), j), row),
                     .count = sub(e, to, from),
                     .nvec = nvec,
                     .position = panel_rows(&plain) * PANEL_COLUMNS,
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
