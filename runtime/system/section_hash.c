/* See section_hash.h. */
#include "section_hash.h"

#include <string.h>

#include "hash_mix.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "containers are little-endian");

/* A register of SSE2 and of NEON: what every CPU of the supported architectures has. */
typedef uint64_t Vector __attribute__((vector_size(16)));
enum { VECTORS = LRT_HASH_STRIPE / 16 };

static void lanes_begin(uint64_t lane[LRT_HASH_LANES])
{
    for (unsigned i = 0; i < LRT_HASH_LANES; i++)
        lane[i] = (i + 1) * LRT_MIX_0;
}

/* A lane's step: data enter; low bits reach high ones by the add, high bits low ones by the xor. */
static inline Vector mixed(Vector x, const unsigned char *p)
{
    Vector data;
    memcpy(&data, p, sizeof data);
    x ^= data;
    x += x << 23;
    return x ^ x >> 31;
}

/* Whole stripes. Eight registers, each by its name: an array of them would live in memory. */
static void lanes_add(uint64_t lane[LRT_HASH_LANES], const unsigned char *p, size_t stripes)
{
    Vector v[VECTORS];
    memcpy(v, lane, sizeof v);
    Vector a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];
    for (size_t i = 0; i < stripes; i++, p += LRT_HASH_STRIPE) {
        a = mixed(a, p);
        b = mixed(b, p + 16);
        c = mixed(c, p + 32);
        d = mixed(d, p + 48);
        e = mixed(e, p + 64);
        f = mixed(f, p + 80);
        g = mixed(g, p + 96);
        h = mixed(h, p + 112);
    }
    const Vector all[VECTORS] = {a, b, c, d, e, f, g, h};
    memcpy(lane, all, sizeof all);
}

/* The hash of a chunk of n bytes; tail: its last n % LRT_HASH_STRIPE bytes. */
static uint64_t lanes_end(uint64_t lane[LRT_HASH_LANES], const unsigned char *tail, size_t n)
{
    size_t rest = n % LRT_HASH_STRIPE;
    if (rest) {
        unsigned char last[LRT_HASH_STRIPE] = {0};
        memcpy(last, tail, rest);
        lanes_add(lane, last, 1);
    }
    uint64_t h = n;
    for (int i = 0; i < LRT_HASH_LANES; i++)
        h = lrt_mix(h * LRT_MIX_3 + lane[i]);
    return h;
}

uint64_t lrt_hash_chunk(const void *data, size_t n)
{
    const unsigned char *p = data;
    uint64_t lane[LRT_HASH_LANES];
    lanes_begin(lane);
    lanes_add(lane, p, n / LRT_HASH_STRIPE);
    return lanes_end(lane, p + n / LRT_HASH_STRIPE * LRT_HASH_STRIPE, n);
}

uint64_t lrt_hash_chunks(uint64_t n) { return n / LRT_HASH_CHUNK + (n % LRT_HASH_CHUNK != 0); }

uint64_t lrt_hash_fold(const uint64_t *chunks, uint64_t n)
{
    uint64_t folded = 0;
    for (uint64_t i = 0; i < lrt_hash_chunks(n); i++)
        folded = lrt_mix_fold(folded, chunks[i]);
    return lrt_mix_fold(folded, n);
}

uint64_t lrt_hash_section(const void *p, uint64_t n)
{
    lrt_hasher h;
    lrt_hash_begin(&h);
    lrt_hash_add(&h, p, n);
    return lrt_hash_end(&h);
}

void lrt_hash_begin(lrt_hasher *h)
{
    *h = (lrt_hasher){0};
    lanes_begin(h->lane);
}

static void end_chunk(lrt_hasher *h)
{
    h->folded = lrt_mix_fold(h->folded, lanes_end(h->lane, h->tail, h->in_chunk));
    lanes_begin(h->lane);
    h->in_chunk = 0;
}

void lrt_hash_add(lrt_hasher *h, const void *data, size_t n)
{
    const unsigned char *p = data;
    h->total += n;
    while (n) {
        size_t held = h->in_chunk % LRT_HASH_STRIPE, room = LRT_HASH_CHUNK - h->in_chunk,
               take = n < room ? n : room;
        if (held || take < LRT_HASH_STRIPE) { /* completes the open stripe */
            if (take > LRT_HASH_STRIPE - held)
                take = LRT_HASH_STRIPE - held;
            memcpy(h->tail + held, p, take);
            if (held + take == LRT_HASH_STRIPE)
                lanes_add(h->lane, h->tail, 1);
        } else {
            take -= take % LRT_HASH_STRIPE;
            lanes_add(h->lane, p, take / LRT_HASH_STRIPE);
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
    return lrt_mix_fold(h->folded, h->total);
}
