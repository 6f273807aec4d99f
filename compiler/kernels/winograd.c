/* Winograd's minimal filtering for 3x3 convolutions of stride 1 (Lavin and Gray, "Fast algorithms
 * for convolutional neural networks", 2016):
 *
 *   Y = A' [ (G g G') * (B' d B) ] A
 *
 * where d is n x n inputs, Y is m x m outputs, n = m + 2, and * is elementwise, summed over
 * channels.
 *
 * n*n multiplications do the work of 9 m*m. Where the input is a picture upsampled to twice its
 * size (each pixel doubled), the two outputs over pixel b, with neighbours a and c, see (a, b, b,
 * c): F(2,3) with the component that is always zero left out,
 *
 *   y0 = w0 (a - b) + (w0 + w1 + w2) b      y1 = (w0 + w1 + w2) b - w2 (b - c)
 *
 * 3 x 3 inputs of the small picture, 9 multiplications for 36. The four outputs over two pixels b
 * and c, with neighbours a and d, take five products instead of six:
 *
 *   p0 = w0 (a - c)      p1 = (w1 + w2 - w0) / 2 (b - c)      p3 = (w0 + w1 + w2) / 2 (b + c)
 *   p4 = w2 (d - b)      p2 = (w0 + w1 - w2) / 2 (b - c)
 *
 *   y0 = p0 + p1 + p3      y1 = p2 + p3      y2 = p3 - p1      y3 = p3 - p2 + p4
 *
 * 4 x 4 inputs of the small picture, 25 multiplications for 144, of four differences along each
 * axis, one of which serves two products.
 *
 * Along x alone the rows of the kernel are summed as they are, and the sum of their products is
 * transformed once: 3 n multiplications for 9 m, on n / m inputs a pixel instead of (n / m)^2.
 * Products on the tile unit wait for what they read, and bf16 keeps enough digits then for F(4,3),
 * with the points 0, +-1/sqrt(2), +-sqrt(2) and infinity: with +-1, +-2 a sum of rounded products
 * is off by half as much again (numbers in bench/NOTES.md). Here: the matrices, blocking, and the
 * transformed kernels. */
#include "winograd.h"
#include "tiles.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const double b2[] = {1, 0, -1, 0, 0, 1, 1, 0, 0, -1, 1, 0, 0, 1, 0, -1};
static const double g2[] = {1, 0, 0, .5, .5, .5, .5, -.5, .5, 0, 0, 1};
static const double a2[] = {1, 1, 1, 0, 0, 1, -1, -1};
static const double b4[] = {4, 0, -5, 0, 1, 0, 0, -4, -4, 1, 1, 0, 0, 4, -4, -1, 1, 0, 0, -2, -1, 2, 1, 0, 0, 2, -1, -2, 1, 0, 0, 4, 0, -5, 0, 1};
static const double g4[] = {1. / 4, 0, 0, -1. / 6, -1. / 6, -1. / 6, -1. / 6, 1. / 6, -1. / 6, 1. / 24, 1. / 12, 1. / 6, 1. / 24, -1. / 12, 1. / 6, 0, 0, 1};
static const double a4[] = {1, 1, 1, 1, 1, 0, 0, 1, -1, 2, -2, 0, 0, 1, 1, 4, 4, 0, 0, 1, -1, 8, -8, 1};
static const double bu[] = {1, -1, 0, 0, 1, 0, 0, 1, -1};
static const double gu[] = {1, 0, 0, 1, 1, 1, 0, 0, 1};
static const double au[] = {1, 1, 0, 0, 1, -1};
static const double bu4[] = {1, 0, -1, 0, 0, 1, -1, 0, 0, 1, 1, 0, 0, -1, 0, 1};
static const double gu4[] = {1, 0, 0, -.5, .5, .5, .5, .5, -.5, .5, .5, .5, 0, 0, 1};
static const double au4[] = {1, 1, 0, 1, 0, 0, 0, 1, 1, 0, 0, -1, 0, 1, 0, 0, 0, -1, 1, 1};
#define R2 1.41421356237309504880 /* sqrt(2) */
static const double br[] = {1, 0, -2.5, 0, 1, 0, 0, -R2, -2, R2 / 2, 1, 0, 0, R2, -2, -R2 / 2, 1, 0, 0, -R2 / 2, -.5, R2, 1, 0, 0, R2 / 2, -.5, -R2, 1, 0, 0, 1, 0, -2.5, 0, 1};
static const double gr[] = {1, 0, 0, -2. / 3, -R2 / 3, -1. / 3, -2. / 3, R2 / 3, -1. / 3, 1. / 6, R2 / 6, 1. / 3, 1. / 6, -R2 / 6, 1. / 3, 0, 0, 1};
static const double ar[] = {1, 1, 1, 1, 1, 0, 0, R2 / 2, -R2 / 2, R2, -R2, 0, 0, .5, .5, 2, 2, 0, 0, R2 / 4, -R2 / 4, 2 * R2, -2 * R2, 1};
static const double one[] = {1}, rows[] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
enum { ONCE = 6 }; /* of WinogradAxis.twice: none is */
#define F23 {2, 4, 4, ONCE, b2, g2, a2}
#define F43 {4, 6, 6, ONCE, b4, g4, a4}
#define F43_ROOTS {4, 6, 6, ONCE, br, gr, ar}
#define UP23 {2, 3, 3, ONCE, bu, gu, au}
#define UP43 {4, 5, 4, 1, bu4, gu4, au4}
#define ALONE {1, 1, 1, ONCE, one, rows, one}
static const Winograd forms[] = {
    {{"F(2,3)", "F(2,3) streamed", "F(2,3) unpacked"}, {CONV_F23, CONV_F23S, CONV_F23U}, 1, 1, F23, F23},
    {{"F(4,3)", "F(4,3) streamed", "F(4,3) unpacked"}, {CONV_F43, CONV_F43S, CONV_F43U}, 1, 1, F43, F43},
    {{"up(2,3)"}, {CONV_UP}, 2, 1, UP23, UP23}, /* its kernels are not larger than plain ones */
    {{"up(4,3)"}, {CONV_UP43}, 2, 1, UP43, UP43},
    {{"F(2,3) along x"}, {CONV_F23X}, 1, 3, ALONE, F23},
    {{"F(4,3) along x", NULL, "F(4,3) along x, unpacked"}, {CONV_F43X, CONV_AUTO, CONV_F43XU}, 1, 3, ALONE, F43_ROOTS}};
/* clang-format on */
enum { N_FORMS = sizeof forms / sizeof forms[0] };

const Winograd *winograd_form(const Contract *c)
{
    CHECK(c->winograd >= 1 && c->winograd <= N_FORMS);
    return &forms[c->winograd - 1];
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static double columns_of(const Contract *c)
{
    return (double)(ceil_div(c->co, c->lanes) * c->lanes);
}

/* Not up(4,3) on the tile unit: products are cheap there, and its kernels, three times as many,
 * push the inputs out of L2. Two thirds of the products take as long (256x256 x 256: 61 and 63 ms)
 * or longer (2 x 32x32 x 640: 18 and 12; 128x128 x 512: 65 and 55). */
static bool fits(const Contract *c, const Target *t, const Winograd *w)
{
    bool tiled = c->bf16 && target_tiles(t);
    if ((w->x.n > w->x.inputs && tiled) || (w->taps > 1 && !tiled))
        return false;
    if (w->upsample > 1 && (c->upsample != w->upsample || c->pad_top != 1 || c->pad_left != 1))
        return false;
    return c->kh == 3 && c->kw == 3 && c->stride == 1 && c->c1 % t->lanes == 0 &&
           c->c2 % t->lanes == 0 && c->pre != PRE_LAYER_NORM && c->act != ACT_GEGLU_TANH &&
           c->act != ACT_GEGLU_ERF;
}

/* Transformed inputs and products of a strip of bw x bh tiles: what should stay in L2. */
static double strip_bytes(const Contract *c, const Winograd *w, int64_t bw, int64_t bh)
{
    double inputs = (double)(bw * winograd_lines(w, bh) * w->y.inputs * w->x.inputs) *
                    (double)in_channels(c);
    return (w->taps > 1 ? 2 : 4) * inputs +
           4.0 * (double)(bw * bh * w->y.n * w->x.n) * (double)(c->nr * c->lanes);
}

/* What kernels cost per strip, in multiply-adds per transformed weight: they stream from memory or
 * from L3 once for every strip. Measured on AVX-512 machines with about 60 GMAC/s and 10 GB/s a
 * core: 23; a fifth of it where all of them fit L2. */
static const double beyond_l2 = 23;
static double weight_cost(const Target *t, double weights)
{
    return weights * 4 < 2.0 * t->l2_bytes ? 5 : beyond_l2;
}
/* On the tile unit, as measured with product_share: a weight in bf16 is 8.5 then. */
static double weight_share(const Contract *c) { return c->tile_rows ? 0.75 : 1; }

/* Transforming a plain kernel in scratch, in multiply-adds per transformed weight (a word of two in
 * bf16 takes as long as one in f32), and keeping sums in L2 between parts: measured on the same
 * machines, n = 4 with 8x8 and 16x16 pictures of 1280 channels; n = 6, whose G g G' no longer fits
 * the registers, in the f32 decoder with 64x64 pictures of 512: twice the time of F(4,3) with
 * stored kernels, where 22 promised 1.05 times. */
static double stream_cost(const Winograd *w) { return w->x.n == 6 ? 120 : 22; }

/* Transforming a plain kernel in memory, per transformed weight: 1.2 ms for 512 x 512 with n = 6 on
 * two cores. */
static const double unpack_cost = 20;

/* A multiply-add's time, an f32 one's being 1. On the tile unit the mean of what was measured on a
 * machine with others, alone on a core and beside another thread, which halves its rate or worse:
 * convolutions of 8x8 to 512x512 pixels, 128 to 1280 channels, within a fifth. Tiles of few rows
 * wait for their columns. Where there is an instruction for them, a pair takes the time of one. And
 * a weight's bytes. */
static double product_share(const Contract *c, const Target *t)
{
    if (c->tile_rows)
        return 0.135 * (c->tile_rows < 13 ? 13. / c->tile_rows : 1);
    return c->bf16 && t->core == CORE_BF16_DOT ? 0.5 : 1;
}
static double byte_share(const Contract *c) { return c->bf16 ? 0.5 : 1; }

static int64_t strip_tiles(const Contract *c) { return c->tiles_x * c->tiles_y * c->images; }

/* Those that may share one of the tile unit's: of a strip; of an image where its rows of inputs end
 * with some that have no products. */
static int64_t joined_tiles(const Contract *c)
{
    return winograd_form(c)->taps > 1 ? c->tiles_x * c->tiles_y : strip_tiles(c);
}

static int64_t region_pixels(const Contract *c)
{
    const Winograd *w = winograd_form(c);
    return winograd_region_cols(w, c->tiles_x) * winograd_region_rows(w, c->tiles_y) * c->images;
}

/* Most tiles of a strip: of 256 to 1024 outputs in squares, of 1024 in rows. */
static int64_t most_tiles(const Winograd *w) { return w->taps > 1 ? 1024 / w->x.m : 64; }

static void plan_form(Contract *c, const Target *t, const Winograd *w)
{
    int64_t gw = ceil_div(c->ow, w->x.m), gh = ceil_div(c->oh, w->y.m);
    double best = INFINITY;
    double weights = (double)(w->y.n * w->x.n * w->taps) * (double)(c->c1 + c->c2) * columns_of(c);
    c->winograd = (int)(w - forms) + 1;
    c->flat = c->in_place = 0;
    c->tile_rows = c->bf16 && target_tiles(t) ? TILE_ROWS : 0;
    c->k_step = c->bf16 ? 2 : 1;
    if (c->tile_rows)
        c->k_step = (c->c1 + c->c2) % TILE_CHANNELS == 0 ? TILE_CHANNELS : TILE_CHANNELS / 2;
    for (int64_t bw = 1; bw <= gw; bw++)
        for (int64_t bh = 1; bh <= gh; bh++) {
            int64_t tiles = bw * bh;
            if (gw % bw || gh % bh || tiles > most_tiles(w))
                continue;
            double halo = (double)(winograd_region_cols(w, bw) * winograd_region_rows(w, bh)) /
                          (double)(tiles * w->y.m * w->x.m);
            double cost = weight_cost(t, weights) / (double)tiles + 20 * halo / columns_of(c);
            double over = strip_bytes(c, w, bw, bh) / t->l2_bytes - 1;
            if (over > 0)
                cost += 0.05 * over;
            if (cost < best) {
                best = cost;
                c->tiles_x = bw;
                c->tiles_y = bh;
            }
        }
    c->images = c->tiles_x == gw && c->tiles_y == gh && gw * gh * c->batch <= 96 ? c->batch : 1;
    c->tw = c->tiles_x * w->x.m;
    c->th = c->tiles_y * w->y.m;
    c->strips_x = gw / c->tiles_x;
    c->strips_y = gh / c->tiles_y;
    c->strips_b = c->batch / c->images;
    c->pixels = c->tw * c->th * c->images;
    if (c->tile_rows) {
        int64_t tiles = joined_tiles(c);
        c->tile_rows = (int)ceil_div(tiles, ceil_div(tiles, TILE_ROWS));
        if (contract_strips_suffice(c))
            c->nr = TILE_MOST; /* more blocks that leave beside the next one; those that are tasks
                                  read their strip once each */
    }
    /* channels loaded at a time: the region stays in L1 or close to it, and a chunk does not
     * straddle x and x2 */
    c->kc = t->lanes;
    for (int64_t wide = 2 * t->lanes; wide <= 4 * t->lanes; wide *= 2)
        if (c->c1 % wide == 0 && c->c2 % wide == 0 && region_pixels(c) * wide * 4 <= 128 << 10)
            c->kc = wide;
    c->n_chunks = 1;
}

/* What a step unpacks lies in the arena beside the results of its time: no more than a fraction of
 * them. */
enum { UNPACKED_BYTES = 128 << 20 };
static double unpacked_bytes(const Contract *c, const Winograd *w)
{
    return (double)(w->y.n * w->x.n * w->taps) * (double)in_channels(c) * columns_of(c) *
           (c->bf16 ? 2 : 4);
}

void winograd_plan(Contract *c, const Target *t, ConvMode mode)
{
    for (int i = 0; i < N_FORMS; i++)
        for (int kernels = 0; kernels < KERNELS_COUNT && mode != CONV_AUTO; kernels++)
            if (forms[i].mode[kernels] == mode && fits(c, t, &forms[i]) &&
                (kernels != KERNELS_UNPACKED || unpacked_bytes(c, &forms[i]) <= UNPACKED_BYTES)) {
                c->kernels = kernels;
                plan_form(c, t, &forms[i]);
            }
}

double winograd_cost(const Contract *c, const Target *t)
{
    const Winograd *w = winograd_form(c);
    int n = w->x.n * w->y.n, m = w->x.m * w->y.m, inputs = w->x.inputs * w->y.inputs,
        axes = w->taps > 1 ? 1 : 2;
    double ci = (double)(c->c1 + c->c2), co = columns_of(c), strips = (double)contract_strips(c);
    double tiles = strips * (double)(c->tiles_x * c->tiles_y * c->images),
           weights = (double)(n * w->taps) * ci * co;
    /* A one-dimensional transform takes about 2.6 operations a number, a vector operation as long
     * as `lanes` multiply-adds; loads and stores. */
    double in = inputs * (axes * 2.6 + 2) + 20 * winograd_step(w, &w->x) * winograd_step(w, &w->y),
           out = 2.6 * w->x.n * (w->y.m + w->y.n) / 2 * axes + n + 3 * m;
    bool streamed = c->kernels == KERNELS_STREAMED;
    double stored = streamed ? 9.0 / n : 1,
           kernels = (streamed ? stream_cost(w) : 0) + weight_cost(t, weights * stored) * stored;
    double cost = weights * (1.15 * tiles * product_share(c, t) +
                             kernels * byte_share(c) * weight_share(c) * strips) +
                  tiles * (in * ci * (c->staged ? 1.0 : (double)c->pieces) + out * co);
    if (c->kernels == KERNELS_UNPACKED)
        cost += weights * unpack_cost * byte_share(c);
    if (c->tile_rows && c->staged)
        cost += beyond_l2 * byte_share(c) * tiles * inputs * ci *
                (double)c->pieces; /* inputs come from beyond L2 once for every piece */
    return cost;
}

/* Beside products on the tile unit what a pixel costs shows: loading and normalising a channel,
 * storing one. */
static const double load_channel = 24, store_channel = 12;

double contract_cost(const Contract *c, const Target *t)
{
    double ci = (double)(c->c1 + c->c2), weights = (double)(c->kh * c->kw) * ci * columns_of(c),
           strips = (double)contract_strips(c);
    double pixels = (double)(c->batch * c->oh * c->ow),
           cost = weights * (1.08 * pixels * product_share(c, t) +
                             weight_cost(t, weights) * strips * byte_share(c) * weight_share(c));
    return c->tile_rows ? cost + pixels * (load_channel * ci + store_channel * columns_of(c))
                        : cost;
}

int64_t winograd_unit_tiles(const Contract *c) { return ceil_div(joined_tiles(c), c->tile_rows); }
int64_t winograd_image_rows(const Contract *c)
{
    return winograd_form(c)->taps > 1 ? winograd_unit_tiles(c) * c->tile_rows
                                      : c->tiles_x * c->tiles_y;
}
int64_t winograd_rows(const Contract *c)
{
    return !c->tile_rows ? strip_tiles(c)
                         : strip_tiles(c) / joined_tiles(c) * winograd_unit_tiles(c) * c->tile_rows;
}

/* Rows of transformed inputs for each position, with those that the last one of the tile unit's
 * tiles reads beyond them. */
static int64_t input_rows(const Contract *c)
{
    int64_t lines = winograd_lines(winograd_form(c), c->tiles_y),
            beyond = c->tile_rows ? winograd_unit_tiles(c) * c->tile_rows - joined_tiles(c) : 0;
    return c->images * lines * c->tiles_x + beyond;
}

int64_t winograd_row(const Contract *c)
{
    return c->tile_rows && in_channels(c) % 64 == 0 ? in_channels(c) + 32 : in_channels(c);
}
int64_t winograd_input_stride(const Contract *c)
{
    return input_rows(c) * winograd_row(c) + (c->bf16 ? 32 : 16);
}
int64_t winograd_product_stride(const Contract *c, int64_t width)
{
    return winograd_rows(c) * width + 16;
}

int64_t winograd_strip_floats(const Contract *c)
{
    const Winograd *w = winograd_form(c);
    return (w->y.inputs * w->x.inputs * winograd_input_stride(c) / (c->bf16 ? 2 : 1) + 15) / 16 *
           16;
}

int winograd_turns(const Contract *c) { return c->tile_rows && c->blocks > c->pieces ? 2 : 1; }

int64_t winograd_scratch(const Contract *c)
{
    int64_t region = (region_pixels(c) * c->kc + 15) / 16 * 16,
            products = winograd_positions(c) * winograd_product_stride(c, c->nr * c->lanes);
    products *= winograd_turns(c);
    if (c->kernels == KERNELS_STREAMED)
        products += winograd_part_floats(c);
    if (c->staged)
        return 4 * (region > products ? region : products);
    return 4 * (region + winograd_strip_floats(c) + products);
}

enum {
    PART_BYTES = 256 << 10
}; /* transformed kernels of one part: a quarter of a large L2, which inputs and products share */
int64_t winograd_part(const Contract *c)
{
    int64_t channel = winograd_positions(c) * c->nr * c->lanes * (c->bf16 ? 2 : 4),
            unit = winograd_unit(c), most = PART_BYTES / channel / unit * unit;
    int64_t ci = in_channels(c), parts = ceil_div(ci, most < unit ? unit : most);
    return round_up(ceil_div(ci, parts), unit);
}

/* An odd number of cache lines more than the numbers take: positions are written side by side, and
 * multiples of 4 KiB would share a place in L1. */
int64_t winograd_part_stride(const Contract *c, int nvec)
{
    return winograd_part(c) * nvec * c->lanes / (c->bf16 ? 2 : 1) + 16;
}
int64_t winograd_part_floats(const Contract *c)
{
    return winograd_positions(c) * winograd_part_stride(c, c->nr);
}

/* out (positions, taps, columns) = G g G' of row k of the stored kernel (3*3*ci, columns), in
 * double, rounded once. */
static void transform_row(const Contract *c, const float *kernel, int64_t k, double *half,
                          float *out)
{
    const Winograd *w = winograd_form(c);
    int64_t ci = in_channels(c), columns = c->co;
    int down = w->y.n * w->taps, n = w->x.n;
    for (int i = 0; i < down; i++) /* half (down, 3, columns) = G g */
        for (int x = 0; x < 3; x++) {
            double *h = half + (i * 3 + x) * columns;
            const float *g0 = kernel + ((int64_t)x * ci + k) * columns, *g1 = g0 + 3 * ci * columns,
                        *g2_ = g1 + 3 * ci * columns;
            const double *r = w->y.g + (ptrdiff_t)i * 3;
            for (int64_t o = 0; o < columns; o++)
                h[o] = r[0] * g0[o] + r[1] * g1[o] + r[2] * g2_[o];
        }
    for (int i = 0; i < down; i++)
        for (int j = 0; j < n; j++) {
            const double *h = half + (ptrdiff_t)i * 3 * columns, *r = w->x.g + (ptrdiff_t)j * 3;
            float *o = out + ((i / w->taps * n + j) * w->taps + i % w->taps) * columns;
            for (int64_t x = 0; x < columns; x++)
                o[x] = (float)(h[x] * r[0] + h[columns + x] * r[1] + h[2 * columns + x] * r[2]);
        }
}

static int64_t width_of(const Contract *c, int64_t j)
{
    return min64((int64_t)c->nr * c->lanes,
                 ceil_div(c->co - j * c->nr * c->lanes, c->lanes) * c->lanes);
}

/* Panels of plain kernels, in the order in which a task reads them: [block][k][vector of
 * columns][tap][lane], bf16: [block][pair][vector][tap][lane][2]. */
static void pack_plain(const Contract *c, const float *kernel, float *out)
{
    int64_t ci = in_channels(c), taps = (int64_t)c->kh * c->kw;
    int together = c->bf16 ? 2 : 1; /* channels in a word */
#pragma omp parallel for schedule(static)
    for (int64_t j = 0; j < c->blocks; j++) {
        float *block = out + j * taps * ci * c->nr * c->lanes / together, row[4 * 64];
        int64_t vectors = width_of(c, j) / c->lanes;
        for (int64_t k = 0; k < ci; k += together)
            for (int64_t tap = 0; tap < taps; tap++) {
                const float *first = kernel + (tap * ci + k) * c->co;
                if (c->bf16)
                    for (int h = 0; h < 2; h++)
                        contract_pack_pair(c, j, first + h * c->co, h, row);
                else
                    contract_pack_row(c, j, first, row);
                for (int64_t v = 0; v < vectors; v++)
                    memcpy(block + ((k / together * vectors + v) * taps + tap) * c->lanes,
                           row + v * c->lanes, (size_t)c->lanes * 4);
            }
    }
}

/* Panels: [block][position][tap][k][width]. */
void winograd_pack_kernel(const Contract *c, const float *kernel, float *out)
{
    int64_t ci = in_channels(c), columns = c->co, positions = winograd_kernels(c);
    if (c->kernels != KERNELS_PACKED) {
        pack_plain(c, kernel, out);
        return;
    }
#pragma omp parallel
    {
        double *half = xmalloc((size_t)(6 * 3 * columns) * sizeof *half);
        float *rows = xmalloc((size_t)(positions * columns) * sizeof *rows);
#pragma omp for schedule(static)
        for (int64_t k = 0; k < ci; k++) {
            transform_row(c, kernel, k, half, rows);
            for (int64_t j = 0; j < c->blocks; j++) {
                int64_t width = width_of(c, j);
                float *block = out + j * positions * ci * c->nr * c->lanes / (c->bf16 ? 2 : 1);
                for (int64_t p = 0; p < positions; p++) {
                    if (c->bf16)
                        contract_pack_pair(c, j, rows + p * columns, k, block + p * ci * width / 2);
                    else
                        contract_pack_row(c, j, rows + p * columns, block + (p * ci + k) * width);
                }
            }
        }
        free(half);
        free(rows);
    }
}
