/* Weights of 8 and 4 bits alone: the cases of compiled.c with every product quantised, against the
 * reference interpreter; direct convolutions, and all Winograd forms whose kernels are stored
 * plain. In f32 programs nothing but the order of sums differs from the interpreter, in bf16 what
 * is unpacked is rounded: the bounds are those of programs whose weights are not quantised. The
 * quick tier takes one of eight direct ones and one of eleven forms. */
#include "compiled.h"
#include <stdlib.h>

static const Quant quants_tried[] = {QUANT_W8, QUANT_W4};

/* A fused scale multiplies the weights before they are quantised, and 4 bits then have other
 * rounded scales than the interpreter's. */
static bool scales_weights(const Case *c)
{
    Graph *g = make(c);
    bool found = false;
    for (uint32_t i = 0; i < g->n_ops; i++)
        found |= g->ops[i].kind == OP_SCALE;
    graph_free(g);
    return found;
}

static void direct(const Target *t)
{
    for (int i = 0; i < n_cases; i++)
        for (int k = 0; k < 4 && !scales_weights(&cases[i]); k++)
            if ((i + k) % 8 == 0 || getenv("LATENTC_LONG"))
                run_quantised(&cases[i], quants_tried[k / 2], t, CONV_DIRECT, k % 2);
}

static void winograd(const Target *t)
{
    for (int i = 0; i < n_winograd_cases; i++)
        for (int f = 0; f < CONV_FORMS * 4; f++) {
            const ConvForm *form = &conv_forms[f / 4];
            bool bf16 = f % 2;
            if (form->winograd == WINOGRAD_NONE || form->kernels == KERNELS_PACKED ||
                !(form->units & (bf16 && target_tiles(t) ? UNITS_TILES : UNITS_VECTORS)) ||
                ((i + f) % 11 && !getenv("LATENTC_LONG")))
                continue;
            run_quantised(&winograd_cases[i], quants_tried[f / 2 % 2], t, form->mode, bf16);
        }
}

int main(void)
{
    static const OnTarget what[] = {{"direct", direct}, {"Winograd", winograd}};
    return run_on_targets("compiled, weights of 8 and 4 bits", what, 2, false);
}
