/* latentc targets: the table of targets, and what this machine has. */
#include "commands.h"
#include "target.h"
#include "cpu.h"
#include "threads.h"
#include "err.h"

#include <string.h>
#include <stdio.h>

static void print_machine(void)
{
    /* clang-format off */
    static const struct { uint32_t bit; const char *name; } features[] = {
        {LRT_CPU_AVX2, "avx2"}, {LRT_CPU_FMA, "fma"}, {LRT_CPU_F16C, "f16c"}, {LRT_CPU_AVX512, "avx512"},
        {LRT_CPU_AVX512_BF16, "avx512_bf16"}, {LRT_CPU_AVX512_VNNI, "avx512_vnni"}, {LRT_CPU_AMX_BF16, "amx_bf16"}, {LRT_CPU_NEON, "neon"},
        {LRT_CPU_AVX_VNNI, "avx_vnni"}, {LRT_CPU_AMX_INT8, "amx_int8"}, {LRT_CPU_DOTPROD, "dotprod"},
    };
    /* clang-format on */
    uint32_t have = lrt_cpu_features();
    printf("this machine: %s, with --dtype bf16 %s, with int8 %s;",
           target_for("host", PRODUCTS_F32)->name, target_for("host", PRODUCTS_BF16)->name,
           target_for("host", PRODUCTS_INT8)->name);
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
        if (have & features[i].bit)
            printf(" %s", features[i].name);
    printf("; %d thread%s\n", lrt_default_threads(), lrt_default_threads() == 1 ? "" : "s");
}

int cmd_targets(int argc, char **argv)
{
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        puts(
            "usage: latentc targets\nLists the names that --target takes. 'host', the default, is the last row that runs here and serves the dtype.\n"
            "  latentc targets\n\n      --help                     this text");
        return EXIT_OK;
    }
    if (argc > 1)
        usage_err("targets: unexpected argument '%s'", argv[1]);
    int n;
    const Target *table = target_table(&n);
    for (const Target *t = table; t < table + n; t++)
        printf("%-14s %-4s %s\n", t->name, target_runs_here(t) ? "yes" : "no", t->text);
    print_machine();
    return EXIT_OK;
}
