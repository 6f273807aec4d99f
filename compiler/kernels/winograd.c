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
 * transformed once: 3 n multiplications for 9 m, on n / m inputs a pixel instead of (n / m)^2. This
 * suits the tile unit, whose products wait for what they read. In bf16 it leaves enough digits for
 * F(4,3) with the points 0, 1/sqrt(2), -1/sqrt(2), sqrt(2), -sqrt(2) and infinity. With 1, -1, 2,
 * -2 the error of a sum of rounded products is half as large again (bench/NOTES.md, F(4,3) along x
 * alone, on tiles).
 *
 * F(2x4,3) is F(2,3) along y and F(4,3) with those points along x: 24 multiplications for 72. The
 * error of one convolution in bf16 is 6.3e-3, between F(2,3) (3.7e-3) and F(4,3) along both axes.
 *
 * Here: the matrices, and the sizes that follow from a form. */
#include "winograd.h"
#include "tile_unit.h"
#include "err.h"

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
static const Winograd forms[WINOGRAD_COUNT] = {
    [WINOGRAD_F23]  = {1, 1, F23, F23},
    [WINOGRAD_F43]  = {1, 1, F43, F43},
    [WINOGRAD_UP23] = {2, 1, UP23, UP23}, /* its kernels are not larger than plain ones */
    [WINOGRAD_UP43] = {2, 1, UP43, UP43},
    [WINOGRAD_F23X] = {1, 3, ALONE, F23},
    [WINOGRAD_F43X] = {1, 3, ALONE, F43_ROOTS},
    [WINOGRAD_F24]  = {1, 1, F23, F43_ROOTS}};
/* clang-format on */

const Winograd *winograd_matrices(WinogradKind kind)
{
    CHECK(kind > WINOGRAD_NONE && kind < WINOGRAD_COUNT && forms[kind].x.m);
    return &forms[kind];
}

const Winograd *winograd_form(const Contract *c)
{
    return winograd_matrices((WinogradKind)c->winograd);
}

const char *winograd_name(const Contract *c)
{
    return conv_form_of((WinogradKind)c->winograd, c->kernels)->shown;
}

static int64_t strip_tiles(const Contract *c) { return c->tiles_x * c->tiles_y * c->images; }

int64_t winograd_joined_tiles(const Contract *c)
{
    return winograd_form(c)->taps > 1 ? c->tiles_x * c->tiles_y : strip_tiles(c);
}

int64_t winograd_region_pixels(const Contract *c)
{
    const Winograd *w = winograd_form(c);
    return winograd_region_cols(w, c->tiles_x) * winograd_region_rows(w, c->tiles_y) * c->images;
}

int64_t winograd_unit_tiles(const Contract *c)
{
    return ceil_div(winograd_joined_tiles(c), c->tile_rows);
}
int64_t winograd_image_rows(const Contract *c)
{
    return winograd_form(c)->taps > 1 && c->tile_rows ? winograd_unit_tiles(c) * c->tile_rows
                                                      : c->tiles_x * c->tiles_y;
}
int64_t winograd_rows(const Contract *c)
{
    return !c->tile_rows
               ? strip_tiles(c)
               : strip_tiles(c) / winograd_joined_tiles(c) * winograd_unit_tiles(c) * c->tile_rows;
}

/* Rows of transformed inputs for each position, with those that the last one of the tile unit's
 * tiles reads beyond them. */
static int64_t input_rows(const Contract *c)
{
    int64_t lines = winograd_lines(winograd_form(c), c->tiles_y),
            beyond = c->tile_rows ? winograd_unit_tiles(c) * c->tile_rows - winograd_joined_tiles(c)
                                  : 0;
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

int winograd_buffers(const Contract *c) { return c->tile_rows && c->blocks > c->slices ? 2 : 1; }

int64_t winograd_scratch(const Contract *c)
{
    int64_t region = (winograd_region_pixels(c) * c->kc + 15) / 16 * 16,
            products = winograd_positions(c) * winograd_product_stride(c, c->nr * c->lanes);
    products *= winograd_buffers(c);
    if (c->kernels == KERNELS_STREAMED)
        products += winograd_part_floats(c);
    if (c->staged)
        return 4 * (region > products ? region : products);
    return 4 * (region + winograd_strip_floats(c) + products);
}

int64_t winograd_part(const Contract *c)
{
    int64_t channel = winograd_positions(c) * c->nr * c->lanes * (c->bf16 ? 2 : 4),
            unit = winograd_unit(c), most = WINOGRAD_PART_BYTES / channel / unit * unit;
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

/* Parts of a block's channels, so that there are tasks enough. */
int64_t winograd_unpack_parts(const Contract *c)
{
    return min64(ceil_div(CONTRACT_TASKS, c->blocks), in_channels(c) / c->lanes);
}

int64_t winograd_unpack_tasks(const Contract *c) { return c->blocks * winograd_unpack_parts(c); }
