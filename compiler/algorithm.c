/* Which form each convolution is computed in: the cheapest by estimate, while packed weights stay within `growth` times their plain size
 * (or grow by little: SMALL_GROWTH).
 *
 * Winograd's forms need fewer multiplications and larger kernels (16/9 and 4 times; the upsample form: none larger). Starting from direct convolutions, the step from one form
 * to the next that saves the most per byte is taken first, until no step that saves anything fits. */
#include "algorithm.h"
#include <math.h>
#include <stdlib.h>

enum { SMALL_GROWTH = 256 << 20 }; /* bytes that any model's kernels may grow by: small models need not count */

typedef struct { int choice, form; double saved; int64_t bytes; } Upgrade; /* to `form` from the one before */

static int by_saving(const void *a, const void *b) {
    const Upgrade *x = a, *y = b;
    double d = y->saved * (double)x->bytes - x->saved * (double)y->bytes; /* by saving per byte, which may be none */
    return d != 0 ? (d > 0) - (d < 0) : x->choice != y->choice ? x->choice - y->choice : x->form - y->form;
}

static ConvChoice candidates(const Graph *g, const Target *t, bool bf16, uint32_t op) {
    static const ConvMode forms[] = {CONV_DIRECT, CONV_UP, CONV_F23, CONV_F43};
    ConvChoice c = {.op = op};
    for (int f = 0; f < CONV_FORMS; f++) {
        Contract k = contract_of(g, &g->ops[op]);
        k.bf16 = contract_bf16(forms[f], bf16);
        contract_plan(&k, t, forms[f]);
        c.form[f] = forms[f];
        c.bytes[f] = contract_panel_floats(&k) * 4;
        c.cost[f] = f == 0 ? contract_cost(&k, t) : k.winograd ? winograd_cost(&k, t) : INFINITY;
    }
    return c;
}

/* The steps of one convolution that save: to F(2,3), and on to F(4,3), or straight there where F(2,3) is no use. Each kernel is larger. */
static int upgrades(const ConvChoice *c, int index, Upgrade *out) {
    int n = 0, from = 0;
    for (int f = 1; f < CONV_FORMS; f++) {
        if (!(c->cost[f] < c->cost[from])) continue;
        out[n++] = (Upgrade){index, f, c->cost[from] - c->cost[f], c->bytes[f] - c->bytes[from]};
        from = f;
    }
    return n;
}

/* Weights that operations use, each once. */
static int64_t plain_bytes(const Graph *g) {
    bool *seen = xcalloc(g->n_tensors + 1, sizeof *seen);
    int64_t bytes = 0;
    for (uint32_t i = 0; i < g->n_ops; i++)
        for (int n = 0; n < SLOT_COUNT && !g->ops[i].dead; n++) {
            TensorId t = g->ops[i].in[n];
            if (!tensor_ok(t) || tensor(g, t)->kind != T_WEIGHT || seen[t.id]) continue;
            seen[t.id] = true;
            bytes += shape_count(&tensor(g, t)->shape) * 4;
        }
    free(seen);
    return bytes;
}

int choose_convolutions(const Graph *g, const Target *t, ConvMode mode, bool bf16, double growth, ConvChoice **out) {
    ConvChoice *all = xcalloc(g->n_ops + 1, sizeof *all);
    Upgrade *steps = xcalloc((CONV_FORMS - 1) * (size_t)g->n_ops + 1, sizeof *steps);
    int n = 0, n_steps = 0;
    int64_t used = 0;
    for (uint32_t i = 0; i < g->n_ops; i++) {
        if (g->ops[i].dead || g->ops[i].kind != OP_CONV2D) continue;
        ConvChoice *c = &all[n];
        *c = candidates(g, t, bf16, i);
        for (int f = 1; f < CONV_FORMS && mode != CONV_AUTO; f++) /* no budget for what was asked for by name */
            if (c->cost[f] < INFINITY && (c->form[f] == mode || (mode == CONV_WINOGRAD && (c->chosen == 0 || c->cost[f] < c->cost[c->chosen])))) c->chosen = f;
        if (mode == CONV_AUTO) n_steps += upgrades(c, n, steps + n_steps);
        n++;
    }
    qsort(steps, (size_t)n_steps, sizeof *steps, by_saving);
    int64_t most = (int64_t)((growth - 1) * (double)plain_bytes(g));
    if (most < SMALL_GROWTH) most = SMALL_GROWTH;
    for (int i = 0; i < n_steps; i++) {
        ConvChoice *c = &all[steps[i].choice];
        int64_t bytes = c->bytes[steps[i].form] - c->bytes[c->chosen];
        if (c->chosen > steps[i].form || used + bytes > most) continue;
        used += bytes;
        c->chosen = steps[i].form;
    }
    free(steps);
    *out = all;
    return n;
}

void print_choices(const Graph *g, const ConvChoice *c, int n, Buf *out) {
    buf_printf(out, "estimated cost in multiply-adds, packed size; * the choice\n%-36s", "convolution");
    for (int f = 0; f < CONV_FORMS; f++) buf_printf(out, " %26s", conv_names[n ? c->form[f] : CONV_AUTO]);
    buf_printf(out, "\n");
    for (int i = 0; i < n; i++) {
        buf_printf(out, "%-36s", g->ops[c[i].op].path);
        for (int f = 0; f < CONV_FORMS; f++) {
            if (c[i].cost[f] < INFINITY)
                buf_printf(out, " %10.3e %9.3f MB %s", c[i].cost[f], (double)c[i].bytes[f] / 1e6, c[i].chosen == f ? "*" : " ");
            else buf_printf(out, " %26s", "-");
        }
        buf_printf(out, "\n");
    }
}
