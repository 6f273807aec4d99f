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

void emit_winograd_kernel(Emit *e, const Contract *c, const PlainKernel *k)
{
    const Winograd *w = winograd_form(c);
    int rows = w->y.n * w->taps, n = w->x.n, lanes = c->lanes,
        together = c->bf16 ? 2 : 1; /* channels in a word */
    int64_t width = (int64_t)k->nvec * lanes;
    Loop lk = loop_begin(e, ci(e, 0), udivc(e, k->count, together), 1);
    V from = at(e, k->stored, mulc(e, lk.i, 9 * width)), to = at(e, k->out, mulc(e, lk.i, width));
    Loop lv = loop_begin(e, ci(e, 0), ci(e, width), lanes);
    V g[2][3][3], half[2][3][6] = {0}, y[2][6]; /* half: G g by column of g */
    for (int i = 0; i < 9; i++) {
        V p = at(e, from, addc(e, mulc(e, lv.i, 9), (int64_t)i * lanes));
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
                  at(e, to,
                     addc(e, lv.i, ((i / w->taps * n + j) * w->taps + i % w->taps) * k->position)));
    }
    loop_end(e, &lv);
    loop_end(e, &lk);
}

static void unpack_part(Emit *e, const Contract *c, V j, V part, int nvec)
{
    int64_t ci_ = in_channels(c), parts = winograd_unpack_parts(c),
            width = (int64_t)nvec * c->lanes, taps = (int64_t)c->kh * c->kw,
            block = ci_ * c->nr * c->lanes;
    V from = mulc(e, part_begin(e, part, ci_ / c->lanes, parts), c->lanes),
      to = mulc(e, part_begin(e, addc(e, part, 1), ci_ / c->lanes, parts), c->lanes);
    V plain = operand_at(e, c, arg(e, 0),
                         add(e, mulc(e, j, taps * block), mulc(e, from, taps * width)));
    V out = operand_at(e, c, arg(e, 1),
                       add(e, mulc(e, j, winograd_kernels(c) * block), mulc(e, from, width)));
    PlainKernel k = {plain, out, sub(e, to, from), nvec, ci_ * width / (c->bf16 ? 2 : 1)};
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
