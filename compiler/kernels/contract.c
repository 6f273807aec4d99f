/* Blocking and weight packing of the contract kernels: plain arithmetic, no code generation. */
#include "tiles.h"
#include "winograd.h"
#include <math.h>
#include <string.h>

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t contract_columns(const Contract *c) { return contract_geglu(c) ? 2 * c->co : c->co; }

/* Vectors in use by block j. */
static int block_vectors(const Contract *c, int64_t j)
{
    if (contract_geglu(c) || j < c->blocks - 1)
        return c->nr;
    return (int)ceil_div(c->co - j * contract_block_out(c), c->lanes);
}

/* Chunks of input channels so that one block's panel of a chunk takes about a sixth of L2. */
static void choose_chunks(Contract *c, const Target *t)
{
    int64_t ci = c->c1 + c->c2, taps = (int64_t)c->kh * c->kw;
    int64_t most = t->l2_bytes / 6 / (taps * c->nr * c->lanes * (c->bf16 ? 2 : 4)), unit = c->lanes;
    if (c->tile_rows) {
        unit = TILE_CHANNELS;
        most = min64(most, tile_channels(c));
    }
    most = most / unit * unit;
    if (most < unit)
        most = unit;
    c->n_chunks = ceil_div(ci, most);
    c->k_step = c->tile_rows ? tile_step(c) : c->bf16 ? 2 : 1;
    c->kc = c->n_chunks == 1 ? round_up(ci, c->k_step) : round_up(ceil_div(ci, c->n_chunks), unit);
    c->n_chunks = ceil_div(ci, c->kc);
}

static void choose_flat(Contract *c, const Target *t)
{
    int64_t all = c->oh * c->ow, mr = t->mr[min64(c->nr, ceil_div(c->co, c->lanes))];
    bool by_image = c->has_sums || c->pre == PRE_AFFINE || c->pre == PRE_AFFINE_SWISH ||
                    (c->has_vec && c->vec_batch > 1) || c->x_shared || c->x2_shared ||
                    c->res_shared;
    if (!by_image) {
        all *= c->batch;
        c->images = c->batch;
    }
    int64_t n = ceil_div(all, c->tile_rows ? tile_flat_pixels(c, t) : 240);
    if (n > 1)
        n += n % 2;
    c->pixels = min64(all, round_up(ceil_div(all, n), c->tile_rows ? TILE_MOST * TILE_ROWS : mr));
    c->tw = all;
    c->th = 1;
    c->strips_x = ceil_div(all, c->pixels);
    c->strips_y = 1;
    c->strips_b = c->batch / c->images;
}

/* What a strip costs per output pixel, in arbitrary units, multiply-adds being 1: the halo that is
 * loaded and normalised again, rows of the register tile left empty, weights read from beyond L2
 * once per strip, and a strip that does not fit L2. On the tile unit multiply-adds take a
 * fourteenth of the time, so all the rest counts for more. */
static double strip_cost(const Contract *c, const Target *t, int64_t tw, int64_t th)
{
    if (c->tile_rows)
        return tile_strip_cost(c, t, tw, th);
    int64_t p = tw * th, ci = c->c1 + c->c2, mr = t->mr[min64(c->nr, ceil_div(c->co, c->lanes))];
    double halo = (double)((th - 1) * c->stride + c->kh) * (double)((tw - 1) * c->stride + c->kw);
    double cost = (double)(ceil_div(p, mr) * mr) / (double)p * (double)(ceil_div(c->oh, th) * th) /
                  (double)c->oh;
    cost += 16.0 / (double)p;
    cost += halo / (double)p * 24.0 / (double)(contract_columns(c) < 64 ? 64 : contract_columns(c));
    double bytes = halo * (double)ci * (c->bf16 ? 2 : 4), room = 0.75 * t->l2_bytes;
    if (bytes > room)
        cost += 0.05 * (bytes / room - 1);
    return cost;
}

static void choose_strip(Contract *c, const Target *t)
{
    double best = INFINITY;
    int64_t most = c->tile_rows ? 1024 : 512;
    for (int64_t tw = 1; tw <= c->ow; tw++) {
        if (c->ow % tw != 0 || (tw > 128 && tw != c->ow))
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

/* Enough tasks for many threads. Where strips alone are too few, every block is a task; strips that
 * all of them read are staged. Those of direct convolutions on vectors are loaded anew by every
 * piece, which keeps two blocks at least. Convolutions on the tile unit stage more strips, but not
 * those that take much memory; pieces of its dense products are wider (tiles.c). */
static void choose_pieces(Contract *c, const Target *t)
{
    const int64_t wanted = CONTRACT_TASKS;
    int64_t strips = contract_strips(c);
    c->pieces = c->load_parts = 1;
    bool tiled = c->tile_rows && !c->flat;
    if (contract_strips_suffice(c) || c->blocks == 1)
        return;
    c->staged = !c->in_place && (c->winograd || tiled || (c->flat && c->pixels >= 16));
    if (tiled)
        c->pieces = c->blocks;
    else if (c->tile_rows)
        c->pieces = min64(ceil_div(wanted, strips),
                          ceil_div(c->blocks, tile_fewest_blocks(c, t, strips)));
    else if (c->staged || c->in_place)
        c->pieces = c->blocks;
    else
        c->pieces = min64(ceil_div(wanted, strips), ceil_div(c->blocks, 2));
    c->staged = c->staged && c->pieces > 1;
    if (c->staged)
        c->load_parts = min64(ceil_div(wanted, strips),
                              c->winograd ? in_channels(c) / c->kc : contract_strip_lines(c));
}

void contract_plan(Contract *c, const Target *t, ConvMode mode)
{
    c->nr = t->nr;
    c->lanes = t->lanes;
    c->images = 1;
    c->tile_rows = c->bf16 && target_tiles(t) ? TILE_ROWS : 0;
    c->flat = c->kh == 1 && c->kw == 1 && c->stride == 1 && c->upsample == 1 && c->oh == c->h &&
              c->ow == c->w;
    c->in_place = c->flat && c->pre == PRE_NONE && c->c2 == 0 && !c->bf16;
    choose_chunks(c, t);
    if (c->flat)
        choose_flat(c, t);
    else
        choose_strip(c, t);
    winograd_plan(c, t, mode);
    if (c->tile_rows && !c->winograd)
        tile_shape(c);
    c->blocks = ceil_div(c->co, contract_block_out(c));
    choose_pieces(c, t);
}

const char *const conv_names[] = {"auto", "direct", "winograd", "f23",   "f43",
                                  "up",   "up43",   "f23s",     "f43s",  "f23u",
                                  "f43u", "f23x",   "f43x",     "f43xu", NULL};

ConvMode conv_parse(const char *text)
{
    for (int i = 0; conv_names[i]; i++)
        if (!strcmp(text, conv_names[i]))
            return (ConvMode)i;
    usage_err(
        "--conv: expected auto, direct, winograd, f23, f43, up, up43, f23s, f43s, f23u, f43u, f23x, f43x or f43xu, found \"%s\"",
        text);
}

int64_t contract_tasks(const Contract *c) { return contract_strips(c) * c->pieces; }
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

int64_t contract_strip_lines(const Contract *c)
{
    return c->flat ? c->pixels : c->images * ((c->th - 1) * c->stride + c->kh);
}

int64_t contract_strip_pixels(const Contract *c)
{
    return contract_strip_lines(c) * (c->flat ? 1 : (c->tw - 1) * c->stride + c->kw);
}

int64_t contract_strip_floats(const Contract *c)
{
    int64_t elements = (c->n_chunks * contract_strip_pixels(c) + tile_overrun(c)) * strip_row(c);
    return (ceil_div(elements, c->bf16 ? 2 : 1) + 63) / 16 * 16;
}

int64_t contract_scratch(const Contract *c)
{
    if (c->winograd)
        return winograd_scratch(c);
    int64_t floats = c->in_place || c->staged ? 0 : contract_strip_floats(c);
    if (c->tile_rows)
        floats += tile_sums_floats(c);
    else if (c->n_chunks > 1)
        floats += c->pixels * c->nr * c->lanes;
    return floats * 4;
}

int64_t contract_panel_floats(const Contract *c)
{
    int64_t k = stored_channels(c) *
                (c->winograd && c->kernels == KERNELS_PACKED ? winograd_kernels(c) : c->kh * c->kw);
    return ((c->blocks - 1) * c->nr + block_vectors(c, c->blocks - 1)) * c->lanes * k /
           (c->bf16 ? 2 : 1);
}

int64_t contract_bias_floats(const Contract *c) { return c->blocks * c->nr * c->lanes; }

/* The stored column of lane x of vector v of block j, or -1 where the panel is padding. With GEGLU
 * the first half of a block's vectors are values and the second half their gates. */
static int64_t column(const Contract *c, int64_t j, int v, int x)
{
    int half = c->nr / 2;
    bool gate = contract_geglu(c) && v >= half;
    int64_t n = j * contract_block_out(c) + (int64_t)(gate ? v - half : v) * c->lanes + x;
    if (n >= c->co)
        return -1;
    return gate ? c->co + n : n;
}

void contract_pack_row(const Contract *c, int64_t j, const float *row, float *out)
{
    for (int v = 0; v < block_vectors(c, j); v++, out += c->lanes) {
        int64_t first = column(c, j, v, 0);
        if (first >= 0 && column(c, j, v, c->lanes - 1) == first + c->lanes - 1) {
            if (c->lanes == 16)
                memcpy(out, row + first, 64); /* constant: no call */
            else if (c->lanes == 8)
                memcpy(out, row + first, 32);
            else
                memcpy(out, row + first, (size_t)c->lanes * 4);
            continue;
        }
        for (int x = 0; x < c->lanes; x++) {
            int64_t n = column(c, j, v, x);
            out[x] = n < 0 ? 0 : row[n];
        }
    }
}

/* Row k of a panel in pairs: its columns are every second number. */
void contract_pack_pair(const Contract *c, int64_t j, const float *row, int64_t k, void *out)
{
    float columns[4 * 64];
    int64_t width = (int64_t)block_vectors(c, j) * c->lanes;
    uint16_t *to = (uint16_t *)out + k / 2 * 2 * width + k % 2;
    if (row)
        contract_pack_row(c, j, row, columns);
    for (int64_t x = 0; x < width; x++)
        to[2 * x] = row ? bf16_of(columns[x]) : 0;
}

/* Rows k, k+1 of a panel at once, both there. */
static void pack_two(const Contract *c, int64_t j, const float *row, int64_t columns, int64_t k,
                     void *out)
{
    float first[4 * 64], second[4 * 64];
    int64_t width = (int64_t)block_vectors(c, j) * c->lanes;
    uint16_t *to = (uint16_t *)out + k * width;
    contract_pack_row(c, j, row, first);
    contract_pack_row(c, j, row + columns, second);
    for (int64_t x = 0; x < width; x++) {
        to[2 * x] = bf16_of(first[x]);
        to[2 * x + 1] = bf16_of(second[x]);
    }
}

/* Rows k0 .. k1-1 of chunk c0 and one tap, in every block: whole rows of the kernel are read once,
 * in order. */
static void pack_rows(const Contract *c, const float *kernel, float *out, int64_t c0, int64_t tap,
                      int64_t k0, int64_t k1)
{
    int64_t ci = in_channels(c), taps = (int64_t)c->kh * c->kw, columns = contract_columns(c),
            element = c->bf16 ? 2 : 4;
    int64_t stored = c0 + c->kc < ci ? c->kc : last_chunk(c);
    for (int64_t j = 0; j < c->blocks; j++) {
        int64_t width = (int64_t)block_vectors(c, j) * c->lanes;
        char *o = (char *)out + j * taps * stored_channels(c) * c->nr * c->lanes * element +
                  (c0 * taps + tap * stored) * width * element;
        for (int64_t k = k0; k < k1; k++) {
            const float *row = c0 + k < ci ? kernel + (tap * ci + c0 + k) * columns : NULL;
            if (!c->bf16)
                contract_pack_row(c, j, row, (float *)(void *)o + k * width);
            else if (k % 2 == 0 && k + 1 < k1 && c0 + k + 1 < ci)
                pack_two(c, j, row, columns, k++, o);
            else
                contract_pack_pair(c, j, row, k, o);
        }
    }
}

void contract_pack_kernel(const Contract *c, const float *kernel, float *out)
{
    enum { ROWS = 16 };
    if (c->winograd) {
        winograd_pack_kernel(c, kernel, out);
        return;
    }
    int64_t ci = in_channels(c), taps = (int64_t)c->kh * c->kw,
            groups = (c->kc + c->k_step + ROWS - 1) / ROWS;
    int64_t chunks = (ci + c->kc - 1) / c->kc;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < chunks * taps * groups; i++) {
        int64_t c0 = i / (taps * groups) * c->kc, tap = i / groups % taps, k0 = i % groups * ROWS;
        int64_t stored = c0 + c->kc < ci ? c->kc : last_chunk(c);
        if (k0 < stored)
            pack_rows(c, kernel, out, c0, tap, k0, k0 + ROWS < stored ? k0 + ROWS : stored);
    }
}

void contract_pack_bias(const Contract *c, const float *bias, float *out)
{
    memset(out, 0, (size_t)contract_bias_floats(c) * 4);
    for (int64_t j = 0; j < c->blocks; j++)
        contract_pack_row(c, j, bias, out + j * c->nr * c->lanes);
}
