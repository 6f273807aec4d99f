/* The CPU's features: found, compared, enabled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "cpu.h"
#include "plan.h"

/* The operating system says the same in words. A sandbox may show no /proc/cpuinfo. */
static void agrees_with_linux(uint32_t have)
{
    static const struct {
        uint32_t bit;
        const char *word;
    } words[] = {
        {LRT_CPU_AVX2, " avx2 "},
        {LRT_CPU_FMA, " fma "},
        {LRT_CPU_F16C, " f16c "},
        {LRT_CPU_AVX_VNNI, " avx_vnni "},
        {LRT_CPU_AVX512_VNNI, " avx512_vnni "},
        {LRT_CPU_AVX512_BF16, " avx512_bf16 "},
        {LRT_CPU_AMX_BF16, " amx_bf16 "},
        {LRT_CPU_AMX_INT8, " amx_int8 "},
        {LRT_CPU_DOTPROD, " asimddp "},
    };
    static char line[1 << 14];
    FILE *f = fopen("/proc/cpuinfo", "r");
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f))
        found = !strncmp(line, "flags", 5) || !strncmp(line, "Features", 8);
    if (f)
        fclose(f);
    char *end = strchr(line, '\n');
    if (!found || !end)
        return;
    *end = ' ';
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_int_equal(!!(have & words[i].bit), strstr(line, words[i].word) != NULL);
}

static void test_cpu(void **state)
{
    uint32_t have = lrt_cpu_features(), tiles = LRT_CPU_AMX_BF16 | LRT_CPU_AMX_INT8;
    (void)state;
    lrt_error e = {""};
    agrees_with_linux(have);
    assert_true(lrt_cpu_check(have, &e));
    assert_true(lrt_cpu_check(0, &e));
    assert_true(lrt_cpu_enable(have & ~tiles, &e));
#ifdef __x86_64__
    assert_false(lrt_cpu_check(have | LRT_CPU_NEON | LRT_CPU_DOTPROD, &e));
    assert_non_null(strstr(e.text, "NEON, Arm dot products"));
    for (uint32_t bit = 1; bit <= tiles; bit <<= 1) {
        /* Linux refuses where the CPU has none; a sandbox may refuse anyway */
        bool granted = lrt_cpu_enable(bit & tiles, &e);
        if (bit & tiles & ~have)
            assert_true(!granted && strstr(e.text, "AMX tiles"));
    }
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cpu)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
