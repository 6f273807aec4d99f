/* The two hashes: of small data, and of containers' sections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "hash.h"
#include "section_hash.h"

enum { MOST = 4 * 4 << 20 };
static unsigned char *data;

static int make_data(void **state)
{
    (void)state;
    data = malloc(MOST);
    for (size_t i = 0; data && i < MOST; i++)
        data[i] = (unsigned char)(i * 2654435761u >> 13);
    return !data;
}

static int free_data(void **state)
{
    (void)state;
    free(data);
    return 0;
}

/* Old pictures record the first hash, files hold the second: neither may ever change, on any CPU.
 * The first column is of the version that had one hash for both; the second one was computed by a
 * program of its own, from the description in section_hash.h. */
static void test_recorded(void **state)
{
    static const struct {
        size_t n;
        uint64_t small, section;
    } rows[] = {{0, 0, 0},
                {1, 0xfba425c896088172, 0x1e69ea20d0c47965},
                {1000, 0xa0d438b06e42243c, 0x603ff68b57ee587e},
                {4194305, 0x64f97eb2c8a22678, 0xa65f3c02706c9d6d},
                {12582989, 0x44108506d32a6db1, 0xedb10b8fac677f52}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(lrt_hash64(data, rows[i].n) == rows[i].small);
        assert_true(lrt_hash_section(data, rows[i].n) == rows[i].section);
    }
}

static uint64_t by_chunks(size_t n)
{
    uint64_t hash[4] = {0};
    for (uint64_t i = lrt_hash_chunks(n); i-- > 0;) { /* in any order */
        size_t rest = n - i * LRT_HASH_CHUNK;
        hash[i] = lrt_hash_chunk(data + i * LRT_HASH_CHUNK,
                                 rest < LRT_HASH_CHUNK ? rest : LRT_HASH_CHUNK);
    }
    return lrt_hash_fold(hash, n);
}

/* The same hash of chunks, and of pieces of any size; another one for any changed byte. */
static void test_section(void **state)
{
    static const size_t sizes[] = {0,
                                   1,
                                   127,
                                   128,
                                   129,
                                   1000,
                                   LRT_HASH_CHUNK - 1,
                                   LRT_HASH_CHUNK,
                                   LRT_HASH_CHUNK + 1,
                                   3 * LRT_HASH_CHUNK + 77};
    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        size_t n = sizes[k];
        uint64_t whole = by_chunks(n);
        lrt_hasher h;
        lrt_hash_begin(&h);
        for (size_t at = 0, piece = 1; at < n; at += piece, piece = piece * 3 % 100003 + 1)
            lrt_hash_add(&h, data + at, piece < n - at ? piece : n - at);
        assert_true(lrt_hash_end(&h) == whole);
        if (n) {
            assert_true(by_chunks(n - 1) != whole);
            data[n / 2] ^= 1;
            assert_true(by_chunks(n) != whole);
            data[n / 2] ^= 1;
        }
    }
}

/* Every single bit of some stripes, and words that change places. */
static void test_changes(void **state)
{
    enum { N = 1000 };
    uint64_t whole = by_chunks(N);
    (void)state;
    for (int bit = 0; bit < 8 * N; bit++) {
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_true(by_chunks(N) != whole);
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    for (int at = 0; at + 8 < N; at++)
        for (int by = 8; at + by + 8 <= N; by *= 2) {
            for (int i = 0; i < 16; i++) { /* the second time puts them back */
                unsigned char *a = data + at + i % 8, *b = a + by, c = *a;
                *a = *b;
                *b = c;
                if (i == 7)
                    assert_true(by_chunks(N) != whole);
            }
        }
    assert_true(by_chunks(N) == whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_recorded),
                                       cmocka_unit_test(test_section),
                                       cmocka_unit_test(test_changes)};
    return cmocka_run_group_tests(tests, make_data, free_data);
}
