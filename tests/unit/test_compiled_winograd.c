/* Compiled graphs against the reference interpreter, convolutions by every Winograd form and as
 * chosen, in f32; bounds and cases in compiled.c. */
#include "compiled.h"

static void all_forms(const Target *t)
{
    for (int i = 0; i < n_winograd_cases; i++)
        for (ConvMode mode = CONV_F23; mode <= CONV_F43U; mode++) {
            if ((mode == CONV_UP || mode == CONV_UP43) && winograd_cases[i].build != up)
                continue;
            if (mode <= CONV_UP43)
                run_case(&winograd_cases[i], t, FUSE_NONE, mode,
                         false); /* the others differ in nothing that fusing touches */
            run_case(&winograd_cases[i], t, FUSE_ALL, mode, false);
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
