/* Compiled graphs against the reference interpreter, convolutions by every Winograd form and as
 * chosen, in f32; bounds and cases in compiled.c. The quick tier runs each pair of case and form on
 * every second target, either fused or unfused, and every third case in a form that does not pay on
 * vectors. */
#include "compiled.h"
#include "algorithm.h"
#include <stdlib.h>

static void all_forms(const Target *t)
{
    int n, target = (int)(t - target_table(&n));
    for (int i = 0; i < n_winograd_cases; i++)
        for (int f = 0; f < CONV_FORMS; f++) {
            const ConvForm *form = &conv_forms[f];
            bool upsamples = form->mode == CONV_UP || form->mode == CONV_UP43;
            bool pays = form_pays(form, t, false), all = getenv("LATENTC_LONG");
            if (form->winograd == WINOGRAD_NONE || (upsamples && winograd_cases[i].build != up) ||
                (!pays && !all && i % 3 != f % 3) || (!all && (i + f / 2 + target) % 2))
                continue;
            /* kernels that are stored plain differ in nothing that fusing touches */
            bool plain = form->kernels != KERNELS_PACKED;
            if (!plain && (all || (i + f) % 2 == 0))
                run_case(&winograd_cases[i], t, FUSE_NONE, form->mode, false);
            if (plain || all || (i + f) % 2)
                run_case(&winograd_cases[i], t, FUSE_ALL, form->mode, false);
        }
}

/* Has it a choice? test_compiled runs the others. */
static bool has_conv3(const Case *c)
{
    Graph *g = make(c);
    bool found = false;
    for (uint32_t i = 0; i < g->n_ops; i++)
        found |= g->ops[i].kind == OP_CONV2D && g->ops[i].attr.contract.stride == 1 &&
                 tensor(g, g->ops[i].in[SLOT_KERNEL])->shape.dim[0] == 3;
    graph_free(g);
    return found;
}

static void as_chosen(const Target *t)
{
    for (int i = 0; i < n_cases; i++)
        if (has_conv3(&cases[i]))
            run_case(&cases[i], t, FUSE_ALL, CONV_AUTO, false);
}

int main(void)
{
    static const OnTarget what[] = {{"forms", all_forms}, {"as chosen", as_chosen}};
    return run_on_targets("compiled, Winograd", what, 2, PRODUCTS_F32);
}
