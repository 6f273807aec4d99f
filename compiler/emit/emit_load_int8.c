/* Where a row has a range, a pixel takes two passes. The first one computes its prologue, keeps the
 * results in scratch and finds the range; the second one makes whole numbers of them. Without a
 * prologue both read x. Where an image has a range, it is known before: one pass. */
#include "emit_load_int8.h"
#include "contract_plan.h"
#include "emit_activation.h"
#include "emit_range.h"

/* Ranges of vectors that grow at a time: a number of one waits for the number before. */
enum { CHAINS = 4 };

/* A pixel while it is loaded. */
typedef struct {
    const ContractTask *task;
    V q, image;
    QuantValues quant;
    NumberRange vectors[CHAINS], singles;
    int chain; /* of the vectors that are loaded now */
} Pixel;

static bool by_rows(const Contract *c) { return quants[c->quant].range == ROW_RANGE; }
/* Do both passes read x? */
static bool plain(const Contract *c) { return c->pre == PRE_NONE; }

static V quants_at(Emit *e, const ContractTask *task, V index)
{
    return at(e, task->quants, mulc(e, index, QUANT_WORDS));
}

void strip_quants(Emit *e, ContractTask *task)
{
    const Contract *c = task->c;
    if (!contract_int8(c))
        return;
    if (by_rows(c)) {
        task->quants = atc(e, task->strip, contract_numbers_floats(c));
        return;
    }
    task->quants = e->scratch;
    Loop l = loop_begin(e, ci(e, 0), ci(e, c->images), 1);
    V bounds = at(e, task->range, mulc(e, add(e, task->b0, l.i), 2)), low = load(e, bounds, 1),
      high = load(e, atc(e, bounds, 1), 1);
    V poison = fp_mul(e, fp_add(e, low, high), cf(e, 0, 1));
    QuantValues q = emit_quant_operand(e, low, high, poison);
    store_quant(e, &q, quants_at(e, task, l.i));
    loop_end(e, &l);
}

QuantValues quant_of_pixel(Emit *e, const ContractTask *task, V p)
{
    const Contract *c = task->c;
    V index = by_rows(c)       ? p
              : c->images == 1 ? ci(e, 0)
                               : udivc(e, p, c->flat ? c->oh * c->ow : c->th * c->tw);
    return load_quant(e, quants_at(e, task, index));
}

/* n channels from `first` on, by vectors and then singly; `wide`: by two registers before. Never
 * across the border of two chunks. */
typedef void ChannelsBody(Emit *e, Pixel *x, V row, V channel, int lanes);
typedef struct {
    int64_t first, n;
    bool wide;
} Channels;
static void each_channel(Emit *e, Pixel *x, V row, const Channels *all, ChannelsBody *body)
{
    const Contract *c = x->task->c;
    int64_t from = 0;
    const int widths[] = {2 * e->t->lanes, e->t->lanes, 1};
    for (int i = all->wide ? 0 : 1; i < 3; i++) {
        int lanes = widths[i];
        int64_t to = from + (all->n - from) / lanes * lanes;
        bool crosses = c->n_chunks > 1 && (c->kc % lanes != 0 || all->first % lanes != 0);
        if (crosses || from == to)
            continue;
        int chains = lanes > 1 && (to - from) / lanes % CHAINS == 0 ? CHAINS : 1;
        Loop l = loop_begin(e, ci(e, from), ci(e, to), chains * lanes);
        for (x->chain = 0; x->chain < chains; x->chain++) {
            V at = addc(e, l.i, (int64_t)x->chain * lanes);
            V here = row ? element_at(e, c->x_bf16, row, at) : NULL;
            body(e, x, here, addc(e, at, all->first), lanes);
        }
        loop_end(e, &l);
        from = to;
    }
}

static V load_number(Emit *e, const Contract *c, V at, int lanes)
{
    return load_elements(e, c->x_bf16, at, lanes, lanes);
}

static void first_pass(Emit *e, Pixel *x, V here, V channel, int lanes)
{
    const ContractTask *task = x->task;
    V v = load_number(e, task->c, here, lanes);
    if (!plain(task->c)) {
        v = contract_prologue(e, task, v, channel, x->image, lanes);
        store(e, v, at(e, task->row, channel));
    }
    range_add(e, lanes == 1 ? &x->singles : &x->vectors[x->chain], v);
}

static void second_pass(Emit *e, Pixel *x, V here, V channel, int lanes)
{
    const ContractTask *task = x->task;
    V v = plain(task->c) ? load_number(e, task->c, here, lanes)
                         : load(e, at(e, task->row, channel), lanes);
    store_int8(e, v, &x->quant, strip_place(e, task, x->q, channel), lanes);
}

static void only_pass(Emit *e, Pixel *x, V here, V channel, int lanes)
{
    const ContractTask *task = x->task;
    V v = contract_prologue(e, task, load_number(e, task->c, here, lanes), channel, x->image,
                            lanes);
    store_int8(e, v, &x->quant, strip_place(e, task, x->q, channel), lanes);
}

static QuantValues quant_of_image(Emit *e, const ContractTask *task, V image)
{
    return load_quant(e, quants_at(e, task, sub(e, image, task->b0)));
}

void load_pixel_int8(Emit *e, const ContractTask *task, const V row[2], V q, V image)
{
    const Contract *c = task->c;
    bool wide = !by_rows(c) && activation_in_pairs(prologues[c->pre].act);
    Pixel x = {.task = task, .q = q, .image = image};
    const Channels all[2] = {{0, c->c1, wide}, {c->c1, c->c2, wide}};
    if (by_rows(c)) {
        for (int i = 0; i < CHAINS; i++)
            x.vectors[i] = range_begin(e, e->t->lanes);
        x.singles = range_begin(e, 1);
        for (int i = 0; i < 2; i++)
            each_channel(e, &x, row[i], &all[i], first_pass);
        for (int i = 1; i < CHAINS; i++)
            range_join(e, &x.vectors[0], &x.vectors[i]);
        NumberRange r = range_end(e, (NumberRange[]){x.vectors[0], x.singles}, e->t->lanes);
        x.quant = emit_quant_operand(e, r.low, r.high, r.poison);
        store_quant(e, &x.quant, quants_at(e, task, q));
    } else {
        x.quant = quant_of_image(e, task, image);
    }
    for (int i = 0; i < 2; i++)
        each_channel(e, &x, row[i], &all[i], by_rows(c) ? second_pass : only_pass);
}

static void outside(Emit *e, Pixel *x, V here, V channel, int lanes)
{
    (void)here;
    store_int8(e, cf(e, 0, lanes), &x->quant, strip_place(e, x->task, x->q, channel), lanes);
}

void load_outside_int8(Emit *e, const ContractTask *task, V q, V image)
{
    Pixel x = {.task = task, .q = q, .image = image, .quant = quant_of_image(e, task, image)};
    each_channel(e, &x, NULL, &(Channels){0, in_channels(task->c), false}, outside);
}
