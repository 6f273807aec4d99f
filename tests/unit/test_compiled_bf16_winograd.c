/* Compiled graphs with bf16 operands against the reference interpreter, Winograd convolutions;
 * bounds and cases in compiled.c. */
#include "compiled.h"

static void winograd(const Target *t)
{
    for (int i = 0; i < n_winograd_cases; i++) {
        run_case(&winograd_cases[i], t, FUSE_ALL, CONV_F23, true);
        run_case(&winograd_cases[i], t, FUSE_ALL, CONV_F23S, true);
        run_case(&winograd_cases[i], t, FUSE_ALL, CONV_F23U, true);
        for (ConvMode mode = CONV_F23X; mode <= CONV_F43XU && target_tiles(t); mode++)
            run_case(&winograd_cases[i], t, FUSE_ALL, mode, true);
        for (ConvMode mode = CONV_UP; mode <= CONV_UP43 && winograd_cases[i].build == up; mode++)
            run_case(&winograd_cases[i], t, FUSE_ALL, mode, true);
    }
}

int main(void)
{
    static const OnTarget what[] = {{"Winograd", winograd}};
    return run_on_targets("compiled, bf16, Winograd", what, 1, false);
}
