#include "emit_load.h"
#include "emit_activation.h"
#include "emit_load_int8.h"

static Precision precision_of(const Contract *c) { return c->bf16 ? FOR_BF16 : FOR_F32; }

V contract_prologue(Emit *e, const ContractTask *task, V v, V channel, V image, int lanes)
{
    const Contract *c = task->c;
    switch (prologues[c->pre].norm) {
    case NO_NORM: break;
    case AFFINE_NORM: {
        V a = at(e, at(e, task->norm, mulc(e, image, 2 * in_channels(c))), channel);
        v = fp_fma(e, v, load(e, a, lanes), load(e, atc(e, a, in_channels(c)), lanes));
        break;
    }
    case LAYER_NORM:
        v = fp_mul(e, fp_sub(e, v, splat(e, task->columns_mean, lanes)),
                   splat(e, task->columns_rstd, lanes));
        v = fp_fma(e, v, load(e, at(e, task->gamma, channel), lanes),
                   load(e, at(e, task->beta, channel), lanes));
    }
    return emit_activation(e, prologues[c->pre].act, v, lanes, precision_of(c));
}

V strip_place(Emit *e, const ContractTask *task, V q, V channel)
{
    const Contract *c = task->c;
    V pixel = mulc(e, q, strip_row(c));
    if (c->n_chunks == 1)
        return operand_at(e, task->c, task->strip, add(e, pixel, channel));
    V place = add(e, mulc(e, udivc(e, channel, c->kc), task->chunk_stride),
                  uremc(e, channel, c->kc));
    return operand_at(e, task->c, task->strip, add(e, pixel, place));
}

/* The channels that one operand contributes to loaded pixel q: n from channel `first` on. row: the
 * operand's, NULL for zeros. */
typedef struct {
    V row, q, image;
    int64_t first, n;
} Segment;

/* By two registers where the function shares work (emit_math.h), then by one, then singly; never
 * across the border of two chunks. */
static void load_segment(Emit *e, const ContractTask *task, const Segment *s)
{
    const Contract *c = task->c;
    bool pairs = s->row && activation_in_pairs(prologues[c->pre].act);
    int64_t from = 0;
    for (int lanes = pairs ? 2 * e->t->lanes : e->t->lanes;
         from<s->n; lanes = lanes> e->t->lanes ? lanes / 2 : 1) {
        if (c->n_chunks > 1 && (c->kc % lanes != 0 || s->first % lanes != 0))
            continue;
        int64_t to = from + (s->n - from) / lanes * lanes;
        if (from == to)
            continue;
        Loop l = loop_begin(e, ci(e, from), ci(e, to), lanes);
        V channel = addc(e, l.i, s->first), v = cf(e, 0, lanes);
        if (s->row)
            v = contract_prologue(
                e, task,
                load_elements(e, c->x_bf16, element_at(e, c->x_bf16, s->row, l.i), lanes, lanes),
                channel, s->image, lanes);
        store_operand(e, c, v, strip_place(e, task, s->q, channel), lanes);
        loop_end(e, &l);
        from = to;
    }
}

/* The same where x holds bf16 already: words of two channels, as they are. */
static void copy_segment(Emit *e, const ContractTask *task, V src, V q)
{
    const Contract *c = task->c;
    int64_t from = 0;
    for (int lanes = e->t->lanes; from < c->c1; lanes /= 2) {
        if (c->n_chunks > 1 && c->kc % (2 * lanes) != 0)
            continue;
        int64_t to = from + (c->c1 - from) / (2 * lanes) * (2 * lanes);
        if (from == to)
            continue;
        Loop l = loop_begin(e, ci(e, from), ci(e, to), 2 * lanes);
        store(e, load(e, at_bf16(e, src, l.i), lanes), strip_place(e, task, q, l.i));
        loop_end(e, &l);
        from = to;
    }
}

/* Channels that are stored beyond the last one: the partner of an odd one, the rest of a tile. */
static void load_padding(Emit *e, const ContractTask *task, V q)
{
    if (in_channels(task->c) == stored_channels(task->c))
        return;
    Loop l = loop_begin(e, ci(e, in_channels(task->c)), ci(e, stored_channels(task->c)), 1);
    V place = strip_place(e, task, q, l.i);
    if (contract_int8(task->c)) /* any number: its weights are 0 */
        LLVMBuildStore(e->b, LLVMConstNull(LLVMInt8TypeInContext(e->ctx)), place);
    else
        store_operand(e, task->c, cf(e, 0, 1), place, 1);
    loop_end(e, &l);
}

static V row_of(Emit *e, V base, V pixel, int64_t channels)
{
    return at(e, base, mulc(e, pixel, channels));
}

/* The sum of a row, or of the squares of its distances from `mean`. An addition waits for the one
 * before: several sums grow at a time, if they divide the row. */
static V row_sum(Emit *e, V row, int64_t n, V mean)
{
    enum { MOST = 4 };
    int lanes = e->t->lanes, chains = n / lanes % MOST == 0 ? MOST : 1;
    int64_t whole = n / lanes * lanes;
    V sum[MOST + 1]; /* the last one: of what remains */
    for (int k = 0; k <= MOST; k++) {
        sum[k] = var(e, vec_type(e, k < MOST ? lanes : 1), NULL);
        set(e, sum[k], cf(e, 0, k < MOST ? lanes : 1));
    }
    for (int part = 0; part < 2; part++) {
        int w = part == 0 ? lanes : 1, many = part == 0 ? chains : 1;
        Loop l = loop_begin(e, ci(e, part == 0 ? 0 : whole), ci(e, part == 0 ? whole : n),
                            many * w);
        for (int k = 0; k < many; k++) {
            V v = load(e, at(e, row, addc(e, l.i, (int64_t)k * w)), w);
            V to = sum[part == 0 ? k : MOST];
            if (mean) {
                v = fp_sub(e, v, splat(e, mean, w));
                v = fp_mul(e, v, v);
            }
            set(e, to, fp_add(e, get(e, to), v));
        }
        loop_end(e, &l);
    }
    V all = get(e, sum[0]);
    for (int k = 1; k < chains; k++)
        all = fp_add(e, all, get(e, sum[k]));
    return fp_add(e, reduce_add(e, all, lanes), get(e, sum[MOST]));
}

/* Mean and 1/sqrt(variance + eps) of one row, in two passes over it. */
static void row_moments(Emit *e, ContractTask *task, V row)
{
    int64_t n = task->c->c1;
    V each = cf(e, 1.0 / (double)n, 1), mean = fp_mul(e, row_sum(e, row, n, NULL), each),
      variance = fp_mul(e, row_sum(e, row, n, mean), each);
    V a[] = {fp_add(e, variance, cf(e, task->c->eps, 1))};
    task->columns_mean = mean;
    task->columns_rstd = fp_div(e, cf(e, 1, 1), intrinsic(e, "llvm.sqrt", e->f32, a, 1));
}

static void load_pixel(Emit *e, ContractTask *task, V pixel, V q, V image)
{
    const Contract *c = task->c;
    int64_t rows = c->h / c->upsample * (c->w / c->upsample);
    V row = element_at(e, c->x_bf16, task->x,
                       mulc(e, pixel_of(e, c->x_shared, pixel, image, rows), c->c1));
    if (prologues[c->pre].norm == LAYER_NORM)
        row_moments(e, task, row);
    V second = c->c2 ? row_of(e, task->x2, pixel_of(e, c->x2_shared, pixel, image, rows), c->c2)
                     : NULL;
    if (contract_int8(c))
        load_pixel_int8(e, task, (V[]){row, second}, q, image);
    else if (c->x_bf16 && strip_word(c) == 2)
        copy_segment(e, task, row, q);
    else
        load_segment(e, task, &(Segment){row, q, image, 0, c->c1});
    if (second && !contract_int8(c))
        load_segment(e, task, &(Segment){second, q, image, c->c1, c->c2});
    load_padding(e, task, q);
}

/* Pixels from..to of the strip. */
static void load_flat(Emit *e, ContractTask *task, V from, V to)
{
    const Contract *c = task->c;
    V first = c->strips_b == 1 ? task->y0 : add(e, mulc(e, task->b0, c->oh * c->ow), task->y0);
    Loop l = loop_begin(e, from, to, 1);
    load_pixel(e, task, add(e, first, l.i), l.i, task->b0);
    loop_end(e, &l);
}

/* Rows of all images that the strip sees. */
V strip_lines(Emit *e, const ContractTask *task)
{
    const Contract *c = task->c;
    if (c->flat)
        return task->pixels;
    V rows = udivc(e, udivc(e, task->pixels, c->tw), c->images);
    return mulc(e, addc(e, mulc(e, rows, c->stride), c->kh - c->stride), c->images);
}

static void load_window(Emit *e, ContractTask *task, V from, V to)
{
    const Contract *c = task->c;
    Loop l = loop_begin(e, from, to, 1);
    V image = task->b0, row = l.i;
    if (c->images > 1) { /* then a strip is as high as they are */
        image = add(e, image, udivc(e, l.i, task->sh));
        row = uremc(e, l.i, task->sh);
    }
    V iy = addc(e, add(e, mulc(e, task->y0, c->stride), row), -c->pad_top);
    V row_ok = inside(e, iy, c->h);
    Loop lc = loop_begin(e, ci(e, 0), ci(e, task->sw), 1);
    V ix = addc(e, add(e, mulc(e, task->x0, c->stride), lc.i), -c->pad_left);
    V q = add(e, mulc(e, l.i, task->sw), lc.i);
    If f = if_begin(e, LLVMBuildAnd(e->b, row_ok, inside(e, ix, c->w), ""));
    V pixel = input_pixel(e, c, image, iy, ix, c->upsample);
    load_pixel(e, task, pixel, q, image);
    if_else(e, &f);
    if (contract_int8(c))
        load_outside_int8(e, task, q, image);
    else
        load_segment(e, task, &(Segment){NULL, q, image, 0, in_channels(c)});
    load_padding(e, task, q);
    if_end(e, &f);
    loop_end(e, &lc);
    loop_end(e, &l);
}

void load_strip(Emit *e, ContractTask *task, V from, V to)
{
    (task->c->flat ? load_flat : load_window)(e, task, from, to);
}
