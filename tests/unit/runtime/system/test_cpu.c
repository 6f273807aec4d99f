/* The CPU's features: found, compared, enabled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cpu.h"
#include "plan.h"

static void test_cpu(void **state)
{
    uint32_t have = lrt_cpu_features();
    (void)state;
    lrt_error e = {""};
    assert_true(lrt_cpu_check(have, &e));
    assert_true(lrt_cpu_check(0, &e));
    assert_true(lrt_cpu_enable(have & ~(uint32_t)LRT_CPU_AMX_BF16, &e));
#ifdef __x86_64__
    assert_false(lrt_cpu_check(have | LRT_CPU_NEON, &e));
    assert_non_null(strstr(e.text, "NEON"));
    bool granted = lrt_cpu_enable(
        LRT_CPU_AMX_BF16,
        &e); /* Linux refuses where the CPU has none; a sandbox may refuse anyway */
    if (!(have & LRT_CPU_AMX_BF16))
        assert_true(!granted && strstr(e.text, "AMX tiles"));
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cpu)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
