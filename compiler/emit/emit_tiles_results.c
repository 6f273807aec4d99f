#include "emit_tiles_results.h"
#include "emit_epilogue.h"

TileLine tile_line_at(Emit *e, const ContractTask *task, V tile)
{
    const Contract *c = task->c;
    int64_t per = tiles_of_line(c), rows = c->tile_rows;
    V rest = NULL, pixel;
    if (c->flat) {
        pixel = mulc(e, tile, rows);
        if (c->pixels % rows || c->tw % rows)
            rest = sub(e, task->pixels, pixel);
    } else {
        V q = mulc(e, uremc(e, tile, per), rows);
        pixel = add(e, mulc(e, udivc(e, tile, per), c->tw), q);
        if (c->tw % rows)
            rest = sub(e, ci(e, c->tw), q);
    }
    return (TileLine){pixel, rest ? smin(e, rest, ci(e, rows)) : ci(e, rows)};
}

bool tiles_are_neighbours(const Contract *c)
{
    return c->flat || tiles_of_line(c) % TILE_MOST == 0;
}

/* Where accumulator (0, j) of a group lies in scratch: spilled, by tile and vector; or of this
 * group alone, next to the buffer of the group before. */
static V sums_at(Emit *e, const TileGroup *g, int j)
{
    const Contract *c = g->task->c;
    int64_t floats = (int64_t)c->tile_rows * TILE_COLUMNS;
    V index = c->n_chunks == 1 ? addc(e, mulc(e, g->buffer, TILE_MOST * TILE_MOST), j)
                               : addc(e, mulc(e, g->tile, c->nr), g->cols->v[j]);
    return at(e, g->task->spilled, mulc(e, index, floats));
}

int64_t tile_results_stride(const Contract *c)
{
    return (int64_t)(c->n_chunks == 1 ? TILE_MOST : c->nr) * c->tile_rows * TILE_COLUMNS;
}

TileResults tile_results(Emit *e, const TileGroup *g)
{
    const ContractTask *task = g->task;
    TileResults r = {.g = *g};
    TileLine line[TILE_MOST];
    for (int i = 0; i < g->m; i++) {
        line[i] = tile_line_at(e, task, addc(e, g->tile, i));
        r.valid[i] = line[i].valid;
    }
    for (int j = 0; j < g->cols->n; j++)
        r.sums[j] = sums_at(e, g, j);
    r.first = output_pixel(e, task, ci(e, 0), &r.batch);
    r.pixel = output_pixel(e, task, line[0].pixel, &r.batch);
    if (g->m > 1) {
        V batch;
        r.step = tiles_are_neighbours(task->c)
                     ? ci(e, task->c->tile_rows)
                     : sub(e, output_pixel(e, task, line[1].pixel, &batch), r.pixel);
        if (task->c->images > 1 && !task->c->flat)
            r.batch = NULL;
    }
    return r;
}

/* ---- epilogue ---- */

/* Row r of all tiles: its tile, its row there, output pixel and image. */
typedef struct {
    V tile, row, pixel, batch;
} Row;

static Row row_of(Emit *e, const TileResults *r, V row)
{
    const Contract *c = r->g.task->c;
    Row x = {.tile = ci(e, 0), .row = row, .batch = r->batch};
    if (r->g.m > 1) {
        x.tile = udivc(e, row, c->tile_rows);
        x.row = uremc(e, row, c->tile_rows);
    }
    x.pixel = add(e, r->pixel, x.row);
    if (r->g.m > 1)
        x.pixel = add(e, x.pixel, mul(e, x.tile, r->step));
    if (!x.batch)
        x.batch = udivc(e, x.pixel, c->oh * c->ow);
    return x;
}

int64_t tile_results_rows(const TileResults *r)
{
    return (int64_t)r->g.m * r->g.task->c->tile_rows;
}

/* Column tile j of a row. gate: the other half of GEGLU, else NULL. */
static void finish_vector(Emit *e, const TileResults *r, const Row *x, int j, V value, V gate)
{
    const ContractTask *task = r->g.task;
    const Contract *c = task->c;
    const PanelBlock *b = r->g.b;
    int64_t offset = (int64_t)r->g.cols->v[j] / (contract_geglu(c) ? 2 : 1) * c->lanes,
            left = c->lanes;
    if (b->last)
        left = c->co - (c->blocks - 1) * contract_block_out(c) - offset;
    OutputVector o = {b->j, ci(e, offset), x->pixel, x->batch, (int)min64(left, c->lanes)};
    V result = contract_finish(e, task, value, gate, &o);
    if (!task->sums)
        return;
    ChannelSums sums = contract_sums(e, task, &o, eq(e, x->pixel, r->first), result);
    sums_add(e, &sums, result);
    sums_end(e, &sums);
}

void tile_results_finish_row(Emit *e, const TileResults *r, V row)
{
    const Contract *c = r->g.task->c;
    bool geglu = contract_geglu(c), whole = true;
    int n = r->g.cols->n;
    Row x = row_of(e, r, row);
    for (int i = 0; i < r->g.m; i++)
        whole = whole && r->valid[i] == ci(e, c->tile_rows);
    If f = {0};
    if (!whole) {
        V valid = r->g.m == 1 ? r->valid[0]
                              : choose(e, eq(e, x.tile, ci(e, 0)), r->valid[0], r->valid[1]);
        f = if_begin(e, lt(e, x.row, valid));
    }
    V v[TILE_MOST],
        place = add(e, mulc(e, x.tile, tile_results_stride(c)), mulc(e, x.row, TILE_COLUMNS));
    for (int j = 0; j < n; j++)
        v[j] = load(e, at(e, r->sums[j], place), c->lanes);
    if (geglu) {
        GatedVector of = gated_vector(e, c, v, n, 0);
        finish_vector(e, r, &x, 0, of.value, of.gate);
    }
    for (int j = 0; j < (geglu ? 0 : n); j++)
        finish_vector(e, r, &x, j, v[j], NULL);
    if (!whole)
        if_end(e, &f);
}
