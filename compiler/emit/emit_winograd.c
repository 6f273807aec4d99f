/* The Winograd form of a 3x3 convolution; winograd.c has the algebra.
 *
 *   for each chunk of input channels
 *     the strip's region, normalised                       region: about L1
 *     for each tile: B' d B                                transformed inputs: stay in L2
 *   for each block of output columns of the task's column slice
 *     for each position: products
 *     for each tile: A' M A, epilogue, store
 */
#include "contract_plan.h"
#include "emit_amx.h"
#include "emit_winograd_products.h"
#include "emit_winograd_tiles.h"
#include "emitters.h"

static void block(Emit *e, void *user, const ColumnBlock *b)
{
    WinogradTask w = *(const WinogradTask *)user;
    block_products(e, &w, b);
    If f = {0};
    if (winograd_buffers(w.task.c) > 1)
        f = if_begin(e, eq(e, addc(e, b->j, 1), w.end));
    finish_block(e, &w, b);
    if (winograd_buffers(w.task.c) > 1)
        if_end(e, &f);
}

void emit_winograd(Emit *e, const Contract *c, const char *name)
{
    kernel_begin(e, name);
    WinogradTask w = winograd_task(c);
    contract_args(e, &w.task);
    V slice = contract_task(e, &w.task);
    if (c->staged) {
        w.transformed = w.task.strip;
        w.products = e->scratch;
    } else {
        w.region = e->scratch;
        w.transformed = atc(e, w.region, (w.rows * w.cols * c->images * c->kc + 15) / 16 * 16);
        w.products = atc(e, w.transformed, winograd_strip_floats(c));
        load_inputs(e, &w, ci(e, 0), ci(e, in_channels(c) / c->kc));
    }
    w.kernels = atc(e, w.products,
                    winograd_buffers(c) * winograd_positions(c) *
                        winograd_product_stride(c, c->nr * c->lanes));
    if (c->tile_rows) {
        w.first = part_begin(e, slice, c->blocks, c->slices);
        w.end = part_begin(e, addc(e, slice, 1), c->blocks, c->slices);
        tile_configure(e, c->tile_rows, (int)c->k_step);
        prefetch_regions(e, &w);
    }
    contract_blocks(e, c, slice, block, &w);
    if (c->tile_rows)
        tile_release(e);
    if (c->epilogue.past_caches)
        order_stores(e);
    kernel_end(e);
}

void emit_winograd_load(Emit *e, const Contract *c, const char *name)
{
    kernel_begin(e, name);
    WinogradTask w = winograd_task(c);
    contract_load_args(e, &w.task);
    V part = contract_task(e, &w.task);
    int64_t chunks = in_channels(c) / c->kc;
    w.region = e->scratch;
    w.transformed = w.task.strip;
    load_inputs(e, &w, part_begin(e, part, chunks, c->load_parts),
                part_begin(e, addc(e, part, 1), chunks, c->load_parts));
    kernel_end(e);
}
