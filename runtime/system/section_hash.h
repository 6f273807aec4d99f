/* The 64-bit hash of a container's sections: gigabytes at the speed of memory.
 *
 * The bytes are cut into chunks of 4 MiB. A chunk's hash runs 16 lanes of 64 bits over stripes of
 * 128 bytes with operations that every vector unit has (xor, add, shifts), 32 GB/s on one core of a
 * Zen 4. The hash of the section folds the chunks' hashes, in order, and the length. So chunks can
 * be hashed in any order by any threads, and the result is the same on every CPU.
 *
 * A lane's step is a bijection of its old value for given data, and of the data for a given value,
 * and so are the folds: a change within 8 bytes always changes the hash. It detects accidents and
 * edits; it does not protect against an adversary. */
#ifndef LATENTRT_SECTION_HASH_H
#define LATENTRT_SECTION_HASH_H
#include <stddef.h>
#include <stdint.h>

enum { LRT_HASH_STRIPE = 128, LRT_HASH_LANES = LRT_HASH_STRIPE / 8 };
#define LRT_HASH_CHUNK ((size_t)4 << 20)
/* Chunks of n bytes. */
uint64_t lrt_hash_chunks(uint64_t n);
/* The hash of one chunk: n bytes, at most LRT_HASH_CHUNK; only the last one may be shorter. */
uint64_t lrt_hash_chunk(const void *p, size_t n);
/* The hash of a section of n bytes from those of its chunks, (lrt_hash_chunks(n)). */
uint64_t lrt_hash_fold(const uint64_t *chunks, uint64_t n);
/* The hash of a whole section, in the calling thread. */
uint64_t lrt_hash_section(const void *p, uint64_t n);

/* State of the same hash for bytes that come in parts: lrt_hash_begin, lrt_hash_add any number of
 * times, lrt_hash_end. */
typedef struct {
    uint64_t lane[LRT_HASH_LANES], folded, total;
    size_t in_chunk;                     /* bytes of the current chunk so far */
    unsigned char tail[LRT_HASH_STRIPE]; /* its last in_chunk % LRT_HASH_STRIPE bytes */
} lrt_hasher;

/* Starts a hash; adds n bytes; returns the hash of all bytes added, after which h is used up. */
void lrt_hash_begin(lrt_hasher *h);
void lrt_hash_add(lrt_hasher *h, const void *p, size_t n);
uint64_t lrt_hash_end(lrt_hasher *h);
#endif
