/* Numbers are printed so that they read back as the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "buf.h"

static void test_numbers_read_back(void **state)
{
    (void)state;
    static const double values[] = {0,     1,      -1,     0.1, 1e-5, 1.0 / 3, 5.489980785067252,
                                    1e300, 5e-324, 0.18215};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        Buf b = {0};
        buf_real(&b, values[i]);
        assert_true(strtod(b.data, NULL) == values[i]);
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers_read_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
