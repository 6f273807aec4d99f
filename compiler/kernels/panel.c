/* Packing of panels: plain arithmetic. Its loops go over every weight; it is compiled at -O3. */
#include "panel.h"
#include <string.h>

/* Vectors in use by block j. */
int panel_vectors(const Contract *c, int64_t j)
{
    if (contract_geglu(c) || j < c->blocks - 1)
        return c->nr;
    return (int)ceil_div(c->co - j * contract_block_out(c), c->lanes);
}

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

void panel_pack_row(const Contract *c, int64_t j, const float *row, float *out)
{
    for (int v = 0; v < panel_vectors(c, j); v++, out += c->lanes) {
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
void panel_pack_pair(const Contract *c, int64_t j, const float *row, int64_t k, void *out)
{
    float columns[4 * 64];
    int64_t width = (int64_t)panel_vectors(c, j) * c->lanes;
    uint16_t *to = (uint16_t *)out + k / 2 * 2 * width + k % 2;
    if (row)
        panel_pack_row(c, j, row, columns);
    for (int64_t x = 0; x < width; x++)
        to[2 * x] = row ? bf16_of(columns[x]) : 0;
}

/* Rows k, k+1 of a panel at once, both there. */
static void pack_two(const Contract *c, int64_t j, const float *row, int64_t columns, int64_t k,
                     void *out)
{
    float first[4 * 64], second[4 * 64];
    int64_t width = (int64_t)panel_vectors(c, j) * c->lanes;
    uint16_t *to = (uint16_t *)out + k * width;
    panel_pack_row(c, j, row, first);
    panel_pack_row(c, j, row + columns, second);
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
        int64_t width = (int64_t)panel_vectors(c, j) * c->lanes;
        char *o = (char *)out + j * taps * stored_channels(c) * c->nr * c->lanes * element +
                  (c0 * taps + tap * stored) * width * element;
        for (int64_t k = k0; k < k1; k++) {
            const float *row = c0 + k < ci ? kernel + (tap * ci + c0 + k) * columns : NULL;
            if (!c->bf16)
                panel_pack_row(c, j, row, (float *)(void *)o + k * width);
            else if (k % 2 == 0 && k + 1 < k1 && c0 + k + 1 < ci)
                pack_two(c, j, row, columns, k++, o);
            else
                panel_pack_pair(c, j, row, k, o);
        }
    }
}

void panel_pack_direct(const Contract *c, const float *kernel, float *out)
{
    enum { ROWS = 16 };
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
