/* The micro-kernel shared by convolutions, products and attention.
 *
 *   registers: rows x nvec accumulators | nvec vectors of b | one broadcast of a
 *   per k: nvec loads of b, then per row one broadcast of a and nvec multiply-adds
 *
 * With 6 x 4 on AVX-512 that is 24 multiply-adds for 10 loads: twelve cycles of arithmetic against
 * five of loads. */
#include "emit_amx.h"
#include "emit_bf16.h"
#include "emit_int8.h"
#include "emitters.h"
#include "emit_micro.h"
#include "err.h"

void micro_init(Emit *e, Micro *m, int rows, int nvec)
{
    CHECK(rows <= 16 && nvec <= 4);
    m->overlap = NULL;
    m->wide = false;
    m->rows = rows;
    m->nvec = nvec;
    for (int v = 0; v < nvec; v++)
        m->offset[v] = (int64_t)v * e->t->lanes;
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < nvec; v++)
            m->acc[i][v] = var(e, vec_type(e, e->t->lanes), cf(e, 0.0, e->t->lanes));
}

void micro_run(Emit *e, Micro *m, V b, V ldb, V count, int unroll)
{
    int lanes = e->t->lanes;
    Loop l = loop_begin(e, ci(e, 0), count, unroll);
    if (m->overlap)
        m->overlap(e, m->user);
    for (int u = 0; u < unroll; u++) {
        V k = addc(e, l.i, u), row = at(e, b, mul(e, k, ldb)), bv[4];
        for (int v = 0; v < m->nvec; v++)
            bv[v] = load(e, atc(e, row, m->offset[v]), lanes);
        for (int i = 0; i < m->rows; i++) {
            V a = splat(e, load(e, at(e, m->a[i], k), 1), lanes);
            for (int v = 0; v < m->nvec; v++)
                set(e, m->acc[i][v], fp_fma(e, a, bv[v], get(e, m->acc[i][v])));
        }
    }
    loop_end(e, &l);
}

void row_tiles(Emit *e, int64_t count, int most, RowTile *tile, const void *user)
{
    int64_t n = ceil_div(count, most), size = count / n, longer = count % n;
    if (longer) {
        Loop l = loop_begin(e, ci(e, 0), ci(e, longer * (size + 1)), size + 1);
        tile(e, user, l.i, (int)size + 1);
        loop_end(e, &l);
    }
    Loop l = loop_begin(e, ci(e, longer * (size + 1)), ci(e, count), size);
    tile(e, user, l.i, (int)size);
    loop_end(e, &l);
}

/* Products of tiles of zeros: a product takes the same time whatever the numbers. */
static void tile_peak(Emit *e, const Peak *p)
{
    tile_configure(e, TILE_ROWS, TILE_CHANNELS);
    for (int i = 0; i < TILE_MOST; i++) {
        tile_zero(e, tile_a(i));
        tile_zero(e, tile_b(i));
        for (int j = 0; j < TILE_MOST; j++)
            tile_zero(e, tile_sum(i, j));
    }
    Loop l = loop_begin(e, ci(e, 0), ci(e, p->iterations), 1);
    for (int i = 0; i < TILE_MOST; i++)
        for (int j = 0; j < TILE_MOST; j++)
            tile_dot(e, tile_sum(i, j), tile_a(i), tile_b(j));
    loop_end(e, &l);
    tile_release(e);
}

static V peak_product(Emit *e, const Peak *p, V acc, V x)
{
    if (p->int8) {
        V bytes = LLVMBuildBitCast(e->b, x, int_type(e, e->t->lanes), "");
        return dot_int8(e, acc, bytes, bytes);
    }
    return p->core == CORE_BF16_DOT ? dot_bf16(e, acc, x, x) : fp_fma(e, x, x, acc);
}

void emit_peak(Emit *e, const Peak *p, const char *name)
{
    kernel_begin(e, name);
    if (p->core == CORE_AMX || p->core == CORE_AMX_MODEL) {
        tile_peak(e, p);
        kernel_end(e);
        return;
    }
    int lanes = e->t->lanes, n = peak_accumulators(e->t);
    LLVMTypeRef type = p->int8 ? int_type(e, lanes) : vec_type(e, lanes);
    V acc[64] = {0}, y = arg(e, 0), x = load(e, y, lanes);
    for (int i = 0; i < n; i++)
        acc[i] = var(e, type, LLVMBuildBitCast(e->b, fp_add(e, x, cf(e, i, lanes)), type, ""));
    Loop l = loop_begin(e, ci(e, 0), ci(e, p->iterations), 1);
    for (int i = 0; i < n; i++)
        set(e, acc[i], peak_product(e, p, get(e, acc[i]), x));
    loop_end(e, &l);
    V sum = cf(e, 0, lanes);
    for (int i = 0; i < n; i++)
        sum = fp_add(e, sum, LLVMBuildBitCast(e->b, get(e, acc[i]), vec_type(e, lanes), ""));
    If f = if_begin(e, eq(e, e->task, ci(e, 0)));
    store(e, sum, y);
    if_end(e, &f);
    kernel_end(e);
}
