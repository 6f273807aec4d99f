/* The contract kernel: load a strip (normalising), products, store (activating). contract.h has the
 * blocking.
 *
 *   for each block of output columns of the task's column slice
 *     for each chunk of input channels                      panel of the chunk: stays in L2
 *       for each tile of mr pixels of the strip             accumulators: registers
 *         for each tap, for each channel of the chunk       micro-kernel
 *         last chunk: epilogue and store; else: accumulators are spilled to scratch
 */
#include "contract_plan.h"
#include "emit_amx.h"
#include "emit_dequant.h"
#include "emit_epilogue.h"
#include "emit_load_int8.h"
#include "emit_tiles.h"
#include "emitters.h"
#include "err.h"

/* A register tile: `rows` pixels of the strip from `pixel` on, by the block's vectors. */
typedef struct {
    const ContractTask *task;
    const PanelBlock *b;
    V pixel;
    Micro m;
    /* Of whole numbers: what those of each row stand for. */
    QuantValues quant[16];
} RegisterTile;

/* Vector v of row i: what its whole numbers stand for. */
static V int8_sums(Emit *e, const RegisterTile *t, int i, int v)
{
    const Contract *c = t->task->c;
    const PanelLayout p = panel_layout(c);
    V scales = block_scales_vector(e, c, &p, t->b->scales, v);
    return sums_of_int8(e, get(e, t->m.acc[i][v]), &t->quant[i],
                        load(e, atc(e, scales, PANEL_COLUMNS), c->lanes),
                        load(e, scales, c->lanes));
}

/* Vector v of row i through the epilogue, and its sums. */
static void finish_vector(Emit *e, const RegisterTile *t, int i, int v, OutputVector *o,
                          ChannelSums *sums)
{
    const ContractTask *task = t->task;
    const Contract *c = task->c;
    V acc[4];
    for (int k = 0; k < t->m.nvec; k++)
        acc[k] = contract_int8(c) ? int8_sums(e, t, i, k) : get(e, t->m.acc[i][k]);
    GatedVector of = contract_geglu(c) ? gated_vector(e, c, acc, t->m.nvec, v)
                                       : (GatedVector){acc[v], NULL};
    o->offset = ci(e, (int64_t)v * c->lanes);
    V r = contract_finish(e, task, of.value, of.gate, o);
    if (!task->sums)
        return;
    if (i == 0)
        sums[v] = contract_sums(e, task, o, eq(e, t->pixel, ci(e, 0)), r);
    sums_add(e, &sums[v], r);
}

static void epilogue(Emit *e, RegisterTile *t)
{
    const Contract *c = t->task->c;
    int vectors = contract_geglu(c) ? (int)ceil_div(t->m.nvec, 2) : t->m.nvec, lanes = c->lanes,
        used = 0;
    int64_t columns = t->b->last ? c->co - (c->blocks - 1) * contract_block_out(c)
                                 : contract_block_out(c);
    ChannelSums sums[4];
    for (int i = 0; i < t->m.rows; i++) {
        if (contract_int8(c))
            t->quant[i] = quant_of_pixel(e, t->task, addc(e, t->pixel, i));
        OutputVector o = {.j = t->b->j};
        o.pixel = output_pixel(e, t->task, addc(e, t->pixel, i), &o.batch);
        for (int v = 0; v < vectors && (int64_t)v * lanes < columns; v++) {
            o.valid = (int)min64(columns - (int64_t)v * lanes, lanes);
            finish_vector(e, t, i, v, &o, sums);
            used = v + 1;
        }
    }
    for (int v = 0; v < used && t->task->sums; v++)
        sums_end(e, &sums[v]);
}

/* Of an accumulator. */
static LLVMTypeRef sum_type(const Emit *e, const Contract *c)
{
    return contract_int8(c) ? int_type(e, c->lanes) : vec_type(e, c->lanes);
}

/* Accumulators to scratch, or back (restore). */
static void spill(Emit *e, RegisterTile *t, bool restore)
{
    int lanes = t->task->c->lanes;
    int64_t row = (int64_t)t->task->c->nr * lanes;
    for (int i = 0; i < t->m.rows; i++)
        for (int v = 0; v < t->m.nvec; v++) {
            V place = addc(e, mulc(e, addc(e, t->pixel, i), row), (int64_t)v * lanes);
            V p = at(e, t->task->spilled, place);
            if (restore)
                set(e, t->m.acc[i][v],
                    LLVMBuildBitCast(e->b, load(e, p, lanes), sum_type(e, t->task->c), ""));
            else
                store(e, get(e, t->m.acc[i][v]), p);
        }
}

static void begin_sums(Emit *e, RegisterTile *t)
{
    const Contract *c = t->task->c;
    V zero = LLVMConstNull(sum_type(e, c));
    for (int i = 0; i < t->m.rows; i++)
        for (int v = 0; v < t->m.nvec; v++)
            set(e, t->m.acc[i][v], zero);
    if (c->n_chunks == 1)
        return;
    If f = if_begin(e, lt(e, ci(e, 0), t->b->chunk));
    spill(e, t, true);
    if_end(e, &f);
}

/* Where the chunk's channels of the strip begin: of x itself, read in place, or as loaded. */
static V chunk_base(Emit *e, const ContractTask *task, V chunk)
{
    const Contract *c = task->c;
    V base = c->in_place ? task->x : task->strip;
    if (c->in_place && c->strips_b > 1)
        base = at(e, base, mulc(e, task->b0, c->oh * c->ow * c->c1));
    if (c->in_place)
        base = at(e, base, mulc(e, task->y0, c->c1));
    if (c->n_chunks > 1)
        base = operand_at(e, c, base, mulc(e, chunk, c->in_place ? c->kc : task->chunk_stride));
    return base;
}

/* Where each row's window begins. Neighbouring pixels of a line have a constant distance; a tile
 * that may wrap to the next line gets a pointer per pixel. */
static void window_starts(Emit *e, const RegisterTile *t, V base, V *start)
{
    const Contract *c = t->task->c;
    bool wraps = !c->flat && c->tw % t->m.rows != 0;
    V first = window_offset(e, t->task, t->pixel);
    int64_t step = c->in_place ? c->c1 : c->kc * c->stride;
    for (int i = 0; i < t->m.rows; i++)
        start[i] = operand_at(e, c, base,
                              wraps && i ? window_offset(e, t->task, addc(e, t->pixel, i))
                                         : addc(e, first, i * step));
}

/* All taps of the chunk. */
static void run_taps(Emit *e, RegisterTile *t, V *start)
{
    const Contract *c = t->task->c;
    const PanelLayout p = panel_read(c);
    int64_t rest = last_chunk(c), word = contract_word(c), row = PANEL_COLUMNS;
    V count = udivc(e, chunk_channels(e, c, t->b->chunk), word);
    int unroll = c->kc % (4 * word) == 0 && rest % (4 * word) == 0 ? 4 : 1;
    V panel = var(e, e->ptr, t->b->panel);
    t->m.wide = c->wide;
    for (int v = 0; v < t->m.nvec; v++)
        t->m.offset[v] = block_vector(c, &p, v);
    Loop ly = loop_begin(e, ci(e, 0), ci(e, c->kh), 1);
    Loop lx = loop_begin(e, ci(e, 0), ci(e, c->kw), 1);
    V tap = c->kh * c->kw == 1 ? ci(e, 0)
                               : mulc(e, add(e, mulc(e, ly.i, t->task->sw), lx.i), c->kc);
    for (int i = 0; i < t->m.rows; i++)
        t->m.a[i] = operand_at(e, c, start[i], tap);
    V here = get(e, panel);
    (word == 4   ? micro_run_int8
     : word == 2 ? micro_run_bf16
                 : micro_run)(e, &t->m, here, ci(e, row), count, unroll);
    set(e, panel, atc(e, here, panel_rows(&p) * row));
    loop_end(e, &lx);
    loop_end(e, &ly);
}

static void tile(Emit *e, const ContractTask *task, const PanelBlock *b, V pixel, int rows)
{
    const Contract *c = task->c;
    RegisterTile t = {.task = task, .b = b, .pixel = pixel};
    V start[16];
    (contract_int8(c) ? micro_init_int8 : micro_init)(e, &t.m, rows, b->nvec);
    begin_sums(e, &t);
    window_starts(e, &t, chunk_base(e, task, b->chunk), start);
    run_taps(e, &t, start);
    if (c->n_chunks == 1) {
        epilogue(e, &t);
        return;
    }
    If f = if_begin(e, eq(e, b->chunk, ci(e, c->n_chunks - 1)));
    epilogue(e, &t);
    if_else(e, &f);
    spill(e, &t, false);
    if_end(e, &f);
}

/* All tiles of one block and chunk: whole tiles, then the remainder. Strip sizes, and so
 * remainders, come from a set of at most two. */
static void block_tiles(Emit *e, const ContractTask *task, const PanelBlock *b)
{
    const Contract *c = task->c;
    int mr = e->t->mr[b->nvec];
    int64_t total = c->flat ? c->tw : c->oh * c->tw * c->images, full = c->pixels,
            last = total % full ? total % full : full;
    if (!c->flat && c->images > 1)
        last = full;
    V whole = mulc(e, udivc(e, task->pixels, mr), mr);
    if (full >= mr || last >= mr) {
        Loop l = loop_begin(e, ci(e, 0), whole, mr);
        tile(e, task, b, l.i, mr);
        loop_end(e, &l);
    }
    int64_t rest[2] = {full % mr, last % mr};
    for (int r = 0; r < 2; r++) {
        if (rest[r] == 0 || (r == 1 && rest[1] == rest[0]))
            continue;
        If f = if_begin(e, eq(e, sub(e, task->pixels, whole), ci(e, rest[r])));
        tile(e, task, b, whole, (int)rest[r]);
        if_end(e, &f);
    }
}

static void block_chunks(Emit *e, void *user, const ColumnBlock *columns)
{
    const ContractTask *task = user;
    const Contract *c = task->c;
    const PanelLayout p = panel_layout(c);
    V panel = block_panel(e, c, &p, task->panels, columns->j);
    Loop l = loop_begin(e, ci(e, 0), ci(e, c->n_chunks), 1);
    PanelBlock b = {.j = columns->j,
                    .chunk = l.i,
                    .scales = contract_int8(c) ? block_scales(e, c, &p, task->panels, columns->j)
                                               : NULL,
                    .stored = at(e, panel, mulc(e, l.i, c->kc / p.group * PANEL_COLUMNS)),
                    .nvec = columns->nvec,
                    .last = columns->last};
    b.panel = task->unpacked ? task->unpacked : b.stored;
    if (task->unpacked)
        dequant_block(e, task, columns, l.i);
    (c->tile_rows ? tile_block : block_tiles)(e, task, &b);
    loop_end(e, &l);
}

static ContractTask strip_kernel(const Contract *c)
{
    return (ContractTask){.c = c,
                          .sh = (c->th - 1) * c->stride + c->kh,
                          .sw = (c->tw - 1) * c->stride + c->kw,
                          .chunk_stride = contract_strip_pixels(c) * strip_row(c)};
}

/* Of strips of whole numbers. */
static void quants_begin(Emit *e, ContractTask *task)
{
    task->row = atc(e, e->scratch, contract_images_floats(task->c));
    strip_quants(e, task);
}

void emit_contract(Emit *e, const Contract *c, const char *name)
{
    kernel_begin(e, name);
    ContractTask task = strip_kernel(c);
    contract_args(e, &task);
    V slice = contract_task(e, &task);
    V strip = atc(e, e->scratch, contract_load_floats(c));
    task.spilled = atc(e, strip, c->in_place || c->staged ? 0 : contract_strip_floats(c));
    if (contract_unpacks(c)) {
        task.unpacked = task.spilled;
        task.spilled = atc(e, task.unpacked, contract_unpacked_floats(c));
    }
    if (!c->staged)
        task.strip = strip;
    quants_begin(e, &task);
    if (!c->in_place && !c->staged) {
        load_strip(e, &task, ci(e, 0), strip_lines(e, &task));
    }
    if (c->tile_rows)
        tile_configure(e, c->tile_rows, (int)c->k_step);
    contract_blocks(e, c, slice, block_chunks, &task);
    if (c->tile_rows)
        tile_release(e);
    if (c->epilogue.past_caches)
        order_stores(e);
    kernel_end(e);
}

void emit_contract_load(Emit *e, const Contract *c, const char *name)
{
    CHECK(c->staged);
    kernel_begin(e, name);
    ContractTask task = strip_kernel(c);
    contract_load_args(e, &task);
    V part = contract_task(e, &task), all = strip_lines(e, &task);
    quants_begin(e, &task);
    int64_t most = contract_strip_lines(c);
    V from = smin(e, part_begin(e, part, most, c->load_parts), all),
      to = smin(e, part_begin(e, addc(e, part, 1), most, c->load_parts), all);
    load_strip(e, &task, from, to);
    kernel_end(e);
}
