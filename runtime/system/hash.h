/* The 64-bit hash of containers.
 *
 * The bytes are cut into chunks of 4 MiB. A chunk's hash runs four lanes of multiply and rotate
 * over 32-byte blocks. The hash of the whole folds the chunks' hashes, in order, and the length. It
 * detects accidents and edits; it does not protect against an adversary. */
#ifndef LATENTRT_HASH_H
#define LATENTRT_HASH_H
#include <stddef.h>
#include <stdint.h>

#define LRT_HASH_CHUNK ((size_t)4 << 20)
/* The hash of n bytes. Chunks are hashed in parallel (OpenMP); the result does not depend on the
 * number of threads. Up to one chunk no thread is started. */
uint64_t lrt_hash64(const void *p, uint64_t n);

/* State of the same hash for bytes that come in parts: lrt_hash_begin, lrt_hash_add any number of
 * times, lrt_hash_end. One thread computes it. */
typedef struct {
    uint64_t lane[4], combined, total;
    size_t in_chunk;        /* bytes of the current chunk so far */
    unsigned char tail[32]; /* its last in_chunk % 32 bytes */
} lrt_hasher;

/* Starts a hash; adds n bytes; returns the hash of all bytes added, after which h is used up. */
void lrt_hash_begin(lrt_hasher *h);
void lrt_hash_add(lrt_hasher *h, const void *p, size_t n);
uint64_t lrt_hash_end(lrt_hasher *h);
#endif
