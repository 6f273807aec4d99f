/* The contract kernel: load (normalising) -> products -> store (activating). See contract.h for the
 * blocking.
 *
 *   for each block of output columns of the piece
 *     for each chunk of input channels                      panel of the chunk: stays in L2
 *       for each tile of mr pixels of the strip             accumulators: registers
 *         for each tap, for each channel of the chunk       micro-kernel
 *         last chunk: epilogue and store; else: accumulators parked in scratch
 */
#include "emit_amx.h"
#include "contract_plan.h"
#include "emit_contract.h"
#include "emitters.h"

static int operand_args(Emit *e, K *k)
{
    int i = 0;
    k->x = arg(e, i++);
    if (k->c->c2)
        k->x2 = arg(e, i++);
    return i;
}

static int norm_args(Emit *e, K *k, int i)
{
    const Contract *c = k->c;
    if (c->pre == PRE_AFFINE || c->pre == PRE_AFFINE_SWISH)
        k->norm = arg(e, i++);
    if (c->pre == PRE_LAYER_NORM) {
        k->gamma = arg(e, i++);
        k->beta = arg(e, i++);
    }
    return i;
}

void contract_load_args(Emit *e, K *k) { k->strips = arg(e, norm_args(e, k, operand_args(e, k))); }

void contract_args(Emit *e, K *k)
{
    const Contract *c = k->c;
    int i = 0;
    if (c->staged)
        k->strips = arg(e, i++);
    else
        i = operand_args(e, k);
    k->panels = arg(e, i++);
    if (c->has_bias)
        k->bias = arg(e, i++);
    if (!c->staged)
        i = norm_args(e, k, i);
    if (c->has_vec)
        k->vec = arg(e, i++);
    if (c->has_res)
        k->res = arg(e, i++);
    k->y = arg(e, i++);
    if (c->has_sums)
        k->sums = arg(e, i++);
}

/* Strips run fastest, so that neighbouring tasks share weights. */
V contract_task(Emit *e, K *k)
{
    const Contract *c = k->c;
    int64_t per_image = c->strips_x * c->strips_y, strips = per_image * c->strips_b;
    V strip = uremc(e, e->task, strips), piece = udivc(e, e->task, strips);
    V in_image = uremc(e, strip, per_image);
    if (c->staged)
        k->strip = at(e, k->strips, mulc(e, strip, contract_staged_floats(c) / strips));
    if (k->sums)
        k->sums = at(e, k->sums, mulc(e, strip, 3 * c->co));
    k->b0 = mulc(e, udivc(e, strip, per_image), c->images);
    if (c->flat) {
        k->y0 = mulc(e, in_image, c->pixels);
        k->pixels = umin(e, sub(e, ci(e, c->tw), k->y0), ci(e, c->pixels));
        return piece;
    }
    k->x0 = mulc(e, uremc(e, in_image, c->strips_x), c->tw);
    k->y0 = mulc(e, udivc(e, in_image, c->strips_x), c->th);
    V rows = umin(e, sub(e, ci(e, c->oh), k->y0), ci(e, c->th));
    k->pixels = c->oh % c->th == 0 ? ci(e, c->pixels) : mulc(e, rows, c->tw * c->images);
    return piece;
}

/* ---- load ---- */

static Precision precision_of(const Contract *c) { return c->bf16 ? FOR_BF16 : FOR_F32; }

V contract_prologue(Emit *e, const K *k, V v, V channel, V image, int lanes)
{
    const Contract *c = k->c;
    switch ((Prologue)c->pre) {
    case PRE_NONE: return v;
    case PRE_SWISH: return m_swish(e, v, lanes, precision_of(c));
    case PRE_AFFINE:
    case PRE_AFFINE_SWISH: {
        V a = at(e, at(e, k->norm, mulc(e, image, 2 * in_channels(c))), channel);
        v = fp_fma(e, v, load(e, a, lanes), load(e, atc(e, a, in_channels(c)), lanes));
        return c->pre == PRE_AFFINE ? v : m_swish(e, v, lanes, precision_of(c));
    }
    case PRE_LAYER_NORM:
        v = fp_mul(e, fp_sub(e, v, splat(e, k->columns_mean, lanes)),
                   splat(e, k->columns_rstd, lanes));
        return fp_fma(e, v, load(e, at(e, k->gamma, channel), lanes),
                      load(e, at(e, k->beta, channel), lanes));
    }
    return v;
}

/* Where channel c of loaded pixel q stands in the strip. */
static V strip_place(Emit *e, const K *k, V q, V channel)
{
    const Contract *c = k->c;
    V pixel = mulc(e, q, strip_row(c));
    if (c->n_chunks == 1)
        return operand_at(e, k->c, k->strip, add(e, pixel, channel));
    V place = add(e, mulc(e, udivc(e, channel, c->kc), k->chunk_stride), uremc(e, channel, c->kc));
    return operand_at(e, k->c, k->strip, add(e, pixel, place));
}

/* Channels first.. of one operand (src: its row, NULL for zeros) of loaded pixel q; n of them. By
 * two registers where there is a swish (emit.h), then by one, then singly; never across the border
 * of two chunks. */
static void load_segment(Emit *e, const K *k, V src, V q, V image, int64_t first, int64_t n)
{
    const Contract *c = k->c;
    bool swish = src && (c->pre == PRE_SWISH || c->pre == PRE_AFFINE_SWISH);
    int64_t from = 0;
    for (int lanes = swish ? 2 * e->t->lanes : e->t->lanes;
         from<n; lanes = lanes> e->t->lanes ? lanes / 2 : 1) {
        if (c->n_chunks > 1 && (c->kc % lanes != 0 || first % lanes != 0))
            continue;
        int64_t to = from + (n - from) / lanes * lanes;
        if (from == to)
            continue;
        Loop l = loop_begin(e, ci(e, from), ci(e, to), lanes);
        V channel = addc(e, l.i, first), v = cf(e, 0, lanes);
        if (src)
            v = contract_prologue(e, k, load(e, at(e, src, l.i), lanes), channel, image, lanes);
        store_operand(e, c, v, strip_place(e, k, q, channel), lanes);
        loop_end(e, &l);
        from = to;
    }
}

/* The same where x holds bf16 already: words of two channels, as they are. */
static void copy_segment(Emit *e, const K *k, V src, V q)
{
    const Contract *c = k->c;
    int64_t from = 0;
    for (int lanes = e->t->lanes; from < c->c1; lanes /= 2) {
        if (c->n_chunks > 1 && c->kc % (2 * lanes) != 0)
            continue;
        int64_t to = from + (c->c1 - from) / (2 * lanes) * (2 * lanes);
        if (from == to)
            continue;
        Loop l = loop_begin(e, ci(e, from), ci(e, to), 2 * lanes);
        store(e, load(e, at_bf16(e, src, l.i), lanes), strip_place(e, k, q, l.i));
        loop_end(e, &l);
        from = to;
    }
}

/* Channels that are stored beyond the last one: the partner of an odd one, the rest of a tile. */
static void load_padding(Emit *e, const K *k, V q)
{
    if (in_channels(k->c) == stored_channels(k->c))
        return;
    Loop l = loop_begin(e, ci(e, in_channels(k->c)), ci(e, stored_channels(k->c)), 1);
    store_operand(e, k->c, cf(e, 0, 1), strip_place(e, k, q, l.i), 1);
    loop_end(e, &l);
}

static V row_of(Emit *e, V base, V pixel, int64_t channels)
{
    return at(e, base, mulc(e, pixel, channels));
}

/* Mean and 1/sqrt(variance + eps) of one row, in two passes over it. */
static void row_moments(Emit *e, K *k, V row)
{
    const Contract *c = k->c;
    int lanes = e->t->lanes;
    int64_t n = c->c1, whole = n / lanes * lanes;
    V mean = NULL;
    for (int pass = 0; pass < 2; pass++) {
        V sum = var(e, vec_type(e, lanes), NULL), rest = var(e, e->f32, NULL);
        set(e, sum, cf(e, 0, lanes));
        set(e, rest, cf(e, 0, 1));
        for (int part = 0; part < 2; part++) {
            int w = part == 0 ? lanes : 1;
            Loop l = loop_begin(e, ci(e, part == 0 ? 0 : whole), ci(e, part == 0 ? whole : n), w);
            V v = load(e, at(e, row, l.i), w), to = part == 0 ? sum : rest;
            if (pass == 1) {
                v = fp_sub(e, v, splat(e, mean, w));
                v = fp_mul(e, v, v);
            }
            set(e, to, fp_add(e, get(e, to), v));
            loop_end(e, &l);
        }
        V total = fp_add(e, reduce_add(e, get(e, sum), lanes), get(e, rest));
        V average = fp_mul(e, total, cf(e, 1.0 / (double)n, 1));
        if (pass == 0) {
            mean = average;
            continue;
        }
        V a[] = {fp_add(e, average, cf(e, c->eps, 1))};
        k->columns_mean = mean;
        k->columns_rstd = fp_div(e, cf(e, 1, 1), intrinsic(e, "llvm.sqrt", e->f32, a, 1));
    }
}

static void load_pixel(Emit *e, K *k, V pixel, V q, V image)
{
    const Contract *c = k->c;
    int64_t rows = c->h / c->upsample * (c->w / c->upsample);
    V row = element_at(e, c->x_bf16, k->x,
                       mulc(e, pixel_of(e, c->x_shared, pixel, image, rows), c->c1));
    if (c->pre == PRE_LAYER_NORM)
        row_moments(e, k, row);
    if (c->x_bf16)
        copy_segment(e, k, row, q);
    else
        load_segment(e, k, row, q, image, 0, c->c1);
    if (c->c2)
        load_segment(e, k, row_of(e, k->x2, pixel_of(e, c->x2_shared, pixel, image, rows), c->c2),
                     q, image, c->c1, c->c2);
    load_padding(e, k, q);
}

/* Pixels from..to of the strip. */
static void load_flat(Emit *e, K *k, V from, V to)
{
    const Contract *c = k->c;
    V first = c->strips_b == 1 ? k->y0 : add(e, mulc(e, k->b0, c->oh * c->ow), k->y0);
    Loop l = loop_begin(e, from, to, 1);
    load_pixel(e, k, add(e, first, l.i), l.i, k->b0);
    loop_end(e, &l);
}

V inside(Emit *e, V i, int64_t n) { return LLVMBuildICmp(e->b, LLVMIntULT, i, ci(e, n), ""); }

V input_pixel(Emit *e, const Contract *c, V image, V iy, V ix, int upsample)
{
    V row = add(e, mulc(e, image, c->h / c->upsample), udivc(e, iy, upsample));
    return add(e, mulc(e, row, c->w / c->upsample), udivc(e, ix, upsample));
}

/* Rows of all images that the strip sees. */
static V strip_lines(Emit *e, const K *k)
{
    const Contract *c = k->c;
    V rows = udivc(e, udivc(e, k->pixels, c->tw), c->images);
    return mulc(e, addc(e, mulc(e, rows, c->stride), c->kh - c->stride), c->images);
}

static void load_strip(Emit *e, K *k, V from, V to)
{
    const Contract *c = k->c;
    Loop l = loop_begin(e, from, to, 1);
    V image = k->b0, row = l.i;
    if (c->images > 1) { /* then a strip is as high as they are */
        image = add(e, image, udivc(e, l.i, k->sh));
        row = uremc(e, l.i, k->sh);
    }
    V iy = addc(e, add(e, mulc(e, k->y0, c->stride), row), -c->pad_top);
    V row_ok = inside(e, iy, c->h);
    Loop lc = loop_begin(e, ci(e, 0), ci(e, k->sw), 1);
    V ix = addc(e, add(e, mulc(e, k->x0, c->stride), lc.i), -c->pad_left);
    V q = add(e, mulc(e, l.i, k->sw), lc.i);
    If f = if_begin(e, LLVMBuildAnd(e->b, row_ok, inside(e, ix, c->w), ""));
    V pixel = input_pixel(e, c, image, iy, ix, c->upsample);
    load_pixel(e, k, pixel, q, image);
    if_else(e, &f);
    load_segment(e, k, NULL, q, image, 0, in_channels(c));
    load_padding(e, k, q);
    if_end(e, &f);
    loop_end(e, &lc);
    loop_end(e, &l);
}

/* ---- products ---- */

/* Output pixel p of the strip: its image (within the strip), row and column, all relative. */
static void pixel_coordinates(Emit *e, const K *k, V p, V *image, V *row, V *col)
{
    const Contract *c = k->c;
    V line = udivc(e, p, c->tw);
    *col = uremc(e, p, c->tw);
    *image = c->images == 1 ? ci(e, 0) : udivc(e, line, c->th);
    *row = c->images == 1 ? line : uremc(e, line, c->th);
}

V window_offset(Emit *e, const K *k, V p)
{
    const Contract *c = k->c;
    if (c->in_place)
        return mulc(e, p, c->c1);
    if (c->flat)
        return mulc(e, p, strip_row(c));
    V image, row, col;
    pixel_coordinates(e, k, p, &image, &row, &col);
    V line = add(e, mulc(e, image, k->sh), mulc(e, row, c->stride));
    return mulc(e, add(e, mulc(e, line, k->sw), mulc(e, col, c->stride)), strip_row(c));
}

V output_pixel(Emit *e, const K *k, V p, V *batch)
{
    const Contract *c = k->c;
    *batch = k->b0;
    if (c->flat) {
        V pixel = add(e, k->y0, p);
        if (c->strips_b > 1)
            pixel = add(e, pixel, mulc(e, k->b0, c->oh * c->ow));
        return pixel;
    }
    V image, row, col;
    pixel_coordinates(e, k, p, &image, &row, &col);
    *batch = add(e, k->b0, image);
    V line = add(e, mulc(e, *batch, c->oh), add(e, k->y0, row));
    return add(e, mulc(e, line, c->ow), add(e, k->x0, col));
}

static V activate(Emit *e, const Contract *c, V v, int lanes)
{
    switch ((Activation)c->act) {
    case ACT_SWISH: return m_swish(e, v, lanes, FOR_F32);
    case ACT_GELU_TANH: return m_gelu_tanh(e, v, lanes, FOR_F32);
    case ACT_GEGLU_TANH:
        return m_gelu_tanh(e, v, lanes, precision_of(c)); /* half of a product's operand */
    case ACT_GELU_ERF:
    case ACT_GEGLU_ERF: return m_gelu_erf(e, v, lanes);
    case ACT_NONE: break;
    }
    return v;
}

V contract_sums_at(Emit *e, const K *k, V j, V offset)
{
    return at(e, k->sums, add(e, mulc(e, j, contract_block_out(k->c)), offset));
}

V contract_finish(Emit *e, const K *k, V r, V gate, V j, V offset, int valid, V pixel, V batch)
{
    const Contract *c = k->c;
    int lanes = c->lanes;
    int64_t width = (int64_t)c->nr * lanes, out = contract_block_out(c);
    V n = add(e, mulc(e, j, out), offset),
      bias = c->has_bias ? at(e, k->bias, add(e, mulc(e, j, width), offset)) : NULL;
    if (bias)
        r = fp_add(e, r, load(e, bias, lanes));
    if (c->has_vec) {
        V base = c->vec_batch == 1 ? k->vec : at(e, k->vec, mulc(e, batch, c->vec_width));
        r = fp_add(e, r, load_n(e, at(e, base, addc(e, n, c->vec_off)), lanes, valid));
    }
    if (gate) {
        if (bias)
            gate = fp_add(e, gate, load(e, atc(e, bias, out), lanes));
        r = fp_mul(e, r, activate(e, c, gate, lanes));
    } else {
        r = activate(e, c, r, lanes);
    }
    if (c->has_res) {
        V row = pixel_of(e, c->res_shared, pixel, batch, c->oh * c->ow);
        r = fp_add(e, r, load_n(e, at(e, k->res, add(e, mulc(e, row, c->co), n)), lanes, valid));
    }
    if (c->past_caches)
        store_past(e, r, at(e, k->y, add(e, mulc(e, pixel, c->ldy), n)));
    else
        store_elements(e, c->y_bf16, r,
                       element_at(e, c->y_bf16, k->y, add(e, mulc(e, pixel, c->ldy), n)), lanes,
                       valid);
    return r;
}

/* The tile's `rows` rows from pixel p of the strip on leave through the epilogue. */
static void epilogue(Emit *e, const K *k, const Micro *m, int rows, V p, const Block *b)
{
    const Contract *c = k->c;
    int lanes = c->lanes, half = c->nr / 2;
    bool geglu = contract_geglu(c);
    int64_t out = contract_block_out(c);
    ChannelSums sums[4];
    int used = 0;
    for (int i = 0; i < rows; i++) {
        V batch, pixel = output_pixel(e, k, addc(e, p, i), &batch);
        for (int v = 0; v < (geglu ? half : m->nvec); v++) {
            int64_t left = b->last ? c->co - (c->blocks - 1) * out - (int64_t)v * lanes : lanes;
            if (left <= 0)
                continue;
            V gate = geglu ? get(e, m->acc[i][half + v]) : NULL, offset = ci(e, (int64_t)v * lanes);
            V r = contract_finish(e, k, get(e, m->acc[i][v]), gate, b->j, offset,
                                  left < lanes ? (int)left : lanes, pixel, batch);
            if (!k->sums)
                continue;
            if (i == 0)
                sums_begin(e, &sums[used++], contract_sums_at(e, k, b->j, offset), c->co,
                           eq(e, p, ci(e, 0)), r, lanes);
            sums_add(e, &sums[v], r);
        }
    }
    for (int v = 0; v < used; v++)
        sums_end(e, &sums[v]);
}

static void park(Emit *e, const K *k, Micro *m, V p, bool restore)
{
    int lanes = k->c->lanes;
    for (int i = 0; i < m->rows; i++)
        for (int v = 0; v < m->nvec; v++) {
            V at_ = at(
                e, k->parked,
                addc(e, mulc(e, addc(e, p, i), (int64_t)k->c->nr * lanes), (int64_t)v * lanes));
            if (restore)
                set(e, m->acc[i][v], load(e, at_, lanes));
            else
                store(e, get(e, m->acc[i][v]), at_);
        }
}

V chunk_channels(Emit *e, const Contract *c, V chunk)
{
    int64_t rest = last_chunk(c);
    return rest == c->kc
               ? ci(e, rest)
               : choose(e, eq(e, chunk, ci(e, c->n_chunks - 1)), ci(e, rest), ci(e, c->kc));
}

/* One tile: rows pixels from p on, all taps of one chunk. */
static void tile(Emit *e, const K *k, const Block *b, V p, int rows)
{
    const Contract *c = k->c;
    Micro m;
    micro_init(e, &m, rows, b->nvec);
    bool chunks = c->n_chunks > 1;
    V zero = cf(e, 0, c->lanes);
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < b->nvec; v++)
            set(e, m.acc[i][v], zero);
    if (chunks) {
        If f = if_begin(e, lt(e, ci(e, 0), b->chunk));
        park(e, k, &m, p, true);
        if_end(e, &f);
    }
    V base = c->in_place ? k->x : k->strip;
    if (c->in_place && c->strips_b > 1)
        base = at(e, base, mulc(e, k->b0, c->oh * c->ow * c->c1));
    if (c->in_place)
        base = at(e, base, mulc(e, k->y0, c->c1));
    if (chunks)
        base = operand_at(e, k->c, base, mulc(e, b->chunk, c->in_place ? c->kc : k->chunk_stride));
    /* Neighbouring pixels of a row have a constant distance; a tile that may wrap to the next row
     * gets a pointer per pixel. */
    bool wraps = !c->flat && c->tw % rows != 0;
    V start[16], first = window_offset(e, k, p);
    int64_t step = c->in_place ? c->c1 : c->kc * c->stride;
    for (int i = 0; i < rows; i++)
        start[i] = operand_at(e, k->c, base,
                              wraps && i ? window_offset(e, k, addc(e, p, i))
                                         : addc(e, first, i * step));
    int64_t rest = last_chunk(c), pairs = c->bf16 ? 2 : 1;
    V count = chunk_channels(e, c, b->chunk);
    int unroll = c->kc % (4 * pairs) == 0 && rest % (4 * pairs) == 0 ? 4 : 1;
    int64_t width = (int64_t)b->nvec * c->lanes;
    V panel = var(e, e->ptr, b->panel);
    Loop ly = loop_begin(e, ci(e, 0), ci(e, c->kh), 1);
    Loop lx = loop_begin(e, ci(e, 0), ci(e, c->kw), 1);
    V tap = c->kh * c->kw == 1 ? ci(e, 0) : mulc(e, add(e, mulc(e, ly.i, k->sw), lx.i), c->kc);
    for (int i = 0; i < rows; i++)
        m.a[i] = operand_at(e, k->c, start[i], tap);
    V here = get(e, panel);
    if (c->bf16)
        micro_run_bf16(e, &m, here, ci(e, width), udivc(e, count, 2), unroll);
    else
        micro_run(e, &m, ci(e, 1), here, ci(e, width), count, unroll);
    set(e, panel, operand_at(e, k->c, here, mulc(e, count, width)));
    loop_end(e, &lx);
    loop_end(e, &ly);
    if (!chunks) {
        epilogue(e, k, &m, rows, p, b);
        return;
    }
    If f = if_begin(e, eq(e, b->chunk, ci(e, c->n_chunks - 1)));
    epilogue(e, k, &m, rows, p, b);
    if_else(e, &f);
    park(e, k, &m, p, false);
    if_end(e, &f);
}

/* All tiles of one block and chunk: whole tiles, then the remainder. Strip sizes, and so
 * remainders, come from a set of at most two. */
static void block_tiles(Emit *e, const K *k, const Block *b)
{
    const Contract *c = k->c;
    int mr = e->t->mr[b->nvec];
    int64_t total = c->flat ? c->tw : c->oh * c->tw * c->images, full = c->pixels,
            last = total % full ? total % full : full;
    if (!c->flat && c->images > 1)
        last = full;
    V whole = mulc(e, udivc(e, k->pixels, mr), mr);
    if (full >= mr || last >= mr) {
        Loop l = loop_begin(e, ci(e, 0), whole, mr);
        tile(e, k, b, l.i, mr);
        loop_end(e, &l);
    }
    int64_t rest[2] = {full % mr, last % mr};
    for (int r = 0; r < 2; r++) {
        if (rest[r] == 0 || (r == 1 && rest[1] == rest[0]))
            continue;
        If f = if_begin(e, eq(e, sub(e, k->pixels, whole), ci(e, rest[r])));
        tile(e, k, b, whole, (int)rest[r]);
        if_end(e, &f);
    }
}

static void block_chunks(Emit *e, const K *k, V j, int nvec, bool last)
{
    const Contract *c = k->c;
    int64_t taps = (int64_t)c->kh * c->kw, width = (int64_t)nvec * c->lanes;
    V panel = operand_at(e, k->c, k->panels,
                         mulc(e, j, taps * stored_channels(c) * c->nr * c->lanes));
    Loop l = loop_begin(e, ci(e, 0), ci(e, c->n_chunks), 1);
    Block b = {j, l.i, operand_at(e, k->c, panel, mulc(e, l.i, taps * c->kc * width)), nvec, last};
    if (c->tile_rows)
        tile_block(e, k, &b);
    else
        block_tiles(e, k, &b);
    loop_end(e, &l);
}

V part_begin(Emit *e, V part, int64_t count, int64_t parts)
{
    return parts == count ? part : udivc(e, mulc(e, part, count), parts);
}

void contract_blocks(Emit *e, const K *k, V piece, BlockBody *body)
{
    const Contract *c = k->c;
    bool geglu = contract_geglu(c);
    int64_t out = contract_block_out(c), tail = c->co - (c->blocks - 1) * out;
    Loop l = loop_begin(e, part_begin(e, piece, c->blocks, c->pieces),
                        part_begin(e, addc(e, piece, 1), c->blocks, c->pieces), 1);
    if (tail == out) {
        body(e, k, l.i, c->nr, false);
    } else {
        If f = if_begin(e, eq(e, l.i, ci(e, c->blocks - 1)));
        body(e, k, l.i, geglu ? c->nr : (int)((tail + c->lanes - 1) / c->lanes), true);
        if_else(e, &f);
        if (c->blocks > 1)
            body(e, k, l.i, c->nr, false);
        if_end(e, &f);
    }
    loop_end(e, &l);
}

static K strip_kernel(const Contract *c)
{
    return (K){.c = c,
               .sh = (c->th - 1) * c->stride + c->kh,
               .sw = (c->tw - 1) * c->stride + c->kw,
               .chunk_stride = contract_strip_pixels(c) * strip_row(c)};
}

void emit_contract(Emit *e, const Contract *c, const char *name)
{
    kernel_begin(e, name);
    K k = strip_kernel(c);
    contract_args(e, &k);
    V piece = contract_task(e, &k);
    k.parked = atc(e, e->scratch, c->in_place || c->staged ? 0 : contract_strip_floats(c));
    if (!c->in_place && !c->staged) {
        k.strip = e->scratch;
        if (c->flat)
            load_flat(e, &k, ci(e, 0), k.pixels);
        else
            load_strip(e, &k, ci(e, 0), strip_lines(e, &k));
    }
    if (c->tile_rows)
        tile_configure(e, c->tile_rows, (int)c->k_step);
    contract_blocks(e, &k, piece, block_chunks);
    if (c->tile_rows)
        tile_release(e);
    if (c->past_caches)
        order_stores(e);
    kernel_end(e);
}

void emit_contract_load(Emit *e, const Contract *c, const char *name)
{
    CHECK(c->staged);
    kernel_begin(e, name);
    K k = strip_kernel(c);
    contract_load_args(e, &k);
    V part = contract_task(e, &k), all = c->flat ? k.pixels : strip_lines(e, &k);
    int64_t most = contract_strip_lines(c);
    V from = umin(e, part_begin(e, part, most, c->load_parts), all),
      to = umin(e, part_begin(e, addc(e, part, 1), most, c->load_parts), all);
    if (c->flat)
        load_flat(e, &k, from, to);
    else
        load_strip(e, &k, from, to);
    kernel_end(e);
}
