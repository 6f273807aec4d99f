/* See hash.h. */
#include "hash.h"

#include <stdlib.h>
#include <string.h>

#include "threads.h"

#define K0 0x9FB21C651E98DF25ull
#define K1 0xD6E8FEB86659FD93ull
#define K2 0xC2B2AE3D27D4EB4Full
#define K3 0xFF51AFD7ED558CCDull

static inline uint64_t rotl(uint64_t x, int r) { return x << r | x >> (64 - r); }

static inline uint64_t finish(uint64_t x)
{
    x ^= x >> 32;
    x *= K0;
    x ^= x >> 29;
    x *= K1;
    return x ^ x >> 32;
}

static inline uint64_t load64(const unsigned char *p)
{
    uint64_t x;
    memcpy(&x, p, 8);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? x : __builtin_bswap64(x);
}

static void lanes_begin(uint64_t lane[4])
{
    lane[0] = K0;
    lane[1] = K1;
    lane[2] = K2;
    lane[3] = K3;
}

/* Whole 32-byte blocks. */
static void lanes_add(uint64_t lane[4], const unsigned char *p, size_t blocks)
{
    uint64_t a = lane[0], b = lane[1], c = lane[2], d = lane[3];
    for (size_t i = 0; i < blocks; i++, p += 32) {
        a = rotl(a ^ load64(p), 27) * K2 + K1;
        b = rotl(b ^ load64(p + 8), 29) * K2 + K1;
        c = rotl(c ^ load64(p + 16), 31) * K2 + K1;
        d = rotl(d ^ load64(p + 24), 33) * K2 + K1;
    }
    lane[0] = a;
    lane[1] = b;
    lane[2] = c;
    lane[3] = d;
}

/* The hash of a chunk of n bytes; tail: its last n % 32 bytes. */
static uint64_t lanes_end(uint64_t lane[4], const unsigned char *tail, size_t n)
{
    size_t rest = n % 32;
    if (rest) {
        unsigned char last[32] = {0};
        memcpy(last, tail, rest);
        lanes_add(lane, last, 1);
    }
    uint64_t h = n;
    for (int i = 0; i < 4; i++)
        h = finish(h * K3 + lane[i]);
    return h;
}

static uint64_t hash_chunk(const unsigned char *p, size_t n)
{
    uint64_t lane[4];
    lanes_begin(lane);
    lanes_add(lane, p, n / 32);
    return lanes_end(lane, p + n / 32 * 32, n);
}

static uint64_t combine(uint64_t whole, uint64_t chunk) { return finish(whole * K2 + chunk); }

uint64_t lrt_hash64(const void *data, uint64_t n)
{
    const unsigned char *p = data;
    uint64_t chunks = (n + LRT_HASH_CHUNK - 1) / LRT_HASH_CHUNK, whole = 0;
    enum { AT_ONCE = 256 };
    uint64_t hash[AT_ONCE];
    for (uint64_t first = 0; first < chunks; first += AT_ONCE) {
        int here = chunks - first < AT_ONCE ? (int)(chunks - first) : AT_ONCE;
        int threads = here > 1 ? lrt_chosen_threads() : 1; /* it may start some to count them */
#pragma omp parallel for schedule(static) num_threads(threads)
        for (int i = 0; i < here; i++) {
            uint64_t begin = (first + (uint64_t)i) * LRT_HASH_CHUNK;
            hash[i] = hash_chunk(p + begin,
                                 n - begin < LRT_HASH_CHUNK ? (size_t)(n - begin) : LRT_HASH_CHUNK);
        }
        for (int i = 0; i < here; i++)
            whole = combine(whole, hash[i]);
    }
    return combine(whole, n);
}

void lrt_hash_begin(lrt_hasher *h)
{
    *h = (lrt_hasher){0};
    lanes_begin(h->lane);
}

static void end_chunk(lrt_hasher *h)
{
    h->combined = combine(h->combined, lanes_end(h->lane, h->tail, h->in_chunk));
    lanes_begin(h->lane);
    h->in_chunk = 0;
}

void lrt_hash_add(lrt_hasher *h, const void *data, size_t n)
{
    const unsigned char *p = data;
    h->total += n;
    while (n) {
        size_t held = h->in_chunk % 32, room = LRT_HASH_CHUNK - h->in_chunk,
               take = n < room ? n : room;
        if (held || take < 32) { /* completes the open block */
            if (take > 32 - held)
                take = 32 - held;
            memcpy(h->tail + held, p, take);
            if (held + take == 32)
                lanes_add(h->lane, h->tail, 1);
        } else {
            take -= take % 32;
            lanes_add(h->lane, p, take / 32);
        }
        h->in_chunk += take;
        p += take;
        n -= take;
        if (h->in_chunk == LRT_HASH_CHUNK)
            end_chunk(h);
    }
}

uint64_t lrt_hash_end(lrt_hasher *h)
{
    if (h->in_chunk)
        end_chunk(h);
    return combine(h->combined, h->total);
}
