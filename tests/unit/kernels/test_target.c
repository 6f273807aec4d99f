/* The rows of targets.def: which one "host" is, and what their cores need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cpu.h"
#include "target.h"

/* A row that serves int8 alone is never that of other products; with int8, a row with an
 * instruction is taken wherever one runs. */
static void host(void **state)
{
    (void)state;
    int n;
    bool fast = false;
    const Target *table = target_table(&n);
    for (int i = 0; i < n; i++)
        fast |= target_runs_here(&table[i]) && target_dot8(&table[i]);
    const Target *f32 = target_for("host", PRODUCTS_F32), *bf16 = target_for("host", PRODUCTS_BF16),
                 *int8 = target_for("host", PRODUCTS_INT8);
    assert_true(target_runs_here(f32) && target_runs_here(bf16) && target_runs_here(int8));
    assert_int_equal(f32->core, CORE_FMA);
    assert_false(target_int8_alone(f32) || target_int8_alone(bf16));
    assert_true(bf16->core == CORE_FMA || bf16 == int8);
    assert_int_equal(target_dot8(int8), fast);
}

/* A row needs the instruction of its int8 core, in the encoding that LLVM chooses for it. */
static void needs(void **state)
{
    (void)state;
    static const struct {
        const char *row;
        uint32_t bit;
    } rows[] = {{"x86-64-v3-vnni", LRT_CPU_AVX_VNNI},
                {"x86-64-v4-vnni", LRT_CPU_AVX512_VNNI},
                {"x86-64-v4-bf16", LRT_CPU_AVX512_VNNI},
                {"amx", LRT_CPU_AVX512_VNNI},
                {"aarch64-dot", LRT_CPU_DOTPROD},
                {"x86-64-v3", 0},
                {"amx-model", 0},
                {"aarch64", 0}};
    const uint32_t all = LRT_CPU_AVX_VNNI | LRT_CPU_AVX512_VNNI | LRT_CPU_AMX_INT8 |
                         LRT_CPU_DOTPROD;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(target_cpu_bits(target_for(rows[i].row, PRODUCTS_INT8)) & all,
                         rows[i].bit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(host), cmocka_unit_test(needs)};
    return cmocka_run_group_tests_name("targets", tests, NULL, NULL);
}
