/* Compiled graphs with bf16 operands against the reference interpreter, direct convolutions; bounds
 * and cases in compiled.c. */
#include "compiled.h"

static void direct(const Target *t)
{
    for (int i = 0; i < n_cases; i++)
        for (int fuse = FUSE_NONE; fuse <= FUSE_ALL; fuse += FUSE_ALL)
            run_case(&cases[i], t, (unsigned)fuse, CONV_DIRECT, true);
}

int main(void)
{
    static const OnTarget what[] = {{"direct", direct}};
    return run_on_targets("compiled, bf16", what, 1, PRODUCTS_BF16);
}
