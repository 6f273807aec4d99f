/* Blocking of contract kernels: plain arithmetic. */
#include "contract_plan.h"
#include "panel.h"
#include "tiles.h"
#include "winograd_plan.h"
#include <math.h>

/* Chunks of input channels so that one block's panel of a chunk takes its share of L2. */
static void choose_chunks(Contract *c, const Target *t)
{
    const Blocking *b = contract_blocking(c, t);
    int64_t ci = c->c1 + c->c2, taps = (int64_t)c->kh * c->kw;
    int64_t most = t->l2_bytes / (int64_t)b->panel_l2 /
                   (taps * c->nr * c->lanes * 4 / contract_word(c)),
            unit = c->lanes;
    c->k_step = c->tile_rows ? tile_step(c) : contract_word(c);
    if (c->tile_rows) {
        unit = TILE_CHANNELS / c->k_step * c->k_step;
        most = min64(most, tile_channels(c));
    }
    while (unit % contract_group(c))
        unit *= 2;
    most = most / unit * unit;
    if (most < unit)
        most = unit;
    c->n_chunks = ceil_div(ci, most);
    c->kc = c->n_chunks == 1 ? round_up(ci, c->k_step) : round_up(ceil_div(ci, c->n_chunks), unit);
    c->n_chunks = ceil_div(ci, c->kc);
}

static void choose_flat(Contract *c, const Target *t)
{
    int64_t all = c->oh * c->ow, mr = t->mr[min64(c->nr, ceil_div(c->co, c->lanes))];
    bool by_image = c->epilogue.has_sums || prologues[c->pre].norm == AFFINE_NORM ||
                    (c->epilogue.has_vec && c->vec_batch > 1) || c->x_shared || c->x2_shared ||
                    c->epilogue.res_shared;
    if (!by_image) {
        all *= c->batch;
        c->images = c->batch;
    }
    int64_t n = ceil_div(all, c->tile_rows ? tile_flat_pixels(c, t)
                                           : (int64_t)contract_blocking(c, t)->flat_pixels);
    if (n > 1)
        n += n % 2;
    c->pixels = min64(all, round_up(ceil_div(all, n), c->tile_rows ? TILE_MOST * TILE_ROWS : mr));
    c->tw = all;
    c->th = 1;
    c->strips_x = ceil_div(all, c->pixels);
    c->strips_y = 1;
    c->strips_b = c->batch / c->images;
}

/* What a strip costs per output pixel, a multiply-add being 1: rows of the register tile that are
 * empty, weights that are read from beyond L2 once per strip, the halo that is loaded and
 * normalised again, and a strip that does not fit L2. */
static double strip_cost(const Contract *c, const Target *t, int64_t tw, int64_t th)
{
    if (c->tile_rows)
        return tile_strip_cost(c, t, tw, th);
    const Blocking *b = contract_blocking(c, t);
    int64_t p = tw * th, ci = c->c1 + c->c2, columns = contract_columns(c),
            mr = t->mr[min64(c->nr, ceil_div(c->co, c->lanes))];
    double halo = (double)((th - 1) * c->stride + c->kh) * (double)((tw - 1) * c->stride + c->kw);
    double cost = (double)(ceil_div(p, mr) * mr) / (double)p * (double)(ceil_div(c->oh, th) * th) /
                  (double)c->oh;
    cost += b->strip_weight / (double)p;
    cost += halo / (double)p * b->strip_load /
            (double)(columns < LOAD_COLUMNS ? LOAD_COLUMNS : columns);
    double bytes = halo * (double)ci * 4 / strip_word(c), room = b->strip_l2 * t->l2_bytes;
    if (bytes > room)
        cost += b->strip_over * (bytes / room - 1);
    return cost;
}

static void choose_strip(Contract *c, const Target *t)
{
    double best = INFINITY;
    int64_t most = (int64_t)contract_blocking(c, t)->strip_pixels;
    for (int64_t tw = 1; tw <= c->ow; tw++) {
        if (c->ow % tw != 0 || (tw > STRIP_WIDTH && tw != c->ow))
            continue;
        for (int64_t th = 1; th <= c->oh && (th * tw <= most || th == 1); th++) {
            double cost = strip_cost(c, t, tw, th);
            if (cost < best) {
                best = cost;
                c->tw = tw;
                c->th = th;
            }
        }
    }
    if (c->tw == c->ow && c->th == c->oh && c->tw * c->th * c->batch <= most)
        c->images = c->batch;
    c->pixels = c->tw * c->th * c->images;
    c->strips_x = c->ow / c->tw;
    c->strips_y = ceil_div(c->oh, c->th);
    c->strips_b = c->batch / c->images;
}

/* Enough tasks for many threads. Where strips alone are too few, every block is a task, and strips
 * that all blocks read are staged. Direct convolutions on vectors load their strip again for every
 * column slice, so a slice has two blocks at least; in int8 strips are small and products fast, so
 * theirs are staged. Convolutions on the tile unit stage more strips, but not those that take much
 * memory. Column slices of its dense products are wider (tiles.c). */
static void choose_slices(Contract *c, const Target *t)
{
    const int64_t wanted = CONTRACT_TASKS;
    int64_t strips = contract_strips(c);
    c->slices = c->load_parts = 1;
    bool tiled = c->tile_rows && !c->flat, int8 = contract_int8(c) && !c->flat;
    if (contract_strips_suffice(c) || c->blocks == 1)
        return;
    c->staged = !c->in_place &&
                (c->winograd || tiled || int8 || (c->flat && c->pixels >= STAGED_FLAT_PIXELS));
    if (tiled)
        c->slices = c->blocks;
    else if (c->tile_rows)
        c->slices = min64(ceil_div(wanted, strips),
                          ceil_div(c->blocks, tile_fewest_blocks(c, t, strips)));
    else if (c->staged || c->in_place)
        c->slices = c->blocks;
    else
        c->slices = min64(ceil_div(wanted, strips), ceil_div(c->blocks, 2));
    c->staged = c->staged && c->slices > 1;
    if (c->staged)
        c->load_parts = min64(ceil_div(wanted, strips),
                              c->winograd ? in_channels(c) / c->kc : contract_strip_lines(c));
}

void contract_plan(Contract *c, const Target *t, ConvMode mode)
{
    c->nr = t->nr;
    c->lanes = t->lanes;
    c->images = 1;
    c->tile_rows = contract_tiles(c, t) ? TILE_ROWS : 0;
    c->flat = c->kh == 1 && c->kw == 1 && c->stride == 1 && c->upsample == 1 && c->oh == c->h &&
              c->ow == c->w;
    c->wide = c->bf16 && !contract_int8(c) && !target_multiplies_bf16(t);
    c->in_place = c->flat && c->pre == PRE_NONE && c->c2 == 0 && !c->x_bf16 && strip_word(c) == 1 &&
                  c->c1 % contract_word(c) == 0;
    choose_chunks(c, t);
    if (c->flat)
        choose_flat(c, t);
    else
        choose_strip(c, t);
    winograd_plan(c, t, mode);
    if (c->winograd)
        c->wide = 0;
    if (c->tile_rows && !c->winograd)
        tile_shape(c);
    c->blocks = ceil_div(c->co, contract_block_out(c));
    choose_slices(c, t);
}
int64_t contract_tasks(const Contract *c) { return contract_strips(c) * c->slices; }
int64_t contract_load_tasks(const Contract *c) { return contract_strips(c) * c->load_parts; }

int64_t contract_staged_floats(const Contract *c)
{
    return contract_strips(c) * (c->winograd ? winograd_strip_floats(c) : contract_strip_floats(c));
}

double contract_flops(const Contract *c)
{
    double products = c->winograd ? (double)(winograd_kernels(c) * contract_strips(c) * c->tiles_x *
                                             c->tiles_y * c->images)
                                  : (double)(c->kh * c->kw) * (double)(c->batch * c->oh * c->ow);
    return 2 * products * (double)in_channels(c) * (double)contract_columns(c);
}

/* What the numbers of n rows or images stand for, where each of those has a range. */
static int64_t quant_floats(const Contract *c, QuantRange range, int64_t n)
{
    return quants[c->quant].range == range && range != NO_RANGE ? round_up(n * QUANT_WORDS, 16) : 0;
}

int64_t contract_strip_floats(const Contract *c)
{
    return contract_numbers_floats(c) + quant_floats(c, ROW_RANGE, contract_strip_pixels(c));
}

int64_t contract_numbers_floats(const Contract *c)
{
    int64_t elements = (c->n_chunks * contract_strip_pixels(c) + tile_overrun(c)) * strip_row(c);
    return (ceil_div(elements, strip_word(c)) + 63) / 16 * 16;
}

int64_t contract_images_floats(const Contract *c)
{
    return quant_floats(c, IMAGE_RANGE, c->images);
}

int64_t contract_row_floats(const Contract *c)
{
    return quants[c->quant].range == ROW_RANGE ? round_up(in_channels(c), 16) : 0;
}

int64_t contract_load_floats(const Contract *c)
{
    return contract_images_floats(c) + contract_row_floats(c);
}

int64_t contract_scratch(const Contract *c)
{
    if (c->winograd)
        return winograd_scratch(c);
    int64_t floats = contract_load_floats(c);
    if (!c->in_place && !c->staged)
        floats += contract_strip_floats(c);
    floats += contract_unpacked_floats(c);
    if (c->tile_rows)
        floats += tile_sums_floats(c);
    else if (c->n_chunks > 1)
        floats += c->pixels * c->nr * c->lanes;
    return floats * 4;
}

int64_t contract_unpacked_floats(const Contract *c)
{
    const PanelLayout p = panel_read(c);
    return contract_unpacks(c)
               ? ceil_div((int64_t)c->nr * c->lanes, PANEL_COLUMNS) * panel_words(&p)
               : 0;
}

int64_t contract_panel_floats(const Contract *c)
{
    const PanelLayout p = panel_layout(c);
    return panel_count(&p) * panel_words(&p) + panel_tail_words(&p);
}

int64_t contract_bias_floats(const Contract *c)
{
    return (contract_geglu(c) ? 2 : 1) * round_up(c->co, PANEL_COLUMNS);
}
