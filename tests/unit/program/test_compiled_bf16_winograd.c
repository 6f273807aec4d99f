/* Compiled graphs with bf16 operands against the reference interpreter, Winograd convolutions;
 * bounds and cases in compiled.c. The quick tier takes every second pair of case and form,
 * every fourth where the form does not pay. */
#include "compiled.h"
#include "algorithm.h"
#include <stdlib.h>

static void winograd(const Target *t)
{
    for (int i = 0; i < n_winograd_cases; i++)
        for (int f = 0; f < CONV_FORMS; f++) {
            const ConvForm *form = &conv_forms[f];
            bool upsamples = form->mode == CONV_UP || form->mode == CONV_UP43;
            if (form->winograd == WINOGRAD_NONE || !form->bf16 ||
                (upsamples && winograd_cases[i].build != up) ||
                ((i + f) % (form_pays(form, t, true) ? 2 : 4) && !getenv("LATENTC_LONG")))
                continue;
            run_case(&winograd_cases[i], t, FUSE_ALL, form->mode, true);
        }
}

int main(void)
{
    static const OnTarget what[] = {{"Winograd", winograd}};
    return run_on_targets("compiled, bf16, Winograd", what, 1, PRODUCTS_BF16);
}
