/* Compiled graphs against the reference interpreter, direct convolutions in f32: unfused and fused,
 * on every target that runs here; bounds and cases in compiled.c. FILTER=PATTERN: some targets
 * only. */
#include "compiled.h"

static void all_cases(const Target *t, unsigned fuse)
{
    for (int i = 0; i < n_cases; i++)
        run_case(&cases[i], t, fuse, CONV_DIRECT, false);
}
static void unfused(const Target *t) { all_cases(t, FUSE_NONE); }
static void fused(const Target *t) { all_cases(t, FUSE_ALL); }

int main(void)
{
    static const OnTarget what[] = {{"unfused", unfused}, {"fused", fused}};
    return run_on_targets("compiled", what, 2, PRODUCTS_F32);
}
