/* Compiled graphs against the reference interpreter, convolutions by every Winograd form and as
 * chosen, in f32; bounds and cases in compiled.c. */
#include "compiled.h"

static void all_forms(const Target *t)
{
    for (int i = 0; i < n_winograd_cases; i++)
        for (int f = 0; f < CONV_FORMS; f++) {
            const ConvForm *form = &conv_forms[f];
            bool upsamples = form->mode == CONV_UP || form->mode == CONV_UP43;
            if (form->winograd == WINOGRAD_NONE || !(form->units & UNITS_VECTORS) ||
                (upsamples && winograd_cases[i].build != up))
                continue;
            if (form->kernels ==
                KERNELS_PACKED) /* the others differ in nothing that fusing touches */
                run_case(&winograd_cases[i], t, FUSE_NONE, form->mode, false);
            run_case(&winograd_cases[i], t, FUSE_ALL, form->mode, false);
        }
}
static void as_chosen(const Target *t)
{
    for (int i = 0; i < n_cases; i++)
        run_case(&cases[i], t, FUSE_ALL, CONV_AUTO, false);
}

int main(void)
{
    static const OnTarget what[] = {{"forms", all_forms}, {"as chosen", as_chosen}};
    return run_on_targets("compiled, Winograd", what, 2, true);
}
