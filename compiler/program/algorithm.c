/* Chooses a form for each convolution: the cheapest, by estimate or by measurement, while packed
 * weights stay within a budget.
 *
 * Winograd's forms need fewer multiplications and larger kernels (4/3, 16/9, 2, 25/9 and 4 times
 * as large; up(2,3) and forms with plain kernels: as large); int8 direct ones need fewer bytes. All
 * convolutions start as direct ones. An upgrade goes from one form of a convolution to the next.
 * Upgrades that save the most per byte are taken first, until none that saves anything fits. */
#include "algorithm.h"
#include "attr.h"
#include "contract_of.h"
#include "contract_plan.h"
#include "cost_model.h"
#include "forms_file.h"
#include "tune_file.h"
#include "alloc.h"
#include <math.h>
#include <stdlib.h>

/* To `form` from the form of the upgrade before: cost that it saves, bytes that it adds. */
typedef struct {
    int choice, form;
    double saved;
    int64_t bytes;
} Upgrade;

/* By saving per byte, largest first. Bytes may be 0, so nothing is divided. */
static int by_saving(const void *a, const void *b)
{
    const Upgrade *x = a, *y = b;
    double d = y->saved * (double)x->bytes - x->saved * (double)y->bytes;
    return d != 0                   ? (d > 0) - (d < 0)
           : x->choice != y->choice ? x->choice - y->choice
                                    : x->form - y->form;
}

/* Does the model run for each step of a sampler? */
static bool runs_in_steps(const Graph *g)
{
    for (uint32_t i = 0; i < g->n_inputs; i++)
        if (tensor(g, g->inputs[i])->binding == BIND_TIME)
            return true;
    return false;
}

/* The operations from `from` on, before `to`. */
typedef struct {
    uint32_t from, to;
} Range;

/* Where forms that are chosen late may be chosen: anywhere in a model that runs once; else on a
 * U-Net's way up, behind the last convolution of its lowest level, but for the last convolution of
 * all, whose error nothing averages. */
static Range late_operations(const Graph *g)
{
    int64_t least = INT64_MAX;
    Range late = {0, g->n_ops};
    for (uint32_t i = 0; i < g->n_ops && runs_in_steps(g); i++) {
        if (g->ops[i].dead || g->ops[i].kind != OP_CONV2D)
            continue;
        int64_t pixels = shape_rows(&tensor(g, g->ops[i].out)->shape);
        late = (Range){pixels <= least ? i + 1 : late.from, i};
        least = pixels < least ? pixels : least;
    }
    return late;
}

bool form_pays(const ConvForm *f, const Target *t, bool bf16)
{
    return f->units & (bf16 && f->bf16 && target_tiles(t) ? UNITS_TILES : UNITS_VECTORS);
}

static bool may_choose(const Program *p, const ConvForm *f, bool late)
{
    if (!form_pays(f, p->target, p->bf16))
        return false;
    if (f->chosen == CHOSEN_ALWAYS)
        return true;
    return p->bf16 && p->target->core == CORE_BF16_DOT && late;
}

/* Can the convolution be computed in that form, in which it was planned? */
static bool fits_form(const Contract *c, ConvMode form)
{
    if (form == CONV_INT8)
        return quants[c->quant].range == IMAGE_RANGE;
    return form == CONV_DIRECT || c->winograd;
}

/* late: whether forms that are chosen late may be chosen. */
static ConvChoice candidates(const Graph *g, const Program *p, uint32_t op, bool late)
{
    const Target *t = p->target;
    ConvChoice c = {.op = op};
    for (int f = 0; f < CONV_FORMS; f++) {
        const ConvForm *form = &conv_forms[f];
        Contract k = contract_in_form(g, &g->ops[op], form->mode, p->bf16);
        contract_plan(&k, t, form->mode);
        c.form[f] = form->mode;
        c.bytes[f] = contract_panel_floats(&k) * 4;
        c.cost[f] = INFINITY;
        c.offered[f] = fits_form(&k, form->mode) && may_choose(p, form, late);
        if (fits_form(&k, form->mode))
            c.cost[f] = k.winograd ? winograd_cost(&k, t) : contract_cost(&k, t);
    }
    return c;
}

/* Replaces estimates by measured seconds. Where some convolutions were not measured, the others say
 * how many seconds a unit of estimated cost takes. */
static void use_measurements(const Graph *g, const Program *p, ConvChoice *all, int n)
{
    const TuneEntry **entry = xcalloc((size_t)n + 1, sizeof *entry);
    double seconds = 0, cost = 0;
    for (int i = 0; i < n; i++) {
        entry[i] = tuning_find(p->tuning, p->target, p->bf16, g, &g->ops[all[i].op]);
        seconds += entry[i] ? entry[i]->seconds[0] : 0;
        cost += entry[i] ? all[i].cost[0] : 0;
    }
    for (int i = 0; i < n; i++)
        for (int f = 0; f < CONV_FORMS; f++)
            if (all[i].offered[f])
                all[i].cost[f] = entry[i] ? entry[i]->seconds[f]
                                          : all[i].cost[f] * (cost > 0 ? seconds / cost : 1);
    free(entry);
}

/* The upgrades of one convolution that save cost: to F(2,3), then to F(4,3); or directly to F(4,3)
 * where F(2,3) saves nothing. Each kernel is larger than the one before, but for int8's. */
static int upgrades(const Blocking *b, const ConvChoice *c, int index, Upgrade *out)
{
    int n = 0, from = 0;
    for (int f = 1; f < CONV_FORMS; f++) {
        if (!c->offered[f] || !(c->cost[f] < b->worthwhile * c->cost[from]))
            continue;
        int64_t bytes = c->bytes[f] - c->bytes[from];
        out[n++] = (Upgrade){index, f, c->cost[from] - c->cost[f], bytes > 0 ? bytes : 0};
        from = f;
    }
    return n;
}

/* Bytes of a number of a weight, plain: of products in their own type. */
static double plain_number(const Op *o, int slot, bool bf16)
{
    if (slot != SLOT_KERNEL || !op_is_contract(o->kind))
        return 4;
    int bits = quants[o->attr.contract.quant].bits;
    return bits ? bits / 8.0 : bf16 ? 2 : 4;
}

/* Weights that operations use, each once. */
static double plain_bytes(const Graph *g, bool bf16)
{
    bool *seen = xcalloc(g->n_tensors + 1, sizeof *seen);
    double bytes = 0;
    for (uint32_t i = 0; i < g->n_ops; i++)
        for (int n = 0; n < SLOT_COUNT && !g->ops[i].dead; n++) {
            TensorId t = g->ops[i].in[n];
            if (!tensor_ok(t) || tensor(g, t)->kind != T_WEIGHT || seen[t.id])
                continue;
            seen[t.id] = true;
            bytes += (double)shape_count(&tensor(g, t)->shape) * plain_number(&g->ops[i], n, bf16);
        }
    free(seen);
    return bytes;
}

static bool has_int8_operands(const Graph *g)
{
    for (uint32_t i = 0; i < g->n_ops; i++)
        if (!g->ops[i].dead && op_is_contract(g->ops[i].kind) &&
            quants[g->ops[i].attr.contract.quant].range != NO_RANGE)
            return true;
    return false;
}

/* Bytes that packed kernels may take beyond their plain size. */
static double budget(const Graph *g, const Program *p)
{
    const Blocking *b = has_int8_operands(g) ? blocking_for_int8(p->target)
                                             : blocking_for(p->target, p->bf16);
    double plain = plain_bytes(g, p->bf16);
    if (p->optimize == OPTIMIZE_MEMORY)
        return (b->memory_growth - 1) * plain;
    return fmax((b->growth - 1) * plain, b->small_growth);
}

/* What direct kernels take beyond their plain size: in bf16 those that could be int8. */
static double beyond_plain(const Graph *g, const Program *p, const ConvChoice *all, int n)
{
    double bytes = 0;
    for (int i = 0; i < n; i++) {
        const Op *o = &g->ops[all[i].op];
        double numbers = (double)shape_count(&tensor(g, o->in[SLOT_KERNEL])->shape);
        bytes += (double)all[i].bytes[0] - numbers * plain_number(o, SLOT_KERNEL, p->bf16);
    }
    return bytes;
}

/* The form that --conv names; it has no budget. */
static void choose_named(ConvChoice *c, ConvMode mode)
{
    for (int f = 1; f < CONV_FORMS; f++)
        if ((c->form[f] == mode && c->cost[f] < INFINITY) ||
            (mode == CONV_WINOGRAD && c->offered[f] && c->form[f] != CONV_INT8 &&
             (c->chosen == 0 || c->cost[f] < c->cost[c->chosen])))
            c->chosen = f;
}

/* The upgrades that save the most per byte, within the budget. Those that need no bytes are always
 * taken. */
static void choose_cheapest(const Graph *g, const Program *p, ConvChoice *all, int n)
{
    const Blocking *b = blocking_for(p->target, p->bf16);
    Upgrade *steps = xcalloc((CONV_FORMS - 1) * (size_t)n + 1, sizeof *steps);
    int n_steps = 0;
    for (int i = 0; i < n; i++)
        n_steps += upgrades(b, &all[i], i, steps + n_steps);
    qsort(steps, (size_t)n_steps, sizeof *steps, by_saving);
    double used = beyond_plain(g, p, all, n), most = budget(g, p);
    for (int i = 0; i < n_steps; i++) {
        ConvChoice *c = &all[steps[i].choice];
        int64_t bytes = c->bytes[steps[i].form] - c->bytes[c->chosen];
        if (c->chosen > steps[i].form || (bytes > 0 && used + (double)bytes > most))
            continue;
        used += (double)bytes;
        c->chosen = steps[i].form;
    }
    free(steps);
}

int choose_convolutions(const Graph *g, const Program *p, ConvChoice **out)
{
    ConvChoice *all = xcalloc(g->n_ops + 1, sizeof *all);
    int n = 0;
    Range late = late_operations(g);
    for (uint32_t i = 0; i < g->n_ops; i++) {
        if (g->ops[i].dead || g->ops[i].kind != OP_CONV2D)
            continue;
        all[n++] = candidates(g, p, i, i >= late.from && i < late.to);
    }
    if (p->tuning)
        use_measurements(g, p, all, n);
    if (p->forms)
        forms_choose(p->forms, g, all, n);
    else if (p->conv == CONV_AUTO)
        choose_cheapest(g, p, all, n);
    for (int i = 0; i < n && p->conv != CONV_AUTO; i++)
        choose_named(&all[i], p->conv);
    *out = all;
    return n;
}

void print_choices(const Graph *g, const Program *p, const ConvChoice *c, int n, Buf *out)
{
    Arena *a = arena_new();
    buf_printf(out, "forms of %s for %s: ", g->name, forms_size(a, g));
    arena_free(a);
    if (p->tuning)
        buf_printf(out, "measured seconds (%s)", tuning_path(p->tuning));
    else
        buf_printf(out, "estimated cost in multiply-adds");
    buf_printf(out, ", packed size; * the choice\n%-36s", "convolution");
    for (int f = 0; f < CONV_FORMS; f++)
        buf_printf(out, " %26s", conv_forms[f].name);
    buf_printf(out, "\n");
    for (int i = 0; i < n; i++) {
        buf_printf(out, "%-36s", g->ops[c[i].op].path);
        for (int f = 0; f < CONV_FORMS; f++) {
            if (c[i].offered[f] || c[i].chosen == f)
                buf_printf(out, " %10.3e %9.3f MB %s", c[i].cost[f], (double)c[i].bytes[f] / 1e6,
                           c[i].chosen == f ? "*" : " ");
            else
                buf_printf(out, " %26s", "-");
        }
        buf_printf(out, "\n");
    }
}
