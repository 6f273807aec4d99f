/* The hash of containers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "hash.h"

/* The same hash in one call and in pieces of any size; another one for any changed byte. */
static void test_hash(void **state)
{
    /* clang-format off */
    static const size_t sizes[] = {
        0, 1, 31, 32, 33, 1000, LRT_HASH_CHUNK - 1, LRT_HASH_CHUNK, LRT_HASH_CHUNK + 1, 3 * LRT_HASH_CHUNK + 77};
    size_t most = 4 * LRT_HASH_CHUNK;
    unsigned char *p = malloc(most);
    (void)state;
    for (size_t i = 0; i < most; i++)
        p[i] = (unsigned char)(i * 2654435761u >> 13);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        size_t n = sizes[k];
        uint64_t whole = lrt_hash64(p, n);
        lrt_hasher h;
        lrt_hash_begin(&h);
        for (size_t at = 0, piece = 1; at < n; at += piece, piece = piece * 3 % 100003 + 1)
            lrt_hash_add(&h, p + at, piece < n - at ? piece : n - at);
        assert_true(lrt_hash_end(&h) == whole);
        if (n) {
            assert_true(lrt_hash64(p, n - 1) != whole);
            p[n / 2] ^= 1;
            assert_true(lrt_hash64(p, n) != whole);
            p[n / 2] ^= 1;
        }
    }
    /* clang-format on */
    assert_true(lrt_hash64(p, 5) == lrt_hash64(p, 5));
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hash)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
