/* Output files appear only when they are complete. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "folder.h"
#include "output.h"

/* Nothing is left of a file for which the disk has no room. */
static void test_full_disk(void **state)
{
    lrt_error e;
    lrt_output o = {.stream = NULL};
    (void)state;
    if (access("/dev/full", W_OK))
        skip();
    assert_true(lrt_output_open(&o, in_folder("b"), &e));
    assert_non_null(freopen("/dev/full", "wb", o.stream));
    for (int i = 0; i < 100000; i++)
        fputc('x', o.stream);
    assert_false(lrt_output_commit(&o, &e));
    assert_int_not_equal(access(in_folder("b"), F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_full_disk)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
