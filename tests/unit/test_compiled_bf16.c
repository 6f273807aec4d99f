/* Compiled graphs with bf16 operands against the reference interpreter; bounds and cases in compiled.c. */
#include "compiled.h"

static void direct(const Target *t) {
    for (int i = 0; i < n_cases; i++)
        for (int fuse = FUSE_NONE; fuse <= FUSE_ALL; fuse += FUSE_ALL) run_case(&cases[i], t, (unsigned)fuse, CONV_DIRECT, true);
}
static void winograd(const Target *t) {
    for (int i = 0; i < n_winograd_cases; i++) {
        run_case(&winograd_cases[i], t, FUSE_ALL, CONV_F23, true);
        run_case(&winograd_cases[i], t, FUSE_ALL, CONV_F23S, true);
        if (winograd_cases[i].build == up) run_case(&winograd_cases[i], t, FUSE_ALL, CONV_UP, true);
    }
}

int main(void) {
    static const OnTarget what[] = {{"direct", direct}, {"Winograd", winograd}};
    return run_on_targets("compiled, bf16", what, 2, false);
}
